"""Go: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.types import FileFacts, Symbol
from indexer.typetext import useful_type

SERVER = """
    // Package shop sells.
    package shop

    import (
        "fmt"
        str "strings"
        . "example.com/shop/units"
        _ "example.com/shop/driver"
        "gopkg.in/yaml.v3"
        "example.com/shop/store/v2"
    )

    const Limit = 3

    const (
        First, Second = iota, 2
        Third Level = 3
    )

    var _ Runner = (*Server)(nil)

    // Level says how loud.
    type Level int

    type Alias = store.Item

    type (
        Empty  struct{}
        Lookup map[string]*Server
    )

    // Server serves.
    // It has two parts.
    type Server struct {
        Base
        *store.Pool
        Name, host string `json:"name"`
        next *Server
        inner struct{ depth int }
    }

    type Runner interface {
        Closer
        fmt.Stringer
        ~int | ~string
        Run(n int) (*Server, error)
    }

    type List[T any] struct{ items []T }

    // New makes one.
    func New(name string, levels ...Level) (*Server, error) {
        s := &Server{Name: name, next: nil}
        var local = Limit
        return s, check(local)
    }

    func (s *Server) Run(n int) (*Server, error) {
        type hidden struct{ x int }
        first := s.next.find(n).host
        for _, item := range s.items {
            item.Sell(first)
        }
        str.ToUpper(first)
        return New(s.Name)
    }

    func (l *List[T]) Len() int { return len(l.items) }
"""


def facts_of(text: str, path: str = "shop/server.go", *, every_use: bool = False) -> FileFacts:
    data = dedent(text).lstrip("\n").encode()
    return analyze(path, data, budget_s=30.0, every_use=every_use).facts


@pytest.fixture(scope="module")
def server() -> FileFacts:
    return facts_of(SERVER)


def symbol(facts: FileFacts, qualname: str) -> Symbol:
    return next(found for found in facts.symbols if found.qualname == qualname)


def test_definitions_have_their_kinds_and_owners(server: FileFacts) -> None:
    kinds = {found.qualname: found.kind for found in server.symbols}
    assert kinds == {
        "": "file",
        "Limit": "variable",
        "First": "variable",
        "Second": "variable",
        "Third": "variable",
        "Level": "class",
        "Alias": "class",
        "Empty": "class",
        "Lookup": "class",
        "Server": "class",
        "Server.Name": "variable",
        "Server.host": "variable",
        "Server.next": "variable",
        "Server.inner": "variable",
        "Runner": "class",
        "Runner.Run": "method",
        "List": "class",
        "List.items": "variable",
        "New": "function",
        "Server.Run": "method",
        "Server.Run.hidden": "class",
        "Server.Run.hidden.x": "variable",
        "List.Len": "method",
    }
    assert server.package == "shop"


@pytest.mark.parametrize(
    ("qualname", "signature", "doc", "visibility"),
    [
        ("Limit", "const Limit = 3", "", "public"),
        ("Third", "Third Level = 3", "", "public"),
        ("Level", "type Level int", "Level says how loud.", "public"),
        ("Empty", "Empty struct", "", "public"),
        ("Server", "type Server struct", "Server serves.", "public"),
        ("Server.host", 'Name, host string `json:"name"`', "", "internal"),
        ("Runner", "type Runner interface", "", "public"),
        ("Runner.Run", "Run(n int) (*Server, error)", "", "public"),
        ("New", "func New(name string, levels ...Level) (*Server, error)", "New makes one.", "public"),
        ("Server.Run", "func (s *Server) Run(n int) (*Server, error)", "", "public"),
        ("List.Len", "func (l *List[T]) Len() int", "", "public"),
    ],
)
def test_headers(server: FileFacts, qualname: str, signature: str, doc: str, visibility: str) -> None:
    found = symbol(server, qualname)
    assert (found.signature, found.doc, found.visibility) == (signature, doc, visibility)


def test_what_is_embedded_is_a_base_and_a_field(server: FileFacts) -> None:
    assert symbol(server, "Server").bases == ("Base", "store.Pool")
    assert symbol(server, "Runner").bases == ("Closer", "fmt.Stringer")
    assert symbol(server, "Alias").bases == ("store.Item",)
    fields = {(b.name, b.type) for b in server.bindings if b.scope == "Server"}
    assert fields >= {("Base", "Base"), ("Pool", "store.Pool"), ("next", "Server")}


def test_imports(server: FileFacts) -> None:
    assert [(i.module, i.name, i.alias.partition(".")[0]) for i in server.imports] == [
        ("fmt", "", "fmt"),
        ("strings", "", "str"),
        ("example.com/shop/units", "*", ""),
        ("example.com/shop/driver", "", ""),
        ("gopkg.in/yaml.v3", "", "yaml"),
        ("example.com/shop/store/v2", "", "store"),
    ]


def test_bindings_tell_types(server: FileFacts) -> None:
    told = {(b.scope, b.name, b.type, b.kind) for b in server.bindings}
    assert told >= {
        ("New", "return", "Server", "return"),
        ("New", "levels", "Level", "parameter"),
        ("New", "s", "Server", "call"),
        ("New", "local", "Limit", "alias"),
        ("Runner.Run", "return", "Server", "return"),
        ("Server.Run", "s", "Server", "parameter"),
        ("Server.Run", "item", "s.items", "alias"),
        ("", "Third", "Level", "annotation"),
    }


@pytest.mark.parametrize(
    ("statement", "name", "type_name", "kind"),
    [
        ("x := Make()", "x", "Make", "call"),
        ("x, err := pkg.Make(1)", "x", "pkg.Make", "call"),
        ("x := Make[int](1)", "x", "Make", "call"),
        ("x := pkg.Box{}", "x", "pkg.Box", "call"),
        ("x := &Box[int]{size: 1}", "x", "Box", "call"),
        ("var x = &Box{}", "x", "Box", "call"),
        ("var x, y *pkg.Box", "y", "pkg.Box", "annotation"),
        ("x := []*Box{}", "x", "Box", "annotation"),
        ("x := make(map[string]Box)", "x", "Box", "annotation"),
        ("x := new(Box)", "x", "Box", "annotation"),
        ("x, ok := y.(*Box)", "x", "Box", "annotation"),
        ("x := y.z", "x", "y.z", "alias"),
        ("x := y[0]", "x", "y", "alias"),
        ("x := <-y.z", "x", "y.z", "alias"),
        ("for _, x := range y {}", "x", "y", "alias"),
        ("for _, x := range y.all() {}", "x", "y.all", "call"),
    ],
)
def test_every_way_to_bind(statement: str, name: str, type_name: str, kind: str) -> None:
    facts = facts_of(f"package p\n\nfunc f() {{\n\t{statement}\n}}\n")
    assert (name, type_name, kind) in {(b.name, b.type, b.kind) for b in facts.bindings}


def test_uses_are_what_others_may_define(server: FileFacts) -> None:
    uses = {(r.scope, r.name, r.kind) for r in server.references}
    assert uses >= {
        ("New", "Server", "call"),
        ("New", "check", "call"),
        ("New", "Level", "name"),
        ("Server.Run", "s.next.find().host", "name"),
        ("Server.Run", "s.next.find", "call"),
        ("Server.Run", "item.Sell", "call"),
        ("Server.Run", "str.ToUpper", "call"),
        ("Server.Run", "New", "call"),
        ("Lookup", "Server", "name"),
    }
    names = {r.name for r in server.references}
    # keys of literals, locals, parameters, imports, keywords and the language's own names are none
    assert not names & {
        "name",
        "next",
        "local",
        "first",
        "s",
        "n",
        "fmt",
        "nil",
        "int",
        "range",
        "func",
        "len",
    }


def test_keys_of_maps_are_uses_and_those_of_structs_are_not() -> None:
    facts = facts_of(
        """
        package p

        var a = Box{Size: big}
        var b = map[Kind]int{Round: 1}
        var c = []Box{{Size: small}}
        """
    )
    names = {r.name for r in facts.references}
    assert names >= {"big", "Round", "small", "Box", "Kind"}
    assert "Size" not in names


def test_every_use_tells_types_from_values() -> None:
    facts = facts_of("package p\n\nfunc f(a *Box) Lid {\n\treturn Lid(a.lid)\n}\n", every_use=True)
    assert {(r.name, r.kind, r.line) for r in facts.references} == {
        ("Box", "annotation", 3),
        ("Lid", "annotation", 3),
        ("Lid", "call", 4),
        ("a.lid", "name", 4),
    }


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("*pkg.Box", "pkg.Box"),
        ("[]*Box", "Box"),
        ("map[string][]Box", "Box"),
        ("<-chan *Box", "Box"),
        ("chan<- Box", "Box"),
        ("...Box", "Box"),
        ("[4]Box", "Box"),
        ("List[Box]", "List"),
        ("[", ""),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "go") == useful


@pytest.mark.parametrize(
    "text",
    [
        "package p\n\nfunc f(",
        "package p\n\ntype T struct {\n",
        "func () () {}",
        'import "\x00"',
        "package p\n\nvar x = " + "(" * 5000,
        "package p\n\nvar x " + "[]" * 5000 + "int",
        "package p\n\nfunc f() { " + "x." * 20_000 + "y }",
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    facts = facts_of(text)
    assert facts.symbols[0].kind == "file"
    assert facts.chunks
