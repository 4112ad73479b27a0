"""What a cold start pays for: nothing that the first paint does not show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LATER = {
    "numpy",
    "faiss",
    "networkx",
    "tokenizers",
    "msgspec",
    "sqlite3",
    "pathspec",
    "watchfiles",
    "retrieval",
    "indexer.types",
    "indexer.walk",
    "indexer.ipc",
    "repocoder.engine",
    "repocoder.sessions",
    "repocoder.types",
    "repocoder.choices",
    "repocoder.navigation",
    "repocoder.models",
    "repocoder.llm",
    "click",
    "tomllib",
    "hmac",
    "pygments",
    "textual.widgets._text_area",
    "textual.widgets._footer",
    "repocoder.edits",
    "tui.colours",
    "tui.journal",
    "tui.places",
    "tui.saved_session",
    "tui.asking",
    "tui.screens.ask",
    "tui.screens.choice",
    "tui.screens.finder",
    "tui.screens.graph",
    "tui.screens.settings",
    "tui.screens.models",
    "tui.screens.doctor",
    "tui.widgets.editor",
    "tui.widgets.find_bar",
    "tui.widgets.tab_strip",
}
"""Imported when something is there to be seen, or when it is asked for."""

PROGRAM = """
import sys
from pathlib import Path
import repocoder.cli.edge, repocoder.cli.opening, tui.app
from repocoder.config import Settings
from tui.opening import OpenedLater
from tui.screens.workspace import WorkspaceScreen

seen = []

async def begin(self):
    seen.extend(sys.modules)
    painted = any("".join(one.text for one in strip).strip() for strip in self._compositor.render_strips())
    assert painted
    self.app.exit()

def opens(settings):
    raise SystemExit("the engine was opened before the first paint")

WorkspaceScreen._begin = begin
app = tui.app.RepocoderApp(OpenedLater(Path(sys.argv[1]), Settings(), opens))
app.run(headless=True, size=(120, 36))
print(*seen, file=sys.__stdout__)
"""


def test_the_first_paint_waits_for_no_part_of_the_engine(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    seen = set(done.stdout.split())
    assert "tui.screens.workspace" in seen, done.stderr
    assert seen & LATER == set()
