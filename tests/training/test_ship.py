"""From a GGUF and the reports of the steps to the assets and pages of a release."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from repocoder import models
from repocoder.cards import COMPLETION, Card, Figure, Measurement, Section, read_card
from repocoder.errors import UsageError
from training import ship
from training.measured import read_measurement
from training.pages import card_text, models_page, rendered
from training.ship import About, completion_card, embedder_card, put_completion, read_about

ABOUT = About(
    "repocoder-next", "better", "A model.", facts=(("languages", "Python"),), sections=(Section("Data", "x"),)
)
INTERVAL = [0.5, 0.4, 0.6]


@pytest.mark.parametrize("path", rendered(), ids=lambda path: path.name)
def test_the_pages_are_those_of_the_cards(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == rendered()[path], "run `python -m training.pages`"


def test_a_model_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    old = msgspec.structs.replace(models.EMBEDDED, name="old", file="old.gguf")
    for name in ("old.gguf", "old.md"):
        (tmp_path / name).write_text("")
    (tmp_path / COMPLETION.name).write_bytes(msgspec.json.encode(old))
    card = completion_card(models.EMBEDDED_FILE, ABOUT, 1000)
    put_completion(models.EMBEDDED_FILE, card, tmp_path)
    put_completion(tmp_path / card.file, card, tmp_path)  # again, from its own place
    assert sorted(path.name for path in tmp_path.iterdir()) == [COMPLETION.name, "repocoder-next.gguf"]
    found = read_card(tmp_path / COMPLETION.name)
    assert found == card and found.context == 1000
    assert found.files == {"repocoder-next.gguf": models.EMBEDDED_SHA256}
    assert (tmp_path / found.file).read_bytes() == models.EMBEDDED_FILE.read_bytes()
    header = models.resolve().header
    assert dict(found.facts)["languages"] == "Python"
    assert f"{header.n_parameters / 1e6:.1f} M parameters" in dict(found.facts)["architecture"]
    assert completion_card(models.EMBEDDED_FILE, ABOUT, None).context == header.n_ctx


def test_what_is_not_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = tmp_path / "about.json"
    about.write_bytes(msgspec.json.encode(ABOUT))
    assert ship.main([str(tmp_path / "missing.gguf"), "--about", str(about)]) == 4
    assert ship.main(["--about", str(about)]) == 2
    assert ship.main([str(models.EMBEDDED_FILE), "--about", str(about), "--report", str(about)]) == 2
    assert "none of the steps' reports" in capsys.readouterr().err
    about.write_text("{}")
    with pytest.raises(UsageError, match="name"):
        read_about(about)
    with pytest.raises(UsageError, match="no files"):
        embedder_card(tmp_path / "empty", ABOUT, tmp_path)


def test_an_encoder_is_described_by_all_its_files(tmp_path: Path) -> None:
    for name in ("a.json", "sub/b.bin", "card.md"):
        (tmp_path / "embedder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "embedder" / name).write_text(name)
    card = embedder_card(tmp_path / "embedder", ABOUT, tmp_path)
    assert set(card.files) == {"embedder/a.json", "embedder/sub/b.bin"}
    assert (card.kind, card.file, card.bytes) == ("embedder", "embedder", len("a.jsonsub/b.bin"))
    (tmp_path / "embedder" / "big").write_bytes(bytes(12_000_001))
    with pytest.raises(UsageError, match="at most 12"):
        embedder_card(tmp_path / "embedder", ABOUT, tmp_path)


def test_a_card_on_the_page() -> None:
    run = Measurement(
        "Lines", "python -m x", "2026-01-02",
        (Figure("exact match, %", "9.1 [8.0, 10.0]", "at least 8", "0.5", True), Figure("a | b", "3", "4", "", False)),
        "the first model", "On 10 holes.",
    )  # fmt: skip
    card = msgspec.structs.replace(models.EMBEDDED, measurements=(run,))
    page = models_page([card], CONTAMINATION)
    for text in ("| exact match, % | 9.1 [8.0, 10.0] | at least 8 | yes | 0.5 |", "| a \\| b | 3 | 4 | **no** |  |",
                 "Baseline: the first model. On 10 holes. Measured on 2026-01-02 with", "    python -m x",
                 models.EMBEDDED_SHA256, "2 repositories", "| train | 1 | 4 | 2.0 | python 2.0 |",
                 "Licences of the packages: BSD, MIT."):  # fmt: skip
        assert text in page
    assert card_text(card).startswith(f"# {card.name}\n")


CONTAMINATION = {
    "benchmarks": {"repositories": ["a/b", "c/d"], "sampled_passages": 1000},
    "packages": [{"licence": "MIT", "split": "train"}, {"licence": "BSD", "split": "test"}],
    "by_name": ["x"],
    "by_content": {"files_compared": 6, "bytes_compared": 3_000_000, "left_out": [{}]},
    "corpus": {
        "train": {"python": {"files": 4, "bytes": 2_000_000}},
        "test": {"python": {"files": 2, "bytes": 1_000_000}},
    },
}


def _row(model: str, exact: float) -> dict[str, object]:
    interval = [exact, exact - 1, exact + 1]
    place = {"model": model, "kind": "line", "retrieval": True, "right": True}
    return place | {"exact": interval, "nats_per_character": [0.5, 0.4, 0.6]}


def _comparison(name: str, value: float) -> dict[str, object]:
    place = {"model": "ours", "kind": "line", "retrieval": True, "right": True}
    return place | {"name": name, "figure": [value, value, value]}


REPORTS = {
    "evaluation": {
        "models": [{"name": "first"}, {"name": "ours"}],
        "about": {"tasks": 300, "split": "test", "context": 1024},
        "rows": [_row("first", 2.0), _row("ours", 9.0)],
        "comparisons": [_comparison("nats_ratio", 0.9), _comparison("gain", 1.3)],
    },
    "gate": {
        "areas": [
            {"gate": gate, "helped": [area, area, area], "likelier": INTERVAL}
            for gate, area in (("token", 0.71), ("logistic", 0.65))
        ],
        "policies": [{"gate": "token", "retrieves": 0.4, "similarity": INTERVAL}],
        "labels": 200, "packages": 3, "helped": 0.2,
    },
    "speed": {
        "bench": "llama-bench-1", "threads": 2, "machine": "a processor", "repetitions": 5,
        "rows": [
            {"test": "prompt of 512", "bench": 1000.0, "worker": 970.0, "ratio": 0.97},
            {"test": "decoding 128", "bench": 1000.0, "worker": 840.0, "ratio": 0.84},
        ],
    },
    "embedder": {
        "tasks": {
            name: {
                key: {pool: {"mrr": mrr, "interval": [mrr, mrr]} for pool in ("all", "package")}
                for key, mrr in (("ours", 0.46), ("minilm", 0.5), ("bm25", 0.3))
            }
            for name in ("docstring", "call")
        },
        "speed": {"ours": {"per_second": 9000.0}, "minilm": {"per_second": 80.0}},
        "time": {"chunks": 60000, "cores": 2, "seconds": 6.5},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("evaluation", [True, None, False, True]),
        ("gate", [True, None, None]),
        ("speed", [True, False]),
        ("embedder", [True, None, False, None, True, False]),
    ],
)
def test_figures_stand_beside_what_was_to_be_reached(
    name: str, reached: list[bool | None], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORTS[name] | {"command": "python -m it --n 3"}))
    found = read_measurement(path, "2026-01-02")
    assert [figure.reached for figure in found.figures] == reached
    assert all(bool(figure.target) == (figure.reached is not None) for figure in found.figures)
    assert (found.command, found.date) == ("python -m it --n 3", "2026-01-02")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Measurement) == found


def test_a_card_survives_being_written() -> None:
    assert msgspec.json.decode(msgspec.json.encode(models.EMBEDDED), type=Card) == models.EMBEDDED
