"""RepoCoder's windows: a straightforward re-statement, and golden cases by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.baselines.types import Hole
from retrieval.baselines.windows import KEPT, SIZE_FUNCTIONS, RepoCoderWindows
from retrieval.types import Hit


class Tokenizer:
    """Words and signs, numbered as they come, with gaps; counts what it is given."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.texts = 0

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        self.texts += len(texts)
        found = [re.findall(r"\w+|[^\w\s]", text) for text in texts]
        return [
            [self.numbers.setdefault(piece, 7 * len(self.numbers) + 3) for piece in pieces]
            for pieces in found
        ]


def windows(files: Mapping[str, str], size: int = 20) -> RepoCoderWindows:
    return RepoCoderWindows(files, Tokenizer(), language="python", size=size)


def hole(prefix: str, path: str = "target.py", context_start_line: int = 1) -> Hole:
    return Hole(path, prefix, prefix.count("\n") + 1, context_start_line)


def places(hits: tuple[Hit, ...]) -> list[tuple[str, int, int]]:
    return [(hit.path, hit.start_line, hit.end_line) for hit in hits]


def numbered(name: str, first: int, last: int) -> str:
    return "".join(f"{name}{number}\n" for number in range(first, last + 1))


# --- a straightforward re-statement ------------------------------------------------------------------------------


def restated(
    files: Mapping[str, str], hole: Hole, draft: str, size: int, k: int
) -> list[tuple[str, int, int, float]]:
    def tokens(lines: Sequence[str]) -> set[str]:
        return {piece for line in lines for piece in re.findall(r"\w+|[^\w\s]", line)}

    start_of_prompt = hole.context_start_line - 1
    hole_line = hole.prefix.count("\n")
    merged: dict[str, list[tuple[str, int, int]]] = {}
    for path in sorted(files):
        lines = files[path].splitlines()
        for centre in range(0, len(lines), 10):
            start, end = max(0, centre - size // 2), min(len(lines), centre + size // 2)
            if path != hole.path or end <= min(start_of_prompt, hole_line):
                merged.setdefault("\n".join(lines[start:end]), []).append((path, start, end))
    if draft:
        around = (hole.prefix + draft).splitlines()
        around = around[max(start_of_prompt, hole_line - size // 2) : hole_line + size // 2]
    else:
        around = hole.prefix.splitlines()
        around = around[max(start_of_prompt, len(around) - size) :]
    query = tokens(around)
    if not query:
        return []
    scored = []
    for text, found in merged.items():
        held = tokens(text.split("\n"))
        scored.append((-len(query & held) / len(query | held), found))
    shown = []
    for similarity, found in sorted(scored)[:k]:
        for path, start, end in found:
            if not draft:
                if path == hole.path and end + 10 > hole_line:
                    continue
                end = min(end + 10, len(files[path].splitlines()))
                start = max(0, end - size)
            if (path, start + 1, end) not in [known[:3] for known in shown]:
                shown.append((path, start + 1, end, -similarity))
            break
    return shown


LINE = st.sampled_from(["", "  ", "a = b", "c(d)", "e.f(a)", "\tg", "h", "a b c d e f", "i j"])
TEXT = st.lists(LINE, max_size=70).map(lambda lines: "".join(f"{line}\n" for line in lines))


@settings(max_examples=200, deadline=None)
@given(
    files=st.dictionaries(st.sampled_from(["a.py", "p/b.py", "z.py"]), TEXT, max_size=3),
    above=TEXT,
    cursor=st.sampled_from(["", "", "a", "c(d"]),
    below=TEXT,
    draft=st.sampled_from(["", "a = b\n", "h\n\nq(a)\n", "unknown_word\n", "\n"]),
    context_start=st.integers(0, 70),
    size=st.sampled_from([20, 50]),
    k=st.integers(1, 25),
)
def test_the_ranking_is_that_of_the_restatement(
    files: dict[str, str],
    above: str,
    cursor: str,
    below: str,
    draft: str,
    context_start: int,
    size: int,
    k: int,
) -> None:
    prefix = above + cursor
    files["m/target.py"] = prefix + "\n" + below
    asked = hole(prefix, "m/target.py", min(context_start, above.count("\n")) + 1)
    hits = windows(files, size).retrieve(asked, draft, k=k)
    assert [(*place, hit.score) for place, hit in zip(places(hits), hits, strict=True)] == restated(
        files, asked, draft, size, k
    )
    for hit in hits:
        lines = files[hit.path].splitlines()
        assert hit.text == hit.chunk.text == "\n".join(lines[hit.start_line - 1 : hit.end_line])


# --- by hand -----------------------------------------------------------------------------------------------------


def test_pass_one_shows_ten_lines_further_down_and_a_draft_shows_the_match() -> None:
    retriever = windows({"lib.py": numbered("one", 1, 60), "other.py": "two\n"})
    # windows of lib.py: 1-10, 1-20, 11-30, 21-40, 31-50, 41-60
    (first,) = retriever.retrieve(hole(numbered("one", 11, 30)), k=1)
    assert places((first,)) == [("lib.py", 21, 40)]
    assert first.text == numbered("one", 21, 40).rstrip("\n")
    assert first.score == 1.0
    assert first.evidence[0].why == "follows what shares 20 of 20 tokens: one11, one12, one13"
    assert (first.evidence[0].source, first.evidence[0].rank) == ("windows", 1)
    assert (first.chunk.id, first.chunk.kind, first.chunk.language) == (-1, "window", "python")

    (second,) = retriever.retrieve(
        hole(numbered("x", 1, 5) + numbered("one", 11, 20)), numbered("one", 21, 30), k=1
    )
    assert places((second,)) == [("lib.py", 11, 30)]
    assert second.evidence[0].why == "shares 20 of 20 tokens: one11, one12, one13"


def test_the_first_window_is_half_and_the_last_shift_keeps_its_size() -> None:
    retriever = windows({"lib.py": numbered("one", 1, 25)})  # 1-10, 1-20, 11-25
    assert places(retriever.retrieve(hole(numbered("one", 1, 10)), k=1)) == [("lib.py", 1, 20)]
    assert places(retriever.retrieve(hole(numbered("one", 11, 25)), k=1)) == [("lib.py", 6, 25)]
    assert places(retriever.retrieve(hole("x\n"), numbered("one", 1, 10), k=1)) == [("lib.py", 1, 10)]


def test_windows_of_function_bodies() -> None:
    retriever = windows({"lib.py": numbered("one", 1, 90)}, SIZE_FUNCTIONS)
    found = retriever.retrieve(hole(numbered("one", 16, 65)), k=1)  # the window around line 40
    assert found[0].score == 1.0
    assert places(found) == [("lib.py", 26, 75)]  # also moved by 10


def test_windows_of_identical_text_are_one() -> None:
    same = numbered("same", 1, 10)
    retriever = windows({"b.py": same, "a.py": same, "c.py": numbered("c", 1, 5)})
    hits = retriever.retrieve(hole(same))
    assert places(hits) == [("a.py", 1, 10), ("c.py", 1, 5)]


def test_a_window_of_the_target_counts_only_above_the_prompt() -> None:
    text = numbered("one", 1, 100)
    retriever = windows({"target.py": text})
    above = numbered("one", 1, 60)
    # the prompt begins at line 41: windows 1-10, 1-20, 11-30, 21-40 end above it
    hits = retriever.retrieve(hole(above, context_start_line=41), numbered("one", 21, 40))
    assert sorted(places(hits)) == [
        ("target.py", 1, 10), ("target.py", 1, 20), ("target.py", 11, 30), ("target.py", 21, 40)
    ]  # fmt: skip
    shifted = retriever.retrieve(hole(numbered("one", 1, 45), context_start_line=41))
    assert sorted(places(shifted)) == [
        ("target.py", 1, 20), ("target.py", 11, 30), ("target.py", 21, 40)
    ]  # fmt: skip
    assert retriever.retrieve(hole(above, context_start_line=1)) == ()  # an uncut prompt shows it all already


def test_a_merged_window_is_shown_from_a_place_that_counts() -> None:
    same = numbered("same", 1, 10)
    retriever = windows({"a_target.py": same + "tail\n", "b.py": numbered("same", 1, 10)})
    (hit,) = retriever.retrieve(hole("same1\n", "a_target.py"), "same2", k=1)
    assert hit.path == "b.py"


def test_equal_windows_are_ordered_by_the_places_that_count() -> None:
    equal = {"a_target.py": "y1 same\n", "m.py": "y2 same\n", "z.py": "y1 same\n"}
    assert [hit.path for hit in windows(equal).retrieve(hole("", "a_target.py"), "same")] == ["m.py", "z.py"]


def test_a_target_that_changed_above_the_hole_is_not_retrieved_from() -> None:
    retriever = windows({"target.py": numbered("one", 1, 60)})
    fresh = numbered("one", 1, 9) + "changed\n" + numbered("one", 11, 50)
    assert retriever.retrieve(hole(numbered("one", 1, 50), context_start_line=31), "one2")
    assert retriever.retrieve(hole(fresh, context_start_line=31), "one2") == ()


def test_a_draft_goes_on_in_the_line_of_the_cursor() -> None:
    retriever = windows({"a.py": "call alpha beta\n", "b.py": "call alpha\n"})
    hits = retriever.retrieve(hole("call al"), "pha beta")
    assert places(hits)[0] == ("a.py", 1, 1)
    assert hits[0].score == 1.0


def test_lines_of_the_repository_are_tokenised_once() -> None:
    tokenizer = Tokenizer()
    text = numbered("one", 1, 30) + "\n" * 5
    retriever = RepoCoderWindows(
        {"a.py": text, "b.py": text, "target.py": "x\n"}, tokenizer, language="python"
    )
    assert tokenizer.texts == 31
    retriever.retrieve(hole("x\none1\n"))
    assert tokenizer.texts == 31
    retriever.retrieve(hole("x\nnew\n"))
    assert tokenizer.texts == 32


def test_twenty_are_kept() -> None:
    files = {f"f{number:02}.py": f"word w{number}\n" for number in range(30)}
    assert len(windows(files).retrieve(hole("word\n"))) == KEPT == 20


def test_windows_line_ends() -> None:
    (hit,) = windows({"a.py": "a one\r\n\r\nb two\r\n"}).retrieve(hole("a\r\n"))
    assert (hit.text, hit.start_line, hit.end_line) == ("a one\n\nb two", 1, 3)


@pytest.mark.parametrize(
    ("files", "prefix", "draft"),
    [
        ({}, "a\n", ""),
        ({"target.py": "a\nb\n"}, "a\n", ""),  # the only file is the target
        ({"b.py": ""}, "a\n", ""),
        ({"b.py": "a\n"}, "", ""),  # a hole on line 1
        ({"b.py": "a\n"}, "\n \n", ""),  # no tokens
        ({"b.py": "a\n"}, "", "\n"),
    ],
)
def test_nothing_to_find(files: dict[str, str], prefix: str, draft: str) -> None:
    assert windows(files).retrieve(hole(prefix), draft) == ()


def test_a_file_of_blank_lines_shares_nothing() -> None:
    (hit,) = windows({"b.py": "\n\n"}).retrieve(hole("a\n"))
    assert (hit.score, hit.evidence[0].why) == (0.0, "follows what shares 0 of 1 tokens")
