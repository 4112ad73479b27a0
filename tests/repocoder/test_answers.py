"""Known answers: found by everything that they depend on, and by what was typed of them since."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from repocoder.answers import MOST_ANSWERS, MOST_CHARACTERS, MOST_SECONDS, Answers, rest_of
from repocoder.buffer import Buffer
from repocoder.types import Completion, ModelInfo, Origin, PassReport, Prompt, Timings
from retrieval.types import GateDecision

CONTEXT = ("module.py", "\nsuffix", 7)
BEFORE = "import os\n\nvalue = "


def answer(text: str = "os.fspath(name)", stop: str = "end", **more: Any) -> Completion:
    return Completion(
        text=text,
        stop_reason=stop,
        path="module.py",
        line=3,
        column=8,
        passes=(PassReport(1, text, -0.1, 10, 5, (), True, "first pass"),),
        gate=GateDecision(False, 0.0, 0.5, ""),
        hits=(),
        prompt=Prompt((), "", (), (), 0, 0, 0, "none"),
        checks=(),
        completion_tokens=5,
        mean_logprob=-0.1,
        timings=Timings(total_ms=900.0, prefill_ms=500.0),
        model=ModelInfo("m", "0" * 64),
        base_sha256="",
        **more,
    )


def test_the_place_itself_and_what_the_answer_leads_to_are_known() -> None:
    answers, given = Answers(), answer()
    answers.put(CONTEXT, BEFORE, given)
    assert answers.find(CONTEXT, BEFORE) == (given, "")
    assert answers.find(CONTEXT, BEFORE + "os.") == (given, "os.")
    assert answers.find(CONTEXT, BEFORE + "os.fspath(name") == (given, "os.fspath(name")
    assert answers.find(CONTEXT, BEFORE + "os.x") is None  # typed something else
    assert answers.find(CONTEXT, BEFORE + "os.fspath(name)") is None  # nothing is left of it
    assert answers.find(CONTEXT, BEFORE[:-1]) is None
    assert answers.find(CONTEXT, "# edited above\n" + BEFORE + "os.") is None


@pytest.mark.parametrize("number", range(len(CONTEXT)))
def test_whatever_else_changes_it_is_not_known(number: int) -> None:
    answers = Answers()
    answers.put(CONTEXT, BEFORE, answer())
    other = [*CONTEXT]
    other[number] = "other"
    assert answers.find(tuple(other), BEFORE) is None
    assert answers.find(tuple(other), BEFORE + "os.") is None


def test_nothing_is_an_answer_too_but_what_was_cancelled_is_none() -> None:
    answers = Answers()
    answers.put(CONTEXT, BEFORE, answer("", "empty"))
    assert answers.find(CONTEXT, BEFORE) is not None
    assert answers.find(CONTEXT, BEFORE + "o") is None
    answers = Answers()
    answers.put(CONTEXT, BEFORE, answer("os.", "cancelled"))
    assert len(answers) == 0


def test_the_newest_answer_counts_and_old_ones_end() -> None:
    now = [0.0]
    answers = Answers(lambda: now[0])
    answers.put(CONTEXT, BEFORE, answer("os.fspath(name)"))
    answers.put(CONTEXT, BEFORE + "os.", answer("getcwd()"))
    assert answers.find(CONTEXT, BEFORE + "os.") == (answer("getcwd()"), "")
    assert answers.find(CONTEXT, BEFORE + "os.f") == (answer("os.fspath(name)"), "os.f")
    answers.put(CONTEXT, BEFORE, answer("os.sep"))  # the same place again
    assert answers.find(CONTEXT, BEFORE + "os.s") == (answer("os.sep"), "os.s")
    assert len(answers) == 2
    now[0] = MOST_SECONDS + 1
    assert answers.find(CONTEXT, BEFORE) is None


def test_they_are_bounded_by_number_and_by_size() -> None:
    answers = Answers()
    for number in range(3 * MOST_ANSWERS):
        answers.put(CONTEXT, f"{number}", answer())
    assert len(answers) == MOST_ANSWERS
    assert answers.find(CONTEXT, f"{3 * MOST_ANSWERS - 1}") is not None
    assert answers.find(CONTEXT, "0") is None
    for letter in "abcdef":
        answers.put(CONTEXT, letter * (MOST_CHARACTERS // 2), answer())
    assert len(answers) == 2
    answers.put(CONTEXT, "x" * (MOST_CHARACTERS + 1), answer())
    assert len(answers) == 2


def test_the_rest_is_an_answer_for_the_buffer_as_it_is_now() -> None:
    text = "import os\n\nvalue = os.\nsuffix"
    buffer = Buffer("module.py", text, text.encode(), 3, 11)
    given = answer(origins=(Origin("a.py", 1, "os.fspath", 0.9), Origin("a.py", 2, "fspath(name)", 0.9)))
    given = replace(given, passes=(*given.passes, PassReport(2, "sys.path", -1.0, 10, 5, (), False, "")))
    rest = rest_of(given, "os.", buffer, 2.0)
    assert rest.text == "fspath(name)"
    assert rest.known
    assert not given.known
    assert (rest.line, rest.column) == (3, 11)
    assert rest.base_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert [report.text for report in rest.passes] == ["fspath(name)"]
    assert [origin.text for origin in rest.origins] == ["fspath(name)"]
    assert (rest.timings.prefill_ms, rest.timings.total_ms) == (0.0, 2.0)
    assert len(rest_of(rest, "f", buffer, 1.0).notes) == len(rest.notes)


@pytest.mark.parametrize(
    ("line", "column", "before", "after"),
    [
        (1, 0, "", "ab\ncd\r\n"),
        (1, 2, "ab", "\ncd\r\n"),
        (2, 1, "ab\nc", "d\r\n"),
        (3, 0, "ab\ncd\r\n", ""),
        (9, 4, "ab\ncd\r\n", ""),
    ],
)
def test_the_text_around_the_cursor(line: int, column: int, before: str, after: str) -> None:
    assert Buffer("f", "ab\ncd\r\n", b"", line, column).around == (before, after)
