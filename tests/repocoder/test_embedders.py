"""Which encoder the setting `embedder` means, and what it is used for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from repocoder.config import Settings, load_settings
from repocoder.embedders import EMBEDDED, NONE
from repocoder.engine import Engine
from repocoder.errors import UsageError
from repocoder.types import CompletionRequest
from retrieval.types import Hit

FILES = {
    "disk.py": "def read_bytes(path):\n    return path.read_bytes()\n",
    "angles.py": "def rotate(matrix, angle):\n    return matrix @ turn(angle)\n",
    "greet.py": "def hello(name):\n    return 'hello ' + name\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def sources_of(root: Path, setting: str | None) -> tuple[set[str], set[str]]:
    """The channels that found something: for a search, and for a completion."""
    with Engine(root, Settings(workers=1, embedder=setting)) as engine:
        found = engine.search("load a file from disk", 3).hits
        request = CompletionRequest("new.py", 2, 0, text="# load a file from disk\n", retrieval="always")
        retrieved = engine.retrieve(request).hits
    return sources(found), sources(retrieved)


def sources(hits: Iterable[Hit]) -> set[str]:
    return {evidence.source for hit in hits for evidence in hit.evidence}


def test_by_default_the_embedded_encoder_serves_searches_only(root: Path) -> None:
    searched, completed = sources_of(root, None)
    assert "dense" in searched
    assert "dense" not in completed


def test_named_it_serves_completions_too(root: Path) -> None:
    searched, completed = sources_of(root, EMBEDDED)
    assert "dense" in searched
    assert "dense" in completed


def test_none_means_none(root: Path) -> None:
    searched, completed = sources_of(root, NONE)
    assert "dense" not in searched | completed


def test_a_question_finds_what_shares_no_word_out_of_the_box(root: Path) -> None:
    with Engine(root, Settings(workers=1)) as engine:
        hits = engine.search("load the content of a file", 3).hits
        assert hits[0].path == "disk.py"
        with Engine(root, Settings(workers=1, embedder=NONE)) as other:
            assert other.search("load the content of a file", 3).hits == ()


def test_a_change_of_the_setting_makes_the_vectors_that_are_missing(root: Path) -> None:
    assert "dense" not in sources_of(root, NONE)[0]
    assert "dense" in sources_of(root, None)[0]


def test_the_repository_may_not_choose_the_encoder(root: Path, tmp_path: Path) -> None:
    (root / ".repocoder.toml").write_text('embedder = "none"\n')
    loaded = load_settings(root, {})
    assert loaded.settings.embedder is None
    assert any("embedder" in warning for warning in loaded.warnings)


def test_a_flag_may_be_empty_only_by_mistake(root: Path) -> None:
    with pytest.raises(UsageError, match="embedder"):
        load_settings(root, {"embedder": " "})
