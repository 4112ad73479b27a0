"""`repocoder models`: a GGUF is recorded, checked, found damaged, removed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repocoder.cards import embedded_cards
from repocoder.models import EMBEDDED_NAME

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the embedded model under another name."""
    assets = Path(__file__).resolve().parents[2] / "repocoder" / "assets"
    (source,) = assets.glob("*.gguf")
    target = tmp_path_factory.mktemp("downloads") / "mine.gguf"
    shutil.copyfile(source, target)
    return target


def names(run: Run) -> list[str]:
    return [model["name"] for model in run("models", "list", "--json").json["models"]]


def test_a_model_comes_and_goes(run: Run, gguf: Path) -> None:
    before = names(run)
    assert len(before) == 1
    added = run("models", "add", str(gguf), "--name", "copy", "--json").json
    assert added["name"] == "copy"
    assert names(run) == [*before, "copy"]
    assert run("models", "verify").code == 0
    assert added["sha256"] in run("models", "verify", "copy").out
    assert "copy" in run("models", "list").out
    assert run("models", "remove", "copy").code == 0
    assert names(run) == before
    assert gguf.exists()


def test_verbose_shows_the_cards_with_all_their_figures(run: Run) -> None:
    cards, shown = embedded_cards(), run("models", "list", "--verbose").out
    told = run("models", "list", "--verbose", "--json").json["cards"]
    assert [card["name"] for card in told] == [card.name for card in cards]
    for card, entry in zip(cards, told, strict=True):
        assert entry["files"] == card.files and len(entry["measurements"]) == len(card.measurements)
        assert card.name in shown and all(digest in shown for digest in card.files.values())
        assert all(section.title in shown for section in card.sections)
        for run_of in card.measurements:
            assert run_of.title in shown
            assert all(f"{figure.measure}: {figure.value}" in shown for figure in run_of.figures)
    assert "cards" not in run("models", "list", "--json").json
    assert all(digest not in run("models", "list").out for card in cards for digest in card.files.values())


def test_a_model_that_changed_is_refused(run: Run, gguf: Path) -> None:
    stored = Path(run("models", "add", str(gguf), "--name", "victim", "--json").json["path"])
    data = bytearray(gguf.read_bytes())
    data[-1] ^= 1
    stored.unlink()  # it may be a hard link of the original
    stored.write_bytes(data)
    answer = run("models", "verify", "victim")
    assert answer.code == 4
    assert "victim" in answer.line
    everything = run("models", "verify")
    assert everything.code == 4
    assert "victim  damaged" in everything.out
    assert run("complete", "empty.py:1", "--model", "victim").code == 4
    assert run("models", "remove", "victim").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("models",), 2),
        (("models", "frobnicate"), 2),
        (("models", "add"), 2),
        (("models", "add", "./missing.gguf"), 4),
        (("models", "add", "./notes.md"), 4),
        (("models", "verify", "nobody"), 4),
        (("models", "remove", "nobody"), 4),
        (("models", "remove", EMBEDDED_NAME), 4),
        (("models", "pull", "nobody"), 4),
    ],
)
def test_mistakes(run: Run, arguments: tuple[str, ...], code: int) -> None:
    answer = run(*arguments)
    assert answer.code == code
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_without_a_network_a_download_says_so(run: Run) -> None:
    """The address is one that nothing listens on."""
    answer = run(
        "models", "pull", "qwen2.5-coder-0.5b", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_DOWNLOAD_TIMEOUT="2"
    )
    assert answer.code == 4 or answer.code == 6
    assert answer.line


def test_config_and_models_need_no_repository(run: Run, tmp_path: Path) -> None:
    assert run("models", "list", cwd=tmp_path).code == 0
    assert run("config", "show", cwd=tmp_path).code == 0
