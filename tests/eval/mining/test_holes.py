from __future__ import annotations

import pytest

from eval.mining.holes import SUPPORTED, find_holes
from eval.mining.parsing import HoleFinder

PYTHON = '''\
"""A file."""
# a comment
import os  # not alone


class Box:
    def fill(self, things):
        """Put things in.

        Another line.
        """
        # a comment that stays in the prompt
        for thing in things:
            self.put(
                thing,
                os.getcwd(),
            )

        return self

    def short(self):
        return 1

    def on_one_line(self): return first(1) or second(2) or third(3)


def decorated(value):
    result = value
    result += 1
    return result  # done
'''


def spans(holes: tuple) -> list[tuple[int, int, str]]:
    return [(hole.start_line, hole.end_line, hole.name) for hole in holes]


def test_python_calls_bodies_and_comments() -> None:
    found = find_holes(PYTHON.encode(), "python")
    assert spans(found.functions) == [(13, 19, "fill"), (28, 30, "decorated")]
    assert spans(found.calls) == [
        (14, 17, "put"), (16, 16, "getcwd"), (24, 24, "first"), (24, 24, "second"), (24, 24, "third"),
    ]  # fmt: skip
    assert found.comments == ((2, 2), (12, 12))
    assert found.broken == ()
    assert found.defines == ("Box", "fill", "short", "on_one_line", "decorated")


CASES = {
    "java": (
        "class A {\n  int f(int x) {\n    // c\n    int a = g(x);\n    a++;\n    return b.h(new C<X>(a));\n  }\n}\n",
        (4, 6, "f"), {"g", "h", "C"},
    ),
    "javascript": ("const f = (x) => {\n  const a = g(x)\n  a.b()\n  return new C(a)\n}\n", (2, 4, "f"),
                   {"g", "b", "C"}),
    "typescript": ("class A {\n  f(x: X): void {\n    g<T>(x)\n    this.b?.h()\n    i();\n  }\n}\n", (3, 5, "f"),
                   {"g", "h", "i"}),
    "tsx": ("function f() {\n  g()\n  h()\n  return <A b={i()} />\n}\n", (2, 4, "f"), {"g", "h", "i"}),
    "csharp": ("class A {\n  int F(int x)\n  {\n    var a = G<int>(x);\n    a.H();\n    return new C(a);\n  }\n}\n",
               (4, 6, "F"), {"G", "H", "C"}),
    "go": ("package a\nfunc (t *T) f(x int) int {\n\t// c\n\ta := g(x)\n\ta++\n\treturn b.H(a)\n}\n", (4, 6, "f"),
           {"g", "H"}),
    "rust": ("impl A {\n  fn f(x: i32) -> i32 {\n    let a = g::<u8>(x);\n    let b = a;\n    b.h(a)\n  }\n}\n",
             (3, 5, "f"), {"g", "h"}),
    "kotlin": ("class A {\n  fun f(x: Int): Int {\n    val a = g(x)\n    a.h()\n    return a\n  }\n}\n", (3, 5, "f"),
               {"g", "h"}),
    "c": ("int *f(int x)\n{\n  int a = g(x);\n  a++;\n  return b->h(a);\n}\n", (3, 5, "f"), {"g", "h"}),
    "cpp": ("int A::f(int x) {\n  auto a = g<int>(x);\n  a++;\n  return b->h(a);\n}\n", (2, 4, "f"), {"g", "h"}),
    "php": (
        "<?php\nclass A {\n  function f($x) {\n    $a = g($x);\n    $a->h(3);\n    return new C(A::s(2));\n  }\n}\n",
        (4, 6, "f"), {"g", "h", "C", "s"},
    ),
    "ruby": ("class A\n  def f(x)\n    a = g(x)\n    b.h 3\n    B.make(2)\n  end\nend\n", (3, 5, "f"),
             {"g", "h", "make"}),
}  # fmt: skip


def test_every_supported_language_has_a_case() -> None:
    assert {*CASES, "python"} == set(SUPPORTED)


@pytest.mark.parametrize("language", sorted(CASES))
def test_holes_of_each_language(language: str) -> None:
    text, body, called = CASES[language]
    found = find_holes(text.encode(), language)
    assert spans(found.functions) == [body]
    assert called <= {call.name for call in found.calls}
    assert not found.broken


def test_an_expression_is_no_body_and_a_shared_line_is_not_whole() -> None:
    assert find_holes(b"const f = (x) =>\n  g(\n  x,\n  1)\n", "javascript").functions == ()
    assert find_holes(b"function f() { a()\n b()\n c() }\n", "javascript").functions == ()


def test_too_long_bodies_and_calls_are_left_out() -> None:
    lines = "".join(f"    a{number} = 1\n" for number in range(31))
    assert find_holes(f"def f():\n{lines}".encode(), "python").functions == ()
    assert len(find_holes(f"def f():\n{lines[: lines.index('    a30')]}".encode(), "python").functions) == 1
    long_call = "f(\n" + "1,\n" * 29 + ")\n"
    assert find_holes(long_call.encode(), "python").calls == ()


def test_broken_lines_are_told() -> None:
    found = find_holes(b"def good():\n    a = 1\n    b = 2\n    return a\n\n)) ((\n", "python")
    assert spans(found.functions) == [(2, 4, "good")]
    assert any(first <= 6 <= last for first, last in found.broken)


def test_the_child_answers_the_same_and_survives_its_death() -> None:
    with HoleFinder() as finder:
        assert finder.find(PYTHON.encode(), "python") == find_holes(PYTHON.encode(), "python")
        assert finder._child is not None
        finder._child.kill()
        assert finder.find(b"x = 1\n", "python").failed
        assert finder.find(PYTHON.encode(), "python") == find_holes(PYTHON.encode(), "python")
