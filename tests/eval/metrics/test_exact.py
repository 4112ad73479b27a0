"""Exact match of RepoCoder and of CrossCodeEval, by hand and against plain loops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.exact import exact_match_code, exact_match_lines, without_comments

CODE = st.text(alphabet="ab #/\"'\n\t\r=", max_size=30)


@pytest.mark.parametrize(
    ("prediction", "truth", "percent"),
    [
        ("x = 1", "    x = 1", 100.0),  # lines are stripped
        ("\n\n  x = 1\n\ny = 2\n", "x = 1", 100.0),  # what follows the first n lines does not count
        ("x = 1\n\n\ny = 2", "x = 1\ny = 2\n", 100.0),  # blank lines do not count
        ("x = 1", "x = 1\ny = 2", 0.0),  # too few lines
        ("x = 1  # one", "x = 1", 0.0),  # comments count
        ("X = 1", "x = 1", 0.0),  # case counts
        ("x=1", "x = 1", 0.0),  # space inside a line counts
        ("x = 1 y = 2", "x = 1\ny = 2", 0.0),
        ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2", 100.0),
        ("", "x = 1", 0.0),
    ],
)
def test_repocoder_by_hand(prediction: str, truth: str, percent: float) -> None:
    assert exact_match_lines(prediction, truth) == percent


@pytest.mark.parametrize(
    ("prediction", "truth", "percent"),
    [
        ("f(a)", "  f(a)\n\n", 100.0),
        ("f(a)\ng(b)", "f(a)", 0.0),  # nothing is cut here: that is done before
        ("f(a)", "f(a)\ng(b)", 0.0),
        ("f(a)\n\n  g(b)", "f(a)\ng(b)", 100.0),
        ("", "f(a)", 0.0),
    ],
)
def test_crosscodeeval_by_hand(prediction: str, truth: str, percent: float) -> None:
    assert exact_match_code(prediction, truth) == percent


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x = 1  # one\ny = 2", "x = 1  \ny = 2"),
        ("x = 1; // one", "x = 1; "),
        ('get("http://a.b")', 'get("http:'),  # also in strings
        ('color("#fff")', 'color("'),
        ("a // b # c", "a "),  # the sign that stands first in the line makes no difference
        ("a # b // c\nd", "a \nd"),
        ("/* kept */ x", "/* kept */ x"),
        ("this.#secret = 1;", "this."),  # in every language
    ],
)
def test_comments_are_deleted_roughly(text: str, left: str) -> None:
    assert without_comments(text) == left


@given(CODE, CODE)
def test_repocoder_equals_a_plain_loop(prediction: str, truth: str) -> None:
    wanted = [line.strip() for line in truth.splitlines() if line.strip() != ""]
    said: list[str] = []
    for line in prediction.splitlines():
        if line.strip() != "" and len(said) < len(wanted):
            said.append(line.strip())
    assert exact_match_lines(prediction, truth) == (100.0 if said == wanted else 0.0)


@given(CODE)
def test_comments_equal_a_plain_loop(text: str) -> None:
    lines = []
    for line in text.split("\n"):
        kept = line
        for sign in ("#", "//"):
            kept = kept[: kept.index(sign)] if sign in kept else kept
        lines.append(kept)
    assert without_comments(text) == "\n".join(lines)


@given(CODE)
def test_a_text_matches_itself(text: str) -> None:
    assert exact_match_lines(text, text) == exact_match_code(text, text) == 100.0
    assert exact_match_lines(f"\n  {text}\nmore", text) == 100.0
