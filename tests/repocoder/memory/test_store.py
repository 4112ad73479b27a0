"""The memory on disk: only what changed is read again, and what is damaged is made again."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from repocoder.memory import store
from repocoder.memory.store import MANIFEST, MemoryStore

VOCABULARY = 256


class Files:
    """Texts, and what of them was asked for."""

    def __init__(self, **texts: str) -> None:
        self.texts = dict(texts)
        self.read: list[str] = []

    def update(self, memory: MemoryStore) -> store.Update:
        self.read = []
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()}
        done = memory.update(digests, self._text, tokenize_many)
        assert done is not None
        return done

    def _text(self, path: str) -> str:
        self.read.append(path)
        return self.texts[path]


def tokenize_many(texts: Sequence[str]) -> list[list[int]]:
    return [list(text.encode()) for text in texts]


def remembered(memory: MemoryStore) -> dict[str, str]:
    """What the segments hold, by file; what is out of date has no name."""
    found: dict[str, str] = {}
    for segment in memory.manifest.segments:
        for place in segment.places:
            if place.path:
                assert place.path not in found
                found[place.path] = bytes(memory.tokens(segment)[place.start : place.end].tolist()).decode()
    return found


@pytest.fixture
def memory(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "memory", VOCABULARY)


def test_only_what_changed_is_read_again(memory: MemoryStore) -> None:
    files = Files(a="x" * 400, b="y" * 400, c="z" * 400)
    assert files.update(memory) == store.Update(3, 3, 1200, 0)
    assert files.update(memory) == store.Update(3, 0, 1200, 0)
    assert files.read == []
    files.texts["b"] = "new"
    assert files.update(memory) == store.Update(3, 1, 803, 0)
    assert files.read == ["b"]
    assert remembered(memory) == files.texts
    assert len(memory.manifest.segments) == 2
    again = MemoryStore(memory.folder, VOCABULARY)
    assert remembered(again) == files.texts
    assert files.update(again).tokenized == 0


def test_changes_gather_and_melt_into_one_segment(memory: MemoryStore) -> None:
    files = Files(**{f"f{number}": f"{number:05d}" * 20 for number in range(20)})
    files.update(memory)
    for number in range(8):
        files.texts[f"f{number}"] = f"{number:04d}!" * 20
        files.update(memory)
        assert files.read == [f"f{number}"]
        assert remembered(memory) == files.texts
        assert len(memory.manifest.segments) <= 2
    arrays = {place.name for place in memory.folder.glob("*.npy")}
    assert len(arrays) == 2 * len(memory.manifest.segments)


def test_files_that_are_gone_are_banned(memory: MemoryStore) -> None:
    files = Files(a="aaaa" * 100, b="bbbb" * 100, c="c")
    files.update(memory)
    del files.texts["b"]
    files.update(memory)
    assert remembered(memory) == files.texts
    (place,) = (one for one in memory.manifest.segments[0].places if not one.path)
    assert store.bans(memory.manifest.segments[0], []).tolist() == [place.start, place.end]


def test_bans_and_stretches_of_neighbours_are_one(memory: MemoryStore) -> None:
    files = Files(a="aa", b="bbb", c="c")
    files.update(memory)
    (segment,) = memory.manifest.segments
    assert store.bans(segment, ["a"]).tolist() == [1, 3]
    assert store.stretches(segment, lambda path: path in "bc").tolist() == [4, 7, 8, 9]
    origin = store.origin(segment, 5)
    assert origin is not None
    assert origin.path == "b"
    assert store.origin(segment, 3) is None  # between two files
    assert memory.segment(memory.arrays(segment)[0]) == segment
    files.texts["a"] = "changed" * 9
    files.update(memory)
    assert memory.segment(memory.arrays(segment)[0]) is None  # melted into another


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_what_is_damaged_is_made_again(memory: MemoryStore, damage: str) -> None:
    files = Files(a="some text", b="more")
    files.update(memory)
    place = memory.folder / MANIFEST
    if damage == "cut":
        place.write_bytes(place.read_bytes()[:20])
    elif damage == "gone":
        next(memory.folder.glob("*.ids.npy")).unlink()
    again = MemoryStore(memory.folder, VOCABULARY + (damage == "other"))
    assert again.manifest.segments == []
    assert files.update(again).tokenized == 2
    assert remembered(again) == files.texts


def test_a_cancelled_update_keeps_what_it_has_read(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TOKENIZED_AT_ONCE", 2 * len("text of a"))
    texts = {name: f"text of {name}" for name in "abcde"}
    turns = iter([False, False, True])
    done = memory.update(texts, texts.__getitem__, tokenize_many, lambda: next(turns))
    assert done == store.Update(4, 4, 36, 0, 1)
    again = MemoryStore(memory.folder, VOCABULARY)
    assert remembered(again) == {name: texts[name] for name in "abcd"}
    assert again.update(texts, texts.__getitem__, tokenize_many) == store.Update(5, 1, 45, 0)
    assert remembered(again) == texts


def test_what_is_too_large_is_left_out_and_not_read_again(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_FILE_TOKENS", 10)
    files = Files(a="short", b="long" * 10, empty="")
    assert files.update(memory) == store.Update(2, 3, 5, 1)
    assert files.update(memory).tokenized == 0


def test_files_are_private_and_sorted(memory: MemoryStore) -> None:
    Files(a="abcabc").update(memory)
    assert all(stat.S_IMODE(one.stat().st_mode) & 0o077 == 0 for one in memory.folder.iterdir())
    ids, order = (np.load(place, allow_pickle=False) for place in memory.arrays(memory.manifest.segments[0]))
    assert ids.dtype == np.int32
    assert order.dtype == np.uint32
    assert sorted(order.tolist()) == list(range(1, len(ids)))
