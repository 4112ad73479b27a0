"""Texts of pairs: what is looked for must not hold what it is looked for by."""

from __future__ import annotations

import random

import pytest

from indexer.languages import LANGUAGES
from training.embedder import texts

LANGUAGE = {language.name: language for language in LANGUAGES}


def test_a_docstring_is_cut_out_of_its_function() -> None:
    code = '''    @cached
    def area(self, r: float) -> float:
        """Return the area of
        a round thing.

        :param r: its radius
        """
        return 3.14 * r * r
'''
    found = texts.split_docstring(code)
    assert found is not None
    words, rest = found
    assert words == "Return the area of a round thing."
    assert rest.strip() == "@cached\ndef area(self, r: float) -> float:\n    return 3.14 * r * r"


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return 1\n",  # no docstring
        'def f():\n    """Only this."""\n',
        'def f(): "doc"; return 1\n',  # on the line of the header
        "def f(:\n",
        "x = 1\n",
        "",
    ],
)
def test_no_docstring_to_cut(code: str) -> None:
    assert texts.split_docstring(code) is None


def test_the_first_paragraph_ends_at_markup() -> None:
    assert texts.first_paragraph("Adds a\n  and b.\n:param a: one\n") == "Adds a and b."
    assert texts.first_paragraph("Adds.\n\nMore.") == "Adds."
    assert texts.first_paragraph("Name\n====\nWords") == "Name"


def test_comments_are_paired_with_the_code_below_them() -> None:
    code = """def f(x):
    # the numbers are sorted
    # before they are compared
    x = sorted(x)
    y = x[0]

    # short one
    z = 1
    # x = old_call(y); z = (x, y)[0]
    return z
"""
    assert list(texts.comment_blocks(code, LANGUAGE["python"])) == [
        ("the numbers are sorted before they are compared", "x = sorted(x)\ny = x[0]")
    ]
    code = "  // wait until the socket is ready\n  await socket.open();\n  socket.send(text);\n}\n"
    assert list(texts.comment_blocks(code, LANGUAGE["javascript"])) == [
        ("wait until the socket is ready", "await socket.open();\nsocket.send(text);")
    ]


def test_lines_around_a_call() -> None:
    lines = [f"    line{number}" if number % 2 else "" for number in range(40)]
    found = texts.around_call(lines, 22).split("\n")
    assert found == [f"line{number}" for number in range(3, 28, 2)]
    assert texts.around_call(["only()"], 1) == "only()"


def test_a_name_is_removed_as_a_word() -> None:
    assert texts.without_name("x = read(readme, a.read)", "read") == "x =  (readme, a. )"


def test_masking_leaves_out_whole_names_and_keeps_keywords() -> None:
    code = "def total(values):\n    return sum(values) + offset + values.count\n"
    keywords = LANGUAGE["python"].keywords
    hidden = texts.masked(code, keywords, 1.0, random.Random(1))
    assert hidden == "def _(_):\n    return _(_) + _ + _._\n"
    half = texts.masked(code, keywords, 0.4, random.Random(1))
    gone = [name for name in ("total", "values", "sum", "offset", "count") if name not in half]
    assert len(gone) == 2
    assert texts.masked(code, keywords, 0.4, random.Random(1)) == half
