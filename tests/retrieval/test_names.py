"""Names of symbols: classes of matches, and that growing gives what reading anew gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.build import Indexer
from indexer.snapshot import Snapshot
from retrieval.names import EXACT, PARTS, PREFIX, Names, names_of
from retrieval.postings import PostingsBuilder
from retrieval.retriever import Retriever

WORDS = ("parse", "Header", "read", "FILE", "line", "http")


def test_classes_of_matches() -> None:
    names = Names(["parse", "parse_header", "Parser", "header_of_parse", "unrelated", ""])
    found = names.find(["parse"])
    assert found["parse"].score == EXACT + 1
    assert PREFIX < found["parse_header"].score < EXACT
    assert PREFIX < found["parser"].score < EXACT
    assert "unrelated" not in found
    parts = names.find(["header_parse"])
    assert 0 < parts["header_of_parse"].score <= PARTS
    assert len(names) == 5


def test_spellings_of_one_name_stay_together() -> None:
    names = Names(["readFile"])
    names.add(["ReadFile", "readfile", "readFile"])
    match = names.find(["READFILE"])["readfile"]
    assert match.spellings == ("ReadFile", "readFile", "readfile")
    assert len(names) == 1


@pytest.mark.parametrize("seed", range(5))
def test_growing_gives_what_reading_anew_gives(seed: int) -> None:
    chance = random.Random(seed)
    pool = sorted(
        {chance.choice(("_", "")).join(chance.choices(WORDS, k=chance.randint(1, 3))) for _ in range(60)}
    )
    grown = Names(chance.sample(pool, 10))
    for _ in range(6):
        grown.add(chance.sample(pool, 15))
    grown.add(pool)
    anew = Names(reversed(pool))
    for words in (["parse"], ["readFILE"], ["http", "header_line"], ["line", "of", "file"], ["x"]):
        assert grown.find(words) == anew.find(words)


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    (tmp_path / "tree").mkdir()
    with Indexer(tmp_path / "tree", tmp_path / "index", derived=(PostingsBuilder(),), workers=1) as indexer:
        yield indexer


def open_snapshot(indexer: Indexer) -> Snapshot:
    version = {PostingsBuilder.name: PostingsBuilder.version}
    return Snapshot.open(indexer.directory, indexer.root, derived_versions=version)


def found_by_name(snapshot: Snapshot, text: str) -> list[tuple[str, str]]:
    hits = Retriever(snapshot).search(text, 10).hits
    return [
        (hit.path, evidence.why) for hit in hits for evidence in hit.evidence if evidence.source == "symbols"
    ]


def test_a_new_generation_adds_its_names_and_what_is_gone_is_not_found(indexer: Indexer) -> None:
    place = indexer.root / "a.py"
    place.write_text("def first_name():\n    return 1\n")
    indexer.build()
    with open_snapshot(indexer) as before:
        known = names_of(before)
        assert found_by_name(before, "first_name") == [("a.py", "function `first_name` is `first_name`")]
        place.write_text("def second_name():\n    return 1\n")
        indexer.build()
        with open_snapshot(indexer) as after:
            assert names_of(after) is known
            assert found_by_name(after, "second_name") == [
                ("a.py", "function `second_name` is `second_name`")
            ]
            assert found_by_name(after, "first_name") == []
            assert found_by_name(before, "first_name") == [("a.py", "function `first_name` is `first_name`")]
            assert "second_name" not in str(found_by_name(before, "second_name"))


def test_an_index_born_anew_is_another(indexer: Indexer) -> None:
    (indexer.root / "a.py").write_text("def only():\n    return 1\n")
    indexer.build()
    with open_snapshot(indexer) as snapshot:
        before = names_of(snapshot)
    (indexer.directory / "index.sqlite").write_bytes(b"damage")
    (indexer.root / "a.py").write_text("def other():\n    return 1\n")
    indexer.build()
    with open_snapshot(indexer) as snapshot:
        assert names_of(snapshot) is not before
        assert found_by_name(snapshot, "other") == [("a.py", "function `other` is `other`")]
