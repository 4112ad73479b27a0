"""Facts of Python files."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.dotted import flatten_chain
from indexer.grammar import Budget, syntax_of
from indexer.languages import LANGUAGES, language_named, language_of
from indexer.types import Binding, FileFacts, Import
from indexer.typetext import useful_type

EXAMPLE = '''#!/usr/bin/env python
"""Module doc.

More."""
from __future__ import annotations
import os, sys as system
import a.b.c
from . import x as y, z
from ..pkg.mod import (Foo,
    Bar as Baz)
from star import *
if TYPE_CHECKING:
    from q import Q
try:
    import fast
except ImportError:
    fast = None
LIMIT: int = 3
x1, x2 = 1, 2

# what it is for
@decor(1)
@other.thing
class A(Base, mod.Other[Foo], metaclass=Meta):
    """Class doc."""
    field: list[Foo] = []
    def __init__(self, p: Optional["Foo"], q=None,  # a note
                 *args: Q):
        self.p = p
        self.w: Foo | None = make(q)
        self.z = Foo(p).bar(1).baz
        super().__init__(p)
    @property
    def prop(self) -> dict[str, "Bar"]:
        import inner
        def nested(k): return k + LIMIT + self.p.deep
        with Foo() as f, open("x") as g:
            f.go(); g.write(os.path.join("a"))
        for i in range(3):
            i.foo()
        return nested(f)
async def func(cb, é="é") -> None:
    cb(); v = await thing.get(); v.use(); é.foo(LIMIT)
    raise Foo.Error(x1) from v
class A2(A): pass
def dup(): ...
def dup(x): ...
kind: Literal["Foo", "Bar"] = "Foo"
'''


def facts_of(text: str, path: str = "m.py") -> FileFacts:
    facts = analyze(path, text.encode(), budget_s=60, every_use=True).facts
    assert not facts.degraded
    return facts


def test_a_build_keeps_the_first_use_of_what_the_file_knows() -> None:
    text = """
        import os

        def f(x):
            os.path.join(x)
            len(os.path.join(x, os.sep))
            unknown(x).go()
            g(), g

        def g():
            os.path.join()
            f(lambda os: os.name)
    """
    found = analyze("m.py", dedent(text).encode(), budget_s=60).facts.references
    assert [(r.kind, r.name, r.scope, r.line) for r in found] == [
        ("call", "os.path.join", "f", 5), ("name", "os.sep", "f", 6), ("call", "g", "f", 8), ("name", "g", "f", 8),
        ("call", "os.path.join", "g", 11), ("call", "f", "g", 12), ("name", "os.name", "g", 12),
    ]  # fmt: skip


def test_a_star_import_may_bring_any_name() -> None:
    facts = analyze("m.py", b"from a import *\n\nfoo(bar)\n", budget_s=60).facts
    assert [(r.kind, r.name) for r in facts.references] == [("call", "foo"), ("name", "bar")]


@pytest.fixture(scope="module")
def facts() -> FileFacts:
    return facts_of(EXAMPLE)


def test_definitions(facts: FileFacts) -> None:
    assert [(s.kind, s.qualname) for s in facts.symbols] == [
        ("file", ""), ("variable", "fast"), ("variable", "LIMIT"), ("variable", "x1"), ("variable", "x2"),
        ("class", "A"), ("variable", "A.field"), ("method", "A.__init__"), ("variable", "A.p"),
        ("variable", "A.w"),
        ("variable", "A.z"), ("method", "A.prop"), ("function", "A.prop.nested"), ("function", "func"),
        ("class", "A2"), ("function", "dup"), ("function", "dup"), ("variable", "kind"),
    ]  # fmt: skip
    by_name = {s.qualname: s for s in facts.symbols}
    assert by_name[""].doc == "Module doc."
    assert by_name["A"].doc == "Class doc."
    assert by_name["A"].bases == ("Base", "mod.Other[Foo]")
    assert by_name["A"].signature == "class A(Base, mod.Other[Foo], metaclass=Meta)"
    assert by_name["A.__init__"].signature == 'def __init__(self, p: Optional["Foo"], q=None, *args: Q)'
    assert by_name["A.prop"].signature == 'def prop(self) -> dict[str, "Bar"]'
    assert by_name["func"].signature == 'async def func(cb, é="é") -> None'
    assert by_name["A.field"].signature == "field: list[Foo] = []"
    lines = EXAMPLE.splitlines()
    span = by_name["A"].span
    assert lines[span.start_line - 1] == "@decor(1)", "decorators belong to the definition"
    assert lines[span.end_line - 1].strip() == "return nested(f)"
    assert EXAMPLE.encode()[span.start_byte : span.end_byte].startswith(b"@decor")


def test_the_comment_above_is_the_doc_where_there_is_no_docstring() -> None:
    found = facts_of("#: How many.\nLIMIT = 3\n\n# First line.\n# Second.\ndef f(): ...\n").symbols
    assert [s.doc for s in found] == ["", "How many.", "First line."]


def test_imports(facts: FileFacts) -> None:
    assert list(facts.imports) == [
        Import("__future__", 0, "annotations", "annotations", 5, ""),
        Import("os", 0, "", "os", 6, ""),
        Import("sys", 0, "", "system", 6, ""),
        Import("a.b.c", 0, "", "a", 7, ""),
        Import("", 1, "x", "y", 8, ""),
        Import("", 1, "z", "z", 8, ""),
        Import("pkg.mod", 2, "Foo", "Foo", 9, ""),
        Import("pkg.mod", 2, "Bar", "Baz", 10, ""),
        Import("star", 0, "*", "", 11, ""),
        Import("q", 0, "Q", "Q", 13, ""),
        Import("fast", 0, "", "fast", 15, ""),
        Import("inner", 0, "", "inner", 35, "A.prop"),
    ]


def test_references(facts: FileFacts) -> None:
    found = {(r.kind, r.name, r.scope) for r in facts.references}
    expected = {
        ("call", "decor", ""), ("call", "other.thing", ""), ("inherit", "Base", "A"),
        ("inherit", "mod.Other", "A"),
        ("name", "Foo", "A"), ("name", "Meta", "A"), ("annotation", "Foo", "A"),
        ("annotation", "Foo", "A.__init__"),
        ("annotation", "Q", "A.__init__"), ("call", "make", "A.__init__"),
        ("call", "Foo().bar", "A.__init__"),
        ("call", "super().__init__", "A.__init__"), ("annotation", "Bar", "A.prop"),
        ("call", "nested", "A.prop"),
        ("name", "LIMIT", "A.prop.nested"), ("name", "self.p.deep", "A.prop.nested"),
        ("call", "f.go", "A.prop"),
        ("call", "os.path.join", "A.prop"), ("call", "thing.get", "func"), ("call", "v.use", "func"),
        ("call", "Foo.Error", "func"), ("name", "x1", "func"), ("name", "LIMIT", "func"),
        ("inherit", "A", "A2"),
        ("annotation", "Literal", ""),
    }  # fmt: skip
    assert expected <= found
    names = [r.name for r in facts.references]
    assert "os.path" not in names, "a dotted name counts once, as written"
    assert not {"cb", "p", "k", "f", "i", "self", "a.b.c", "metaclass"} & set(names), (
        "what a function binds is no use"
    )
    assert ("annotation", "Bar", "") not in found, "the strings of Literal are values"
    place = next(r for r in facts.references if r.name == "é.foo")
    assert (place.line, place.column) == (43, EXAMPLE.splitlines()[42].index("é.foo"))


def test_bindings(facts: FileFacts) -> None:
    found = {(b.name, b.type, b.kind, b.scope) for b in facts.bindings}
    assert found == {
        ("LIMIT", "int", "annotation", ""), ("field", "Foo", "annotation", "A"),
        ("p", "Foo", "parameter", "A.__init__"),
        ("self.w", "Foo", "annotation", "A.__init__"), ("self.w", "make", "call", "A.__init__"),
        ("return", "Bar", "return", "A.prop"), ("f", "Foo", "call", "A.prop"),
        ("g", "open", "call", "A.prop"),
        ("v", "thing.get", "call", "func"), ("i", "", "local", "A.prop"),
        ("kind", "Literal", "annotation", ""),
        ("self.p", "p", "alias", "A.__init__"), ("self.z", "Foo().bar().baz", "alias", "A.__init__"),
    }  # fmt: skip


def test_names_that_are_declared_global_are_uses() -> None:
    text = "state = 0\ndef f():\n    global state\n    state = 1\n    return state\n"
    assert [(r.name, r.scope) for r in facts_of(text).references] == [("state", "f")]
    text = text.replace("    global state\n", "")
    assert facts_of(text).references == ()


def test_a_file_with_a_syntax_error_still_has_facts() -> None:
    found = facts_of(
        "import os\n\ndef good(x: Foo):\n    return os.sep\n"
        "\ndef bad(:\n    retur n (\n\nclass C:\n    y = 1\n"
    )
    assert {"good"} <= {s.qualname for s in found.symbols}
    assert Binding("x", "Foo", "parameter", 3, "good") in found.bindings


def test_text_has_no_facts_but_itself() -> None:
    found = facts_of("# Title\n\ntext\n", "README.md")
    assert (found.language, found.n_lines, [s.kind for s in found.symbols]) == ("markdown", 3, ["file"])
    assert [c.kind for c in found.chunks] == ["text"]
    assert facts_of("x", "unknown.zzz").language == "text"


def test_an_empty_file() -> None:
    found = facts_of("")
    assert (found.n_lines, found.chunks, len(found.symbols)) == (0, (), 1)


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("Foo", "Foo"), ("pkg.Foo", "pkg.Foo"), ("Optional[Foo]", "Foo"), ("Foo | None", "Foo"),
        ("None | Foo", "Foo"),
        ("'Foo'", "Foo"), ('Optional["Foo"]', "Foo"), ("list[Foo]", "Foo"), ("dict[str, Foo]", "Foo"),
        ("t.Sequence[t.Optional[Foo]]", "Foo"), ("Union[int, Foo, Bar]", "Foo"),
        ("Repository[Foo]", "Repository"),
        ("Annotated[Foo, Depends(get)]", "Foo"), ("tuple[Foo, ...]", "Foo"), ("int", "int"),
        ("str | bytes", "str"),
        ("None", ""), ("Callable[[int], Foo]", "Callable"), ("type[Foo]", "Foo"),
        ("Generator[Foo, None, Bar]", "Foo"),
        ("[", ""), ("", ""), ("list[" * 90, "list"),
    ],
)  # fmt: skip
def test_the_useful_part_of_a_type(written: str, useful: str) -> None:
    assert useful_type(written) == useful


def test_chains_of_calls_are_one_name() -> None:
    assert flatten_chain("make(a, f(b)[0]).run") == "make().run"
    assert flatten_chain("a . b") == "a.b"
    assert flatten_chain("x[0].run") == ""
    assert flatten_chain("'s'.join") == ""


def test_every_language_with_a_grammar_has_a_query_that_fits() -> None:
    for language in LANGUAGES:
        if language.grammar:
            syntax = syntax_of(language)
            assert all(syntax.roles), f"{language.name}: a structure pattern without a known role"
            syntax.parse(b"x", Budget(60))
        assert language_named(language.name) is language
    assert language_of("a/b/Makefile") is language_named("make")
    assert language_of("x.unknown") is None


def test_own_code_is_read(request: pytest.FixtureRequest) -> None:
    root = Path(request.config.rootpath)
    found = facts_of((root / "indexer" / "parse.py").read_text(encoding="utf-8"), "indexer/parse.py")
    methods = {s.qualname for s in found.symbols if s.kind == "method"}
    assert {"ParsePool.parse", "ParsePool.parse_buffer", "ParsePool.close"} <= methods
