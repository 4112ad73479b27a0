"""The similar channel: what it asks for, what it shows, and that both scorers agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.bags import Bags, bags_of_texts
from indexer.derived import ChunkText
from indexer.snapshot import Snapshot
from indexer.types import Chunk, Span
from retrieval import snippet
from retrieval.leak import guard_for
from retrieval.lexical import DECAY_BEFORE, MAX_WEIGHT, rank, similar, weigh
from retrieval.okapi import OkapiBackend
from retrieval.postings import Postings, PostingsBuilder
from retrieval.query import query_at
from retrieval.types import Query


def ask(prefix: str, suffix: str = "", *, draft: str = "", path: str = "q.py") -> Query:
    line, column = prefix.count("\n") + 1, len(prefix.rpartition("\n")[2])
    return query_at(path, prefix + suffix, line, column, facts=None, draft=draft)


def test_lines_near_the_hole_weigh_most() -> None:
    weights = weigh(ask("alpha\nbeta\n\ngamma", "\ndelta\nepsilon\n"))
    assert weights["gamma"] == 1.0
    assert weights["beta"] == pytest.approx(DECAY_BEFORE)  # blank lines are no distance
    assert weights["alpha"] == pytest.approx(DECAY_BEFORE**2)
    assert weights["epsilon"] < weights["delta"] < 1.0


def test_repetition_is_capped_and_the_draft_counts() -> None:
    weights = weigh(ask("same\nsame\nsame\nsame\n", draft="wanted"))
    assert weights["same"] == MAX_WEIGHT
    assert weights["wanted"] == 1.0


LINES = [
    "def load(path):",
    "    with open(path) as stream:",
    "        raw = stream.read()",
    "    table = parse_table(raw)",
    "    check_table(table)",
    "    return table",
]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (["    with open(name) as stream:", "        raw = stream.read()"], 2),
        (["        raw = stream.read()", "", "    table = parse_table("], 3),
        (["        raw = stream.read()", "    unknown()", "    check_table(table)"], 4),
        (["nothing", "alike"], 0),
        ([], 0),
    ],
)
def test_the_line_most_like_the_hole(before: Sequence[str], expected: int) -> None:
    assert snippet.best_line(LINES, snippet.target(before, {"table": 3.0, "raw": 3.0})) == expected


def aligned(lines: Sequence[str], before: Sequence[str], weights: dict[str, float]) -> list[float]:
    """How much each line is like the target, by the words of `snippet`: each with each, nothing left out."""
    unknown = sum(weights.values()) / len(weights) if weights else 1.0

    def mass(found: frozenset[str]) -> float:
        return sum(weights.get(term, unknown) for term in sorted(found))

    def likeness(left: frozenset[str], right: frozenset[str]) -> float:
        return mass(left & right) / mass(left | right) if left & right else 0.0

    wanted = [found for line in reversed(before) if (found := snippet.line_terms(line))][: snippet.COMPARED]
    filled = [(number, found) for number, line in enumerate(lines) if (found := snippet.line_terms(line))]
    totals = [0.0] * len(lines)
    for above, asked in enumerate(wanted):
        row = [likeness(asked, found) for _, found in filled]
        for place, (number, _) in enumerate(filled):
            at = place - above
            near = row[max(0, at - 1) : at + 2] if above else row[at : at + 1]
            if at >= 0 and near:
                totals[number] += snippet.DECAY**above * max(near)
    return totals


words = st.lists(st.sampled_from("a b_c b c dd e_a ( =".split()), max_size=4).map(" ".join)  # noqa: SIM905


@given(
    lines=st.lists(words, max_size=12),
    before=st.lists(words, max_size=8),
    weights=st.dictionaries(st.sampled_from(["a", "b", "c", "b_c", "zz"]), st.floats(0.1, 9)),
)
@settings(max_examples=150, deadline=None)
def test_the_best_place_is_that_of_comparing_all(
    lines: list[str], before: list[str], weights: dict[str, float]
) -> None:
    totals = aligned(lines, before, weights)
    best, score = snippet.best_place(lines, snippet.target(before, weights))
    assert score == pytest.approx(max(totals, default=0.0))
    first = next((place for place, total in enumerate(totals) if total > score - 1e-9), 0)
    assert best == first or totals[best] == pytest.approx(totals[first])


def test_an_excerpt_holds_whole_lines_around_a_chunk() -> None:
    content = "".join(f"line {number} é\n" for number in range(1, 101)).encode()
    start = content.index(b"line 50 ")
    end = content.index(b"line 60 ")
    around = snippet.excerpt(content, Span(50, 59, start, end))
    assert around.text(50, 51) == "line 50 é\nline 51 é"
    assert around.first <= 50 - snippet.AROUND
    assert around.text(50 - snippet.AROUND, 50).startswith(f"line {50 - snippet.AROUND} é\n")
    assert around.text(59 + snippet.FOLLOW, 59 + snippet.FOLLOW) == f"line {59 + snippet.FOLLOW} é"
    assert around.trim(95, 200) is None or around.trim(95, 200) == (95, 100)
    assert snippet.excerpt(content, Span(1, 100, 0, len(content))).trim(-5, 500) == (1, 100)


def test_one_endless_line_is_cut() -> None:
    content = b"x" * 1_000_000
    around = snippet.excerpt(content, Span(1, 1, 5000, 7000))
    assert len(around.text(1, 1)) == snippet.MAX_CHARACTERS


def corpus(count: int) -> list[Chunk]:
    chance = np.random.default_rng(5)
    words = [f"word_{number}" for number in range(60)]
    texts = [" ".join(chance.choice(words, size=chance.integers(0, 30))) for _ in range(count)]
    return [
        Chunk(number, f"{number}.py", Span(1, 1, 0, len(text)), "python", "function", "", "", text)
        for number, text in enumerate(texts, 1)
    ]


class Everything:
    """`indexer.derived.Changes` of a first build."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.removed = np.empty(0, dtype=np.int64)
        self.added = [ChunkText(id=one.id, path=one.path, text=one.text) for one in chunks]
        self.total_chunks = len(chunks)

    @property
    def words(self) -> Bags:
        return bags_of_texts((chunk.id, chunk.text) for chunk in self.added)


def test_both_scorers_agree(tmp_path: Path) -> None:
    chunks = corpus(200)
    PostingsBuilder().build(tmp_path, None, Everything(chunks))
    postings, okapi = Postings.open(tmp_path), OkapiBackend(chunks)
    weights = {"word_3": 2.0, "word_7": 0.5, "word": 1.0, "3": 0.25, "absent": 1.0}
    mine, theirs = postings.search(weights, 20), okapi.search(weights, 20)
    assert [number for number, _ in mine] == [number for number, _ in theirs]
    assert [score for _, score in mine] == pytest.approx([score for _, score in theirs])
    assert postings.idf(weights) == pytest.approx(okapi.idf(weights))
    assert rank(weights, postings, limit=9) == [
        replace(one, score=pytest.approx(one.score), coverage=pytest.approx(one.coverage))
        for one in rank(weights, okapi, limit=9)
    ]
    ids = [number for number, _ in mine]
    left, right = (scorer.search(weights, 5, without=ids[:3]) for scorer in (postings, okapi))
    assert [number for number, _ in left] == [number for number, _ in right]
    assert not {number for number, _ in left} & set(ids[:3])
    assert [score for _, score in left] == pytest.approx([score for _, score in right])
    assert postings.idf(weights, without=ids[:3]) == pytest.approx(okapi.idf(weights, without=ids[:3]))


def test_coverage_is_a_share_and_why_names_the_rarest(tmp_path: Path) -> None:
    texts = [
        "parse_table(raw)",
        "raw",
        "raw",
        "raw data",
        "other",
        "more",
        "and more",
        "the rest",
        "nine",
        "ten",
    ]
    chunks = [
        Chunk(number, "a.py", Span(1, 1, 0, 0), "python", "", "", "", text)
        for number, text in enumerate(texts, 1)
    ]
    PostingsBuilder().build(tmp_path, None, Everything(chunks))
    asked = dict.fromkeys(["parse_table", "parse", "table", "raw"], 1.0)
    found = rank(asked, Postings.open(tmp_path), limit=3)
    assert found[0].id == 1
    assert found[0].coverage == pytest.approx(1.0)
    assert found[0].why == "shares parse_table, raw"  # its parts are not named again
    assert 0 < found[1].coverage < 0.2


FILES = {
    "store.py": """\
        def load_settings(path):
            with open(path, encoding="utf-8") as stream:
                raw = stream.read()
            table = parse_table(raw)
            check_table(table)
            return Settings(table)


        def forget_everything():
            return None
        """,
    "noise.py": "def unrelated(matrix):\n    return matrix.transpose()\n",
    "more.py": "class Rotation:\n    angle = 3\n",
}
PREFIX = """def load_theme(path):
    with open(path, encoding="utf-8") as stream:
        raw = stream.read()
    """


def test_first_pass_shows_what_follows(index_files: Callable[..., Snapshot]) -> None:
    snapshot = index_files(FILES)
    folder = snapshot.derived_dir("postings")
    assert folder is not None
    query = ask(PREFIX, path="theme.py")
    hits = similar(query, snapshot, Postings.open(folder), guard=guard_for(query, 0), limit=5)
    assert hits[0].path == "store.py"
    assert "check_table(table)" in hits[0].text
    assert hits[0].evidence[0].source == "similar"
    assert hits[0].evidence[0].why.startswith("shares ")
    assert 0 < hits[0].evidence[0].score <= 1
    lines = FILES["store.py"].replace("\n        ", "\n").lstrip().split("\n")
    assert hits[0].text == "\n".join(lines[hits[0].start_line - 1 : hits[0].end_line])


def test_the_draft_moves_the_match(index_files: Callable[..., Snapshot]) -> None:
    body = "".join(f"    step_{number}(state)\n" for number in range(90))
    others = {f"other_{number}.py": f"def f_{number}():\n    return {number}\n" for number in range(6)}
    snapshot = index_files({"long.py": f"def run(state):\n{body}", **others})
    folder = snapshot.derived_dir("postings")
    assert folder is not None
    query = ask("def go(state):\n    ", path="q.py", draft="step_50(state)\nstep_51(state)")
    hits = similar(query, snapshot, Postings.open(folder), guard=guard_for(query, 0), limit=5)
    assert "step_51(state)" in hits[0].text
    assert hits[0].start_line <= 52 - 5 and hits[0].end_line >= 53 + 5


def test_an_empty_query_finds_nothing(index_files: Callable[..., Snapshot]) -> None:
    snapshot = index_files(FILES)
    folder = snapshot.derived_dir("postings")
    assert folder is not None
    query = ask("")
    assert similar(query, snapshot, Postings.open(folder), guard=guard_for(query, 0), limit=5) == []
