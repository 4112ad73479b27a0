"""Code tokens, and the cuts of Repoformer: to lines, and to the body of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.code_tokens import code_token_exact_match, code_tokens, cut_texts
from eval.types import Task

MakeTask = Callable[..., Task]

CODE = st.text(alphabet="aB_1é .(\"'\n", max_size=24)
HEAD = 'class A:\n    def first(self):\n        return 1\n\n    def target(self, x):\n        """Say it."""\n'
BODY = "        y = x + 1\n        return y\n"


def plain_tokens(text: str) -> list[str]:
    """Character by character: words grow, everything else stands alone."""
    tokens: list[str] = []
    before = " "
    for character in text:
        in_word = character.isascii() and (character.isalnum() or character == "_")
        grows = in_word and before.isascii() and (before.isalnum() or before == "_")
        if grows and not (before.islower() and character.isupper()):
            tokens[-1] += character
        elif not character.isspace():
            tokens.append("`" if character in "\"'" else character)
        before = character
    return tokens


@given(CODE)
def test_tokens_equal_a_plain_loop(text: str) -> None:
    assert code_tokens(text) == plain_tokens(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("self.getValue(x)", ["self", ".", "get", "Value", "(", "x", ")"]),
        ("HTTPServer2Go", ["HTTPServer2Go"]),  # only a small letter before a capital splits
        ("snake_case_name", ["snake_case_name"]),
        ("a+=1.5", ["a", "+", "=", "1", ".", "5"]),
        ("f('a', \"b\")", ["f", "(", "`", "a", "`", ",", "`", "b", "`", ")"]),
        ("naïve", ["na", "ï", "ve"]),  # word characters are those of ASCII
        (" \n\t", []),
    ],
)
def test_tokens_by_hand(text: str, tokens: list[str]) -> None:
    assert code_tokens(text) == tokens


def test_space_and_quotes_make_no_difference_but_case_does() -> None:
    assert code_token_exact_match("f( 'a' ,b )", 'f("a", b)') == 100.0
    assert code_token_exact_match("fooBar", "foo Bar") == 100.0
    assert code_token_exact_match("f(A)", "f(a)") == 0.0


@pytest.mark.parametrize(
    ("prediction", "truth", "cut_prediction", "cut_truth"),
    [
        ("a\nb\nc", "x\n", "a", "x"),
        ("\n\n  a\n\n  b\nc", "  x\n\n  y\n", "  a\n  b", "  x\n  y"),
        ("a", "x\ny", "a", "x\ny"),  # the truth is never cut to a shorter prediction
        ("", "x", "", "x"),
    ],
)
def test_lines(prediction: str, truth: str, cut_prediction: str, cut_truth: str, make_task: MakeTask) -> None:
    assert cut_texts(make_task(truth), prediction) == (cut_prediction, cut_truth)


@pytest.mark.parametrize(
    ("prediction", "cut"),
    [
        (BODY, BODY.rstrip()),
        (BODY + "\n    def other(self):\n        return 2\n", BODY.rstrip()),
        (BODY + "\nclass B:\n    pass\n", BODY.rstrip()),
        (BODY + "\n    def other(self, a: (", BODY.rstrip()),  # what does not parse goes first
        ("        return (x\n", "        return"),  # a longer beginning does not parse
        ("        [x\n", ""),  # nothing of it parses but the prompt alone
        ("        return x  # done\n\n    # next\n    def other(self):\n        pass\n", "        return x  # done"),
        ("        def inner():\n            return 1\n        return inner\n    z = 1\n",
         "        def inner():\n            return 1\n        return inner"),
        ("    z = 1\n", ""),  # outside of the function at once
        ("", ""),
    ],
)  # fmt: skip
def test_bodies(prediction: str, cut: str, make_task: MakeTask) -> None:
    task = make_task(BODY, kind="function", prefix=HEAD, benchmark="repoeval-function")
    assert cut_texts(task, prediction) == (cut, BODY.rstrip())


def test_the_body_is_what_the_language_says(make_task: MakeTask) -> None:
    """Python's own parser finds the same end of the body."""
    branch = "        if y:\n            pass\nz = 2\n"
    for rest in ("", "\n    async def other(self):\n        pass\n", "\n\nx = 1\n", branch):
        source = HEAD + BODY + rest
        end = ast.parse(source).body[0].body[1].end_lineno  # type: ignore[attr-defined]
        expected = "".join(source.splitlines(keepends=True)[HEAD.count("\n") : end]).rstrip()
        task = make_task(BODY, kind="function", prefix=HEAD)
        assert cut_texts(task, BODY + rest)[0] == expected


def test_decorated_async_and_not_ascii(make_task: MakeTask) -> None:
    head = "# größer\n@wrap\nasync def target(é):\n"
    task = make_task("    return é\n", kind="function", prefix=head)
    assert cut_texts(task, "    return 'ü'\n\nprint(é)\n")[0] == "    return 'ü'"


def test_where_nothing_parses_both_stay_whole(make_task: MakeTask) -> None:
    task = make_task("    return 1\n", kind="function", prefix="x = (((\ndef target():\n")
    assert cut_texts(task, "    return 1\n\nelse\n") == ("    return 1\n\nelse\n", "    return 1\n")


def test_a_hole_outside_of_every_function_stays_whole(make_task: MakeTask) -> None:
    task = make_task("x = 1\n", kind="function", prefix="y = 2\n")
    assert cut_texts(task, "x = 3\nz = 4\n") == ("x = 3\nz = 4\n", "x = 1\n")


def test_functions_of_other_languages_are_cut_to_lines(make_task: MakeTask) -> None:
    task = make_task("\treturn 1\n}\n", kind="function", language="go", prefix="func f() int {\n")
    assert cut_texts(task, "\treturn 1\n}\nfunc g() {}\n")[0] == "\treturn 1\n}"
