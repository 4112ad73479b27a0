"""Go: what its files say, and where its names lead."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.resolvers.go import GoRules
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


# -- where names lead ------------------------------------------------------------------------------------------

REPOSITORY = {
    "go.mod": """
        module example.com/shop

        require example.com/other v1.0.0

        replace (
            example.com/other => ./third/other
        )
    """,
    "main.go": """
        package main

        import (
            "example.com/other/kit"
            "example.com/shop/store"
            . "example.com/shop/units"
            "gopkg.in/shop/yaml.v3"
            deep "example.com/tools/deep"
            "net/http"
        )

        func main() {
            s := store.New()
            s.Open(1)
            s.Log.Print()
            s.Close()
            for _, item := range s.Items {
                item.Price()
            }
            kit.Cut(Meter(3))
            helper()
            deep.Dive()
            r := http.NewRequest()
            r.Rename()
            box := Box[int]{}
            box.Rename()
        }
    """,
    "helper.go": "package main\n\nfunc helper() {}\n\ntype Box[T any] struct{}\n",
    "box.go": "package main\n\nfunc (b *Box[T]) Rename() {}\n",
    "main_test.go": "package main_test\n\nfunc helper() {}\n\nfunc TestIt() { helper() }\n",
    "store/store.go": """
        package store

        // Store keeps.
        type Store struct {
            Base
            Log *Logger
            Items []*Item
        }

        func New() (*Store, error) { return &Store{}, nil }
    """,
    "store/open.go": """
        package store

        func (s *Store) Open(n int) { s.Close() }

        type Opener interface {
            Open(n int)
        }

        type File = Item
    """,
    "store/parts.go": """
        package store

        type Base struct{}

        func (Base) Close() {}

        type Logger struct{}

        func (l Logger) Print() {}

        type Item struct {
            Logger Logger
        }

        func (i *Item) Price() int {
            i.Logger.Print()
            var f File
            f.Price()
            return 1
        }
    """,
    "store/store_test.go": """
        package store_test

        import "example.com/shop/store"

        func TestNew() { store.New() }
    """,
    "units/units.go": "package units\n\ntype Meter int\n",
    "third/other/go.mod": "module example.com/renamed\n",
    "third/other/kit/kit.go": "package kit\n\nfunc Cut(x any) {}\n",
    "tools/go.mod": "module example.com/tools\n",
    "tools/deep/deep.go": "package deep\n\nfunc Dive() {}\n",
}


def table_of(sources: Mapping[str, str]) -> FactsTable:
    contents = {path: dedent(text).lstrip("\n").encode() for path, text in sources.items()}
    facts = {path: analyze(path, data, budget_s=30.0).facts for path, data in contents.items()}
    return FactsTable(facts, contents)


def edges_of(sources: Mapping[str, str], path: str) -> set[tuple[str, str, str, str]]:
    table = table_of(sources)
    facts = table.facts(path)
    assert isinstance(facts, FileFacts)
    edges = Resolver(table).resolve_file(facts).edges
    return {
        (e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in edges if e.kind != "contains"
    }


def test_names_of_a_program_lead_through_modules_packages_and_types() -> None:
    assert edges_of(REPOSITORY, "main.go") == {
        ("", "third/other/kit/kit.go", "", "imports"),
        ("", "store/store.go", "", "imports"),
        ("", "units/units.go", "", "imports"),
        ("", "tools/deep/deep.go", "", "imports"),
        ("main", "store/store.go", "New", "calls"),
        ("main", "store/open.go", "Store.Open", "calls"),
        ("main", "store/parts.go", "Logger.Print", "calls"),
        ("main", "store/parts.go", "Base.Close", "calls"),
        ("main", "store/store.go", "Store.Items", "references"),
        ("main", "store/parts.go", "Item.Price", "calls"),
        ("main", "third/other/kit/kit.go", "Cut", "calls"),
        ("main", "units/units.go", "Meter", "calls"),
        ("main", "helper.go", "helper", "calls"),
        ("main", "tools/deep/deep.go", "Dive", "calls"),
        ("main", "helper.go", "Box", "calls"),
        ("main", "box.go", "Box.Rename", "calls"),
    }


def test_a_folder_shares_its_names_and_tests_from_outside_do_not() -> None:
    edges = edges_of(REPOSITORY, "store/open.go")
    assert ("Store.Open", "store/store.go", "Store", "references") in edges
    assert ("Store.Open", "store/parts.go", "Base.Close", "calls") in edges
    assert ("File", "store/parts.go", "Item", "inherits") in edges
    assert ("", "store/store.go", "", "imports") in edges_of(REPOSITORY, "store/store_test.go")
    assert edges_of(REPOSITORY, "main_test.go") == {("TestIt", "main_test.go", "helper", "calls")}


def test_fields_may_have_the_name_of_their_type_and_aliases_have_members() -> None:
    edges = edges_of(REPOSITORY, "store/parts.go")
    assert ("Item.Price", "store/parts.go", "Logger.Print", "calls") in edges
    assert ("Item.Price", "store/open.go", "File", "references") in edges
    assert ("Item", "store/parts.go", "Logger", "references") in edges


def test_a_package_may_have_another_name_than_its_folder() -> None:
    sources = {
        "go.mod": "module example.com/a\n",
        "go-kit/kit.go": "package kit\n\nfunc Cut() {}\n",
        "go-kit/gen.go": "package main\n\nfunc main() {}\n",
        "a.go": 'package a\n\nimport "example.com/a/go-kit"\n\nfunc f() { kit.Cut() }\n',
    }
    assert ("f", "go-kit/kit.go", "Cut", "calls") in edges_of(sources, "a.go")


def test_without_a_module_the_end_of_the_path_counts() -> None:
    sources = {
        "pkg/kit/kit.go": "package kit\n\nfunc Cut() {}\n",
        "vendor/example.org/v/v.go": "package v\n\nfunc Vend() {}\n",
        "a.go": """
            package a

            import (
                "example.com/me/repo/pkg/kit"
                "example.org/v"
                plain "pkg/kit"
            )

            func f() { kit.Cut(); v.Vend(); plain.Cut() }
        """,
    }
    edges = edges_of(sources, "a.go")
    assert ("f", "pkg/kit/kit.go", "Cut", "calls") in edges
    assert ("f", "vendor/example.org/v/v.go", "Vend", "calls") in edges


def test_what_is_outside_is_not_guessed() -> None:
    sources = {
        "go.mod": "module example.com/a\n",
        "b.go": "package a\n\ntype T struct{}\n\nfunc (t T) OnlyOne() {}\n",
        "a.go": """
            package a

            import "net/http"

            func f(known *http.Request, unknown any) {
                known.OnlyOne()
                made := http.NewRequest()
                made.Body.OnlyOne()
            }

            func g() {
                _, second := both()
                second.OnlyOne()
            }
        """,
    }
    assert edges_of(sources, "a.go") == {("g", "b.go", "T.OnlyOne", "calls")}


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        ("func (s *Server) F(a, b int, c ...string) (n int, err error)", ["s", "a", "b", "c", "n", "err"]),
        ("func F(int, *Foo, func(a int) error) error", []),
        ("func F(f func(a, b int) error, m map[string]int)", ["f", "m"]),
        ("func F", []),
        ("func F(((((", []),
    ],
)
def test_parameters(signature: str, names: list[str]) -> None:
    assert GoRules().parameters(signature) == names


@pytest.mark.parametrize(
    "text", ["module", "module \xff\n", "replace x => ../../..", "\n" * 50_000, "x => ./" * 9000]
)
def test_broken_modules_lead_nowhere(text: str) -> None:
    sources = {"go.mod": text, "a.go": 'package a\n\nimport "x/b"\n\nfunc f() { b.C() }\n'}
    assert edges_of(sources, "a.go") == set()
