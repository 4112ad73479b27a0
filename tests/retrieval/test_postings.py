"""The postings must rank as rank_bm25 does, after any history of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from indexer.bags import Bags, bags_of_texts
from indexer.derived import ChunkText
from indexer.tokens import terms
from retrieval import inverted, pruning
from retrieval import postings as postings_module
from retrieval.inverted import Segment, hash_term
from retrieval.postings import Postings, PostingsBuilder, top
from retrieval.segments import Ids, read_catalogue

Document = list[str]

# few terms, so that they are common (negative idf) and scores tie
documents = st.lists(st.sampled_from("abcdefgh"), max_size=12)
queries = st.lists(st.sampled_from("abcdefghz"), min_size=1, max_size=5, unique=True)


@dataclass(frozen=True)
class Delta:
    """`indexer.derived.Changes` made by hand."""

    removed: Ids
    added: Sequence[ChunkText]
    total_chunks: int

    @property
    def words(self) -> Bags:
        return bags_of_texts((chunk.id, chunk.text) for chunk in self.added)


def chunk_text(number: int, document: Document) -> ChunkText:
    return ChunkText(id=number, path=f"{number}.py", text=" ".join(document))


class History:
    """A corpus that is built step by step into folders, as generations are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live: dict[int, Document] = {}
        self.folder: Path | None = None
        self._next = 1
        self._step = 0

    def apply(self, added: Sequence[Document], removed: Sequence[int] = ()) -> Postings:
        fresh = {self._next + offset: document for offset, document in enumerate(added)}
        self._next += len(added)
        for number in removed:
            del self.live[number]
        self.live.update(fresh)
        self._step += 1
        target = self.root / str(self._step)
        target.mkdir()
        delta = Delta(
            np.array(sorted(removed), dtype=np.int64),
            [chunk_text(number, document) for number, document in fresh.items()],
            len(self.live),
        )
        PostingsBuilder().build(target, self.folder, delta)
        self.folder = target
        return Postings.open(target)


def oracle(live: Mapping[int, Document], query: Sequence[str]) -> dict[int, float]:
    """Chunk id -> score by rank_bm25 itself."""
    if not any(live.values()):  # it divides by zero there
        return dict.fromkeys(live, 0.0)
    numbers = sorted(live)
    scores = BM25Okapi([live[number] for number in numbers]).get_scores(list(query))
    return dict(zip(numbers, map(float, scores), strict=True))


def agree(postings: Postings, live: Mapping[int, Document], query: Sequence[str]) -> None:
    expected = oracle(live, query)
    weights = dict.fromkeys(query, 1.0)
    scores = dict(zip(postings.ids.tolist(), postings.scores(weights).tolist(), strict=True))
    assert {number: scores[number] for number in live} == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert all(score == 0 for number, score in scores.items() if number not in live)
    # the ranking: equal but for scores that differ by rounding only
    ranking = sorted(live, key=lambda number: (-round(expected[number], 9), number))
    positive = [number for number in ranking if round(expected[number], 9) > 0]
    found = [number for number, score in postings.search(weights, len(live) + 1) if round(score, 9) > 0]
    assert sorted(found, key=lambda number: (-round(scores[number], 9), number)) == positive
    for k in (1, 3):
        best = [round(score, 9) for _, score in postings.search(weights, k)]
        assert best == [round(expected[number], 9) for number in positive[:k]] or len(positive) < k


@given(corpus=st.lists(documents, min_size=1, max_size=20), query=queries)
@settings(max_examples=80, deadline=None)
def test_ranks_as_okapi(corpus: list[Document], query: list[str]) -> None:
    with TemporaryDirectory() as folder:
        history = History(Path(folder))
        agree(history.apply(corpus), history.live, query)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[Document], list[int]]]:
    """Steps of (documents added, positions among the live that are removed)."""
    steps = []
    for _ in range(draw(st.integers(1, 8))):
        steps.append((draw(st.lists(documents, max_size=6)), draw(st.lists(st.integers(0, 30), max_size=5))))
    return steps


@given(steps=histories(), query=queries)
@settings(max_examples=80, deadline=None)
def test_ranks_as_okapi_after_changes(
    steps: list[tuple[list[Document], list[int]]], query: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        history = History(Path(folder))
        for added, places in steps:
            numbers = sorted(history.live)
            removed = {numbers[place % len(numbers)] for place in places} if numbers else set()
            postings = history.apply(added, sorted(removed))
            assert postings.chunks == len(history.live)
            agree(postings, history.live, query)


@st.composite
def skewed(draw: st.DrawFn) -> list[Document]:
    """Documents of many terms, some of them frequent and most rare, as in code."""
    numbers = st.integers(0, 40).map(lambda number: f"t{min(number, 41 - number) ** 2 // 10}")
    return draw(st.lists(st.lists(numbers, min_size=1, max_size=8), min_size=30, max_size=60))


@given(
    corpus=skewed(),
    later=skewed(),
    weights=st.dictionaries(st.integers(0, 40).map("t{}".format), st.floats(0.01, 2.0), min_size=1),
    k=st.integers(1, 20),
    left_out=st.lists(st.integers(0, 29), max_size=6),
    sizes=st.sampled_from([(1, 4, 0), (20, 7, 3), (50, 1000, 5)]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_pruned_is_not_among_the_best(
    corpus: list[Document],
    later: list[Document],
    weights: dict[str, float],
    k: int,
    left_out: list[int],
    sizes: tuple[int, int, int],
) -> None:
    """Against the exhaustive scores, over two segments with dead rows, with batches that end anywhere."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("BATCH", "BLOCK", "FEW"), sizes, strict=True):
            patch.setattr(pruning, name, size)
        history = History(Path(folder))
        history.apply(corpus)
        postings = history.apply(later[:7], sorted({number + 1 for number in left_out[:2]}))
        without = sorted({number + 1 for number in left_out})
        found = postings.search(weights, k, without=without)
        expected = top(postings.ids, postings.scores(weights, without=without), k)
        hits, held = postings.best(weights, k, without=without)
        assert hits == found
        assert held.tolist() == postings.shared(list(weights), [number for number, _ in found]).tolist()
    assert [number for number, _ in found] == [number for number, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], rel=1e-12)


def test_the_best_of_a_real_corpus_are_those_of_all_scores(tmp_path: Path) -> None:
    """The lines of this project's own modules as documents: several batches, and lists that are only looked up."""
    home = Path(inverted.__file__).parents[1]
    places = sorted(
        place for name in ("indexer", "retrieval", "repocoder") for place in (home / name).rglob("*.py")
    )
    lines = [
        line for place in places for line in place.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "BATCH", 1000)
        postings = History(tmp_path).apply([terms(line) for line in lines])
        for number in range(0, len(lines), len(lines) // 40):
            weights = {
                term: 1.0 / (1 + place)
                for place, term in enumerate(terms(" ".join(lines[number : number + 6])))
            }
            without = list(range(number + 1, number + 4))
            found = postings.search(weights, 16, without=without)
            expected = top(postings.ids, postings.scores(weights, without=without), 16)
            assert [chunk for chunk, _ in found] == [chunk for chunk, _ in expected]
            assert [score for _, score in found] == pytest.approx([score for _, score in expected], rel=1e-12)


def test_ties_go_to_the_lower_id(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.apply([["a"], ["b"], ["c"], ["d"]])
    postings = history.apply([["a"], ["e"], ["f"], ["a"]], [2])
    assert [number for number, _ in postings.search({"a": 1.0}, 2)] == [1, 5]
    assert [number for number, _ in postings.search({"a": 1.0}, 9)] == [1, 5, 8]


def test_weights_scale_the_share_of_a_term(tmp_path: Path) -> None:
    history = History(tmp_path)
    postings = history.apply([["a", "x"], ["b", "x"], ["c"], ["d"], ["e"], ["f"]])
    single = {term: postings.scores({term: 1.0}) for term in "ab"}
    both = postings.scores({"a": 0.25, "b": 3.0})
    assert both == pytest.approx(0.25 * single["a"] + 3.0 * single["b"])
    assert postings.search({"a": 0.25, "b": 3.0}, 1)[0][0] == 2


def test_excluded_chunks_do_not_take_places(tmp_path: Path) -> None:
    postings = History(tmp_path).apply([["a"], ["a", "b"], ["a", "b", "c"], ["d"], ["e"], ["f"], ["g"]])
    assert [number for number, _ in postings.search({"a": 1.0}, 1, without=[1])] == [2]


def test_shared_terms_and_idf(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.apply([["a", "b"], ["b"], ["c"]])
    postings = history.apply([["a"], ["d"]], [2])
    assert postings.shared(["a", "b", "zz"], [1, 4, 3]).tolist() == [
        [True, True, False],
        [True, False, False],
        [False, False, False],
    ]
    okapi = BM25Okapi([history.live[number] for number in sorted(history.live)])
    assert postings.idf(["a", "b", "c", "d", "zz"]) == pytest.approx(
        {term: okapi.idf[term] for term in "abcd"}
    )


def test_segments_stay_few_and_are_linked(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.apply([["a", str(number)] for number in range(200)])
    assert history.folder is not None
    first = {place.name: place.stat().st_ino for place in history.folder.glob("000001.postings")}
    for number in range(40):
        history.apply([["b", str(number)]], [number + 1])
    entries = read_catalogue(history.folder).entries
    assert len(entries) <= 5
    linked = {place.name: place.stat().st_ino for place in history.folder.glob("000001.postings")}
    assert linked == first  # 40 of 200 dead: not yet worth a rewrite, so the very same file
    history.apply([], list(range(41, 61)))
    names = {entry.name for entry in read_catalogue(history.folder).entries}
    assert "000001" not in names
    assert np.load(history.folder / "dead.npy").tolist() == []


def test_an_empty_corpus_and_one_without_terms(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.apply([]).search({"a": 1.0}, 3) == []
    postings = history.apply([[], []])
    assert postings.search({"a": 1.0}, 3) == []
    assert postings.idf(["a"]) == {}
    assert history.apply([], [1, 2]).chunks == 0


def test_chunks_in_any_order_and_words_of_several_terms(tmp_path: Path) -> None:
    chunks = [
        ChunkText(id=7, path="a.py", text="parse_args(self) parse"),
        ChunkText(id=3, path="b.py", text="unrelated"),
        ChunkText(id=5, path="c.py", text="other things"),
    ]
    target = tmp_path / "1"
    target.mkdir()
    PostingsBuilder().build(target, None, Delta(np.empty(0, np.int64), chunks, 3))
    postings = Postings.open(target)
    assert postings.ids.tolist() == [3, 5, 7]
    assert [number for number, _ in postings.search({"parse_args": 1.0}, 3)] == [7]
    segment = Segment.read(target, "000001")
    at = segment.terms.tolist().index(hash_term("parse"))
    assert segment.counts[segment.starts[at] : segment.starts[at + 1]].tolist() == [
        2
    ]  # of two different words
    assert segment.lengths.tolist() == [1, 2, 5]


def test_a_count_beyond_its_bits_is_summed_again() -> None:
    packing = inverted._Packing(1 << 21, 1 << 38, 1000)
    assert packing.max_count < 10
    keys = packing.pack(np.array([5, 6]), np.array([1, 0]), np.array([1000, 2]))
    assert len(keys) > 2
    ids, lengths = np.array([1, 2]), np.array([2, 1000], dtype=np.int32)
    segment = inverted._arrange(ids, lengths, np.arange(7, dtype=np.uint64), [keys], packing)
    assert (segment.terms.tolist(), segment.rows.tolist(), segment.counts.tolist()) == (
        [5, 6],
        [1, 0],
        [1000, 2],
    )


def test_segments_of_many_rows_are_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted, "MAX_ROWS", 4)
    monkeypatch.setattr(postings_module, "MAX_ROWS", 4)
    history = History(tmp_path)
    letters = "abcdefgh"
    postings = history.apply([[letters[i % 8], letters[i % 3], "a"] for i in range(11)])
    assert history.folder is not None
    assert [entry.rows for entry in read_catalogue(history.folder).entries] == [4, 4, 3]
    agree(postings, history.live, list("abch"))
    full = (history.folder / "000001.postings").stat().st_ino
    for step in range(6):
        postings = history.apply([[letters[step], "a"]], [step + 4] if step < 3 else [])
        agree(postings, history.live, list("abch"))
    assert (history.folder / "000001.postings").stat().st_ino == full, (
        "a full one is not merged with what is new"
    )
    assert all(entry.rows <= 4 for entry in read_catalogue(history.folder).entries)


def test_small_numbers_are_kept_small(tmp_path: Path) -> None:
    History(tmp_path).apply([["a"]] * 300)
    segment = Segment.read(tmp_path / "1", "000001")
    assert (segment.rows.itemsize, segment.counts.itemsize) == (2, 1)
