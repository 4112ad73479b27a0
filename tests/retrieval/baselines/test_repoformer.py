"""Repoformer's chunks: a straightforward re-statement, and golden cases by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.baselines.repoformer import RepoformerJaccard
from retrieval.baselines.types import Hole


def hole(prefix: str) -> Hole:
    return Hole("target.py", prefix, prefix.count("\n") + 1, 1)


def restated(
    files: Mapping[str, str], prefix: str, draft: str, functions: bool
) -> list[tuple[str, str, float]]:
    size, stride, length, k = (20, 10, 20, 5) if functions else (10, 5, 10, 10)
    asked = [line for text in (prefix, draft) for line in text.split("\n") if line.strip()][-length:]
    query = set(re.findall(r"\w+", "\n".join(asked)))
    scored = []
    for path in files:
        lines = [line for line in files[path].split("\n") if line.strip()]
        texts = ["\n".join(lines[start : start + size]) for start in range(0, len(lines), stride)]
        texts = [text for text in texts if re.findall(r"\w+", text)]
        for number, text in enumerate(texts):
            held = set(re.findall(r"\w+", text))
            following = texts[number + 1] if number + 1 < len(texts) else text
            similarity = len(query & held) / len(query | held)
            scored.append(
                (similarity, text if draft else f"{path}|{number}", path, text if draft else following)
            )
    shown: dict[str, tuple[str, str, float]] = {}
    best = sorted(scored, reverse=True)[:k] if query else []
    if draft:
        return [(path, text, similarity) for similarity, _, path, text in best]
    for similarity, _, path, text in best:
        shown.setdefault(text, (path, text, similarity))
    return list(shown.values())


LINES = st.lists(
    st.sampled_from(["", "}", "a b c", "d", "a.x(b)", "e f", "g", "\td h", "i = j"]), max_size=60
)
TEXT = LINES.map("\n".join)


@settings(max_examples=150, deadline=None)
@given(
    files=st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), TEXT, max_size=3),
    prefix=TEXT,
    draft=st.sampled_from(["", "a.x(b)", "d\n\ne f"]),
    functions=st.booleans(),
)
def test_the_ranking_is_that_of_the_restatement(
    files: dict[str, str], prefix: str, draft: str, functions: bool
) -> None:
    hits = RepoformerJaccard(files, language="python", functions=functions).retrieve(hole(prefix), draft)
    found = [(hit.path, hit.text, hit.score) for hit in hits]
    expected = restated(files, prefix, draft, functions)
    if draft:  # identical chunks of several files may change places
        assert [place[1:] for place in found] == [place[1:] for place in expected]
    else:
        assert found == expected


@pytest.mark.parametrize(("functions", "size"), [(False, 10), (True, 20)])
def test_the_next_chunk_overlaps_the_match_by_half(functions: bool, size: int) -> None:
    lines = [f"one{number}" for number in range(1, 6 * size)]
    files = {"lib.py": "\n".join(lines), "target.py": "\n".join(lines)}
    retriever = RepoformerJaccard(files, language="python", functions=functions)
    query = "\n".join(lines[size : 2 * size]) + "\n"
    (first,) = retriever.retrieve(hole(query), k=1)
    assert (first.path, first.score) == ("lib.py", 1.0)
    assert (first.start_line, first.end_line) == (size + size // 2 + 1, 2 * size + size // 2)
    assert first.evidence[0].why.startswith(f"follows what shares {size} of {size} words: one")
    assert first.evidence[0].source == "repoformer"
    (second,) = retriever.retrieve(hole(""), query, k=1)
    assert (second.start_line, second.end_line) == (size + 1, 2 * size)
    assert len(retriever.retrieve(hole(query))) == (5 if functions else 10)


def test_a_query_of_unknown_words_shares_nothing() -> None:
    (hit,) = RepoformerJaccard({"a.py": "b\n"}, language="python").retrieve(hole("c d\n"))
    assert (hit.score, hit.evidence[0].why) == (0.0, "shares 0 of 2 words")


@pytest.mark.parametrize("files", [{}, {"target.py": "a\n"}, {"a.py": "\n"}, {"a.py": "{}"}])
def test_nothing_to_find(files: dict[str, str]) -> None:
    assert RepoformerJaccard(files, language="python").retrieve(hole("a\n")) == ()
