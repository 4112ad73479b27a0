"""Samples of a small package: what the retriever may show, what is cut, how they are shared out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from training.completion import samples as module
from training.completion.records import (
    KEPT_AFTER,
    KEPT_BEFORE,
    Sample,
    Source,
    read_samples,
    sample_files,
    trim,
)
from training.completion.sampler import PackageSampler, bare_samples
from training.completion.samples import HOLES_PER_FILE, shares, with_foreign

SHAPES = '''"""Shapes of the drawing board."""


class Rhombus:
    """Four equal sides."""

    def __init__(self, side: float, angle: float) -> None:
        self.side = side
        self.angle = angle

    def rhombic_area(self, rounded: bool) -> float:
        return round(self.side * self.angle) if rounded else self.side * self.angle
'''

BOARD = '''"""A drawing board."""

from board.shapes import Rhombus


def paint_everything(sides: list[float]) -> float:
    total = 0.0
    for side in sides:
        shape = Rhombus(side, angle=45.0)
        total += shape.rhombic_area(rounded=True)
    return total


def secret_truth_of_the_board(count: int) -> int:
    unheard_of = count * 17
    return unheard_of
'''


@pytest.fixture
def work(tmp_path: Path) -> Path:
    lines = []
    texts = {
        "board/shapes.py": SHAPES,
        "board/paint.py": BOARD,
        "board/secret.py": 'API_KEY = "x8Kq02LmZ91pQwErTyUi"\n',
    }
    for path, text in texts.items():
        place = tmp_path / "corpus" / "packages" / "board" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        lines.append(Source("board", path, "python", len(text), "train"))
    listing = tmp_path / "corpus" / "files.jsonl"
    listing.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return tmp_path


@pytest.fixture
def made(work: Path) -> list[Sample]:
    assert module.main(["--work", str(work), "--count", "40", "--workers", "1", "--seed", "5"]) == 0
    (place,) = sample_files(work, "train")
    return list(read_samples(place))


def test_a_sample_is_the_file_with_a_hole_and_shows_no_truth(made: list[Sample]) -> None:
    texts = {"board/shapes.py": SHAPES, "board/paint.py": BOARD}
    assert {sample.path for sample in made} == set(texts)
    for sample in made:
        assert sample.prefix + sample.hole + sample.suffix == texts[sample.path]
        assert sample.prefix.count("\n") + 1 == sample.line
        own = [hit.text for hit in sample.hits if hit.path == sample.path]
        assert not any(sample.hole in text for text in own)


def test_what_exists_is_not_made_again(
    work: Path, made: list[Sample], capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.main(["--work", str(work), "--count", "40", "--workers", "1", "--seed", "5"]) == 0
    assert "0 new samples" in capsys.readouterr().out


@pytest.fixture
def sampler(work: Path) -> Iterator[PackageSampler]:
    with PackageSampler(work / "corpus" / "packages" / "board", work / "index" / "board") as sampler:
        yield sampler


def _samples(sampler: PackageSampler, path: str, text: str, kind: str) -> list[Sample]:
    source = Source("board", path, "python", len(text), "test")
    return [one for seed in range(12) for one in sampler.samples(source, random.Random(seed), 3, (kind,))]


def test_the_definition_that_a_call_needs_is_found_and_counted(sampler: PackageSampler) -> None:
    found = [one for one in _samples(sampler, "board/paint.py", BOARD, "call") if "rhombic_area" in one.hole]
    assert found
    for sample in found:
        assert sample.kind == "call"
        assert sample.names == ("rhombic_area",)
        assert sample.seen == 1
        assert any(hit.is_definition and hit.path == "board/shapes.py" for hit in sample.hits)


def test_names_of_the_file_itself_and_of_no_file_do_not_count(sampler: PackageSampler) -> None:
    for sample in _samples(sampler, "board/paint.py", BOARD, "line"):
        if "unheard_of" in sample.hole or "secret_truth" in sample.hole:
            assert sample.names == ()


def test_a_file_with_a_secret_gives_no_sample(sampler: PackageSampler) -> None:
    assert _samples(sampler, "board/secret.py", "", "line") == []


def test_bare_samples_are_holes_without_snippets(work: Path) -> None:
    source = Source("board", "board/paint.py", "python", len(BOARD), "train")
    root = work / "corpus" / "packages" / "board"
    found = list(bare_samples(root, source, random.Random(1), 5))
    assert found and all(one.prefix + one.hole + one.suffix == BOARD and not one.hits for one in found)
    assert (
        list(
            bare_samples(root, Source("board", "board/secret.py", "python", 9, "train"), random.Random(1), 5)
        )
        == []
    )


def test_a_training_sample_is_cut_at_lines(made: list[Sample]) -> None:
    lines = "".join(f"line number {number}\n" for number in range(2000))
    sample = trim(msgspec.structs.replace(made[0], prefix=lines + "    ", suffix="\n" + lines))
    assert sample.prefix.startswith("line number ") and sample.prefix.endswith("    ")
    assert KEPT_BEFORE - 20 < len(sample.prefix) <= KEPT_BEFORE
    assert sample.suffix.startswith("\nline number 0\n") and sample.suffix.endswith("\n")
    assert KEPT_AFTER - 20 < len(sample.suffix) <= KEPT_AFTER
    assert trim(made[0]) == made[0]


def test_a_few_samples_get_the_hits_of_another_file(made: list[Sample]) -> None:
    many = made * 40
    mixed = with_foreign(many, random.Random(1))
    changed = [(old, new) for old, new in zip(many, mixed, strict=True) if new.is_foreign]
    assert 0.005 < len(changed) / len(many) < 0.08
    for old, new in changed:
        assert new.hole == old.hole
        assert all(hit.path != new.path for hit in new.hits)
    assert all(old == new for old, new in zip(many, mixed, strict=True) if not new.is_foreign)


def test_packages_share_by_the_root_of_their_size_within_what_they_have() -> None:
    sources = [Source("large", f"{n}.py", "python", 10_000, "train") for n in range(1600)]
    sources += [Source("middle", f"{n}.py", "python", 10_000, "train") for n in range(100)]
    sources += [Source("tiny", "a.py", "python", 100, "train")]
    given = shares(sources, 900)
    assert given["large"] == pytest.approx(4 * given["middle"], rel=0.02)
    assert given["tiny"] == HOLES_PER_FILE  # its file gives no more
    assert sum(given.values()) == 900
