"""A small repository and a scripted engine: real types, answers that the test controls."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from indexer.types import BuildReport, Chunk, Progress, Span
from repocoder.choices import Choices
from repocoder.config import Settings
from repocoder.types import (
    Check,
    Completion,
    CompletionRequest,
    DroppedHit,
    IndexStatus,
    ModelInfo,
    PassReport,
    Prompt,
    Timings,
)
from retrieval.types import Evidence, GateDecision, Hit
from tui.app import RepocoderApp
from tui.messages import FileChosen
from tui.screens.workspace import WorkspaceScreen
from tui.widgets.editor import Editor

if TYPE_CHECKING:
    from repocoder.engine import Engine

TEXT = "import helper\n\n\ndef main():\n    value = \n    return value\n"
SUGGESTION = "helper.build(\n        name,\n    )"


def make_hit(path: str, line: int, name: str, why: str) -> Hit:
    span = Span(line, line + 2, 0, 10)
    chunk = Chunk(line, path, span, "python", "function", name, "", f"def {name}(): ...")
    return Hit(chunk, 1.0, (Evidence("definitions", 1, 1.0, why),), chunk.text, line, line + 2)


class ScriptedEngine:
    """Implements what the application uses of the Engine; the test decides when and what it answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = Settings(automatic="off", speculate="off")  # tests of them switch them on
        self.notes: list[str] = []
        self.choices = Choices(root.parent / "index", self.notes)
        self.text = SUGGESTION
        self.second: str | None = None  # text of a second pass
        self.reason = "`helper` is imported and defined in this repository"
        self.hits = [make_hit("helper.py", 3, "build", "defines `build`, imported at line 1")]
        self.dropped = [make_hit("other.py", 1, "other", "shares build, name")]
        self.requests: list[CompletionRequest] = []
        self.cancelled = 0
        self.builds = 0
        self.files = 4
        self.changes: list[int] = []  # numbers of files that the next builds of the watcher report
        self.watch_notes: list[str] = []
        self.error: Exception | None = None
        self.first_piece = threading.Event()  # set by the engine after the first piece was streamed
        self.go_on = threading.Event()  # the engine waits for it after the first piece
        self.go_on.set()
        self.slow_to_end = threading.Event()  # a cancelled completion waits for it before it returns
        self.slow_to_end.set()
        self.indexed = threading.Event()  # the first index waits for it
        self.indexed.set()

    def status(self, *, look: bool = True) -> IndexStatus:
        generation = 1 if self.builds else 0
        return IndexStatus(
            str(self.root), "", True, not self.builds, generation, self.files, 9, 7, 5, 1000, ()
        )

    def index(
        self,
        *,
        rebuild: bool = False,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> BuildReport:
        if progress is not None:
            progress(Progress("parse", 1, 4, "helper.py"))
        while not self.indexed.wait(0.01) and not (cancel is not None and cancel.is_set()):
            pass
        self.builds += 1
        return BuildReport(4, 9, 7, 5, {}, 4, self.builds, 0.01)

    def watch(
        self,
        stop: threading.Event,
        *,
        on_build: Callable[[BuildReport], None],
        on_note: Callable[[str], None],
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        while not stop.wait(0.01):
            while self.changes:  # files that the test says were saved elsewhere
                self.builds += 1
                on_build(BuildReport(self.changes.pop(), 9, 7, 5, {}, 1, self.builds, 0.01))
            while self.watch_notes:
                on_note(self.watch_notes.pop())

    def model_info(self) -> ModelInfo:
        return ModelInfo("scripted-1m", "0" * 64)

    def warm_up(self) -> None:
        return None

    def close(self) -> None:
        for event in (self.go_on, self.slow_to_end, self.indexed):
            event.set()

    def complete(
        self,
        request: CompletionRequest,
        *,
        on_text: Callable[[str, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        assert on_text is not None and cancel is not None
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        for end in range(1, len(self.text) + 1):
            on_text(self.text[:end], 1)
            self.first_piece.set()
            while not self.go_on.wait(0.005) and not cancel.is_set():
                pass
            if cancel.is_set():
                self.slow_to_end.wait()
                self.cancelled += 1
                return self._completion(request, self.text[:end], "cancelled")
        if self.second is not None:
            on_text(self.second, 2)
        return self._completion(request, self.second or self.text, "end")

    def _completion(self, request: CompletionRequest, text: str, stop: str) -> Completion:
        assert request.text is not None and request.column is not None
        prompt = Prompt(
            token_ids=tuple(range(100)),
            text="",
            hits=tuple(self.hits),
            dropped=tuple(DroppedHit(hit, "over the budget") for hit in self.dropped),
            prefix_tokens=40,
            suffix_tokens=10,
            snippet_tokens=50,
            template="qwen",
            hit_tokens=(50,) * len(self.hits),
        )
        return Completion(
            text=text,
            stop_reason=stop,
            path=request.path,
            line=request.line,
            column=request.column,
            passes=tuple(
                PassReport(number, draft, -0.1, 100, 12, (), draft == text, "first pass")
                for number, draft in enumerate(dict.fromkeys((self.text, text)), 1)
            ),
            gate=GateDecision(True, 1.0, 0.5, self.reason),
            hits=(*self.hits, *self.dropped),
            prompt=prompt,
            checks=(Check("brackets", True, "brackets match"),),
            completion_tokens=12,
            mean_logprob=-0.1,
            timings=Timings(total_ms=321.0),
            model=self.model_info(),
            base_sha256=hashlib.sha256(request.text.encode()).hexdigest(),
        )


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the application remembers between two runs stays in the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three Python files, one binary, one secret, one ignored."""
    root = tmp_path / "fixture"
    (root / "package").mkdir(parents=True)
    (root / "main.py").write_text(TEXT)
    (root / "helper.py").write_text("import os\n\ndef build(name):\n    return os.fspath(name)\n")
    (root / "package" / "inner.py").write_text("x = 1\n")
    (root / "data.bin").write_bytes(b"\0\1\2")
    (root / ".env").write_text("SECRET=1\n")
    (root / ".gitignore").write_text("ignored.py\n")
    (root / "ignored.py").write_text("")
    return root


@pytest.fixture
def scripted(repository: Path) -> ScriptedEngine:
    return ScriptedEngine(repository)


@pytest.fixture
def app(scripted: ScriptedEngine) -> RepocoderApp:
    return RepocoderApp(cast("Engine", scripted))


class Driver:
    """What tests do with a pilot, again and again."""

    async def wait(self, pilot: Any, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Let the application run until the condition holds; fail after `seconds`."""
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await pilot.pause(0.02)
        assert condition()

    async def ready(self, pilot: Any) -> WorkspaceScreen:
        """The workspace, once files are listed and the index is there."""
        workspace: WorkspaceScreen = pilot.app.workspace
        await self.wait(pilot, lambda: workspace.is_mounted and workspace._reasons)
        await self.wait(pilot, lambda: "4 files" in self.text(pilot, "#status-ground"))
        return workspace

    async def open(self, pilot: Any, path: str = "main.py", line: int | None = None) -> Editor:
        """Open a file as a choice in the tree does."""
        workspace = await self.ready(pilot)
        workspace.post_message(FileChosen(path, line))
        await self.wait(pilot, lambda: workspace.area.current and workspace.area.current.file.path == path)
        await pilot.pause()
        editor = workspace.area.current
        assert editor is not None
        return editor

    async def ask(self, pilot: Any, key: str = "ctrl+n") -> Editor:
        """Open main.py, put the cursor into the hole and ask; returns when the answer is complete."""
        editor = await self.open(pilot)
        editor.move_cursor((4, 12))
        await pilot.press(key)
        await self.wait(pilot, lambda: not pilot.app.workspace.completing.running)
        await pilot.pause()
        return editor

    def text(self, pilot: Any, selector: str) -> str:
        return str(pilot.app.workspace.query_one(selector).render())

    def said(self, pilot: Any) -> str:
        """The status line about the completion."""
        return self.text(pilot, "#status-completion")

    def painted(self, pilot: Any) -> list[str]:
        """The screen as text, line by line."""
        strips = pilot.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]


@pytest.fixture
def ui() -> Driver:
    return Driver()
