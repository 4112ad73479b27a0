"""The pictures of the README are what the application paints now; `make pictures` makes them anew."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from repocoder.models import EMBEDDED_SHA256
from tests.tui.golden.compare import difference, lines_of, normalised

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
SEEN = 30  # characters of a line, beside two panes
STALE = "{} is not what is painted now:\n{}\nnew picture: {}\nif it is right: make pictures"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`tools/pictures.py`, which is no package."""
    spec = importlib.util.spec_from_file_location("pictures_script", ROOT / "tools" / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["workspace", "compact"])
async def test_a_picture_is_what_is_painted_now(
    name: str, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    root = script.make_repository(tmp_path / "shop")
    completion = script.load(PICTURES)
    svg = await script.take(root, completion, tmp_path / "index", script.PICTURES[name])
    before = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    differs = difference(normalised(before), normalised(svg))
    if differs:
        written = tmp_path / f"{name}.svg"
        written.write_text(svg, encoding="utf-8")
        pytest.fail(STALE.format(f"{name}.svg", differs, written), pytrace=False)


def test_what_they_show_was_written_by_the_embedded_model_for_this_text(
    script: ModuleType, tmp_path: Path
) -> None:
    completion = script.load(PICTURES)
    text = (script.make_repository(tmp_path / "shop") / script.PATH).read_bytes()
    assert completion.model.sha256 == EMBEDDED_SHA256, "another model is embedded now: make pictures"
    assert completion.base_sha256 == hashlib.sha256(text).hexdigest(), "another example: make pictures"
    shown = "\n".join(lines_of((PICTURES / "workspace.svg").read_text(encoding="utf-8")))
    assert completion.text.split("\n")[0][:SEEN] in shown  # the suggestion
    assert completion.prompt.hits
    for hit in completion.prompt.hits:  # and why
        assert f"{hit.path}:{hit.start_line}" in shown


def test_every_picture_is_shown_and_calls_nobody(script: ModuleType) -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(script.PICTURES)
    pages = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/tui.md"))
    for name in script.PICTURES:
        assert f"pictures/{name}.svg" in pages
        svg = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
        assert set(re.findall(r"https?://([\w.-]+)", svg)) <= {"www.w3.org", "www.textualize.io"}
        assert "@font-face" not in svg and "url(http" not in svg
