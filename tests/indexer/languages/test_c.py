"""C: what its files say, macros and headers, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.languages import language_in
from indexer.macros import hide_macros
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts

LIST = """
    #ifndef LIST_H
    #define LIST_H
    #include <stddef.h>
    #include "pool.h"
    #define LIMIT 3
    #define MAX(a, b) ((a) > (b) ? (a) : pick(b))

    /* A node.
     * Of a list. */
    struct node { int value, *next_value; struct node *next; int (*compare)(int); char name[8][2]; };
    typedef struct node node_t;
    typedef struct { size_t count; node_t *first; } list_t;
    typedef int (*visit)(node_t *node, void *data);
    typedef unsigned long word, *word_ptr;
    enum color { RED, GREEN = 2 };
    enum { HIDDEN };
    union any { int number; float real; };
    extern int total;
    static const char *names[] = {"a"};

    // Adds a value.
    node_t *list_add(list_t *list, int value);
    API_EXPORT int list_size(const list_t *list) { return list->count; }
    int (*pick_handler(int which))(int) { return 0; }
    #endif
"""


def facts_of(text: str, path: str = "src/list.h") -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


@pytest.fixture(scope="module")
def header() -> FileFacts:
    return facts_of(LIST)


def test_definitions(header: FileFacts) -> None:
    assert {(found.kind, found.qualname) for found in header.symbols[1:]} == {
        ("variable", "LIST_H"),
        ("variable", "LIMIT"),
        ("function", "MAX"),
        ("class", "node"),
        ("variable", "node.value"),
        ("variable", "node.next_value"),
        ("variable", "node.next"),
        ("variable", "node.compare"),
        ("variable", "node.name"),
        ("variable", "node_t"),
        ("class", "list_t"),
        ("variable", "list_t.count"),
        ("variable", "list_t.first"),
        ("variable", "visit"),
        ("variable", "word"),
        ("variable", "word_ptr"),
        ("class", "color"),
        ("variable", "RED"),
        ("variable", "GREEN"),
        ("variable", "HIDDEN"),
        ("class", "any"),
        ("variable", "any.number"),
        ("variable", "any.real"),
        ("variable", "total"),
        ("variable", "names"),
        ("function", "list_add"),
        ("function", "list_size"),
        ("function", "pick_handler"),
    }


def test_headers_and_comments(header: FileFacts) -> None:
    found = {symbol.qualname: symbol for symbol in header.symbols}
    assert found["list_add"].signature == "node_t *list_add(list_t *list, int value);"
    assert found["list_add"].doc == "Adds a value."
    assert found["node"].doc == "A node."
    assert found["list_size"].signature == "int list_size(const list_t *list)"


def test_includes(header: FileFacts) -> None:
    assert [(one.module, one.level, one.name, one.alias) for one in header.imports] == [
        ("stddef.h", 0, "*", ""),
        ("pool.h", 1, "*", ""),
    ]


def test_bindings_are_types_without_the_word_struct() -> None:
    facts = facts_of("struct a *f(struct b *x, c_t y[]) { d_t *z = mk(x), **w; int n = 3; return z; }", "f.c")
    assert {(one.name, one.type, one.kind) for one in facts.bindings} == {
        ("return", "a", "return"),
        ("x", "b", "parameter"),
        ("y", "c_t", "parameter"),
        ("z", "d_t", "annotation"),
        ("w", "d_t", "annotation"),
    }


def test_uses_are_those_of_other_names() -> None:
    facts = facts_of(
        """
        int f(list_t *list, int n) {
            int i = LIMIT; /* comment(x) */
            list->first->next = add(list, "text(y)", 'c');
            if (n) goto done;
            done: return sizeof(node_t);
        }
        """,
        "f.c",
    )
    assert {(one.name, one.kind) for one in facts.references} == {
        ("list_t", "name"),
        ("LIMIT", "name"),
        ("list.first.next", "name"),
        ("add", "call"),
        ("node_t", "name"),
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "#ifdef A\nint f(int a) {\n#else\nint f(void) {\n#endif\n  return 1;\n}\nint g(void) { return 2; }\n",
            "f g",
        ),
        ('#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n', "f"),
        ("#if A\nint f(void) { return 1; }\n#else\nint f(void) { return 2; }\n#endif\n", "f f"),
        ("BEGIN_DECLS\n\nint f(void);\nEND_DECLS\nint g(void);\n", "f g"),
        ("PUBLIC static int f(int a) { return a; }\nDEPRECATED(1) char *g(void);\n", "f g"),
        ("int f(a, b) int a; char *b; { return a; }\n", "f"),
    ],
)
def test_macros_and_conditions_hide_no_functions(text: str, names: str) -> None:
    facts = facts_of(text, "f.c")
    assert [one.name for one in facts.symbols if one.kind == "function"] == names.split()


def test_hidden_bytes_keep_their_places() -> None:
    data = b'#ifdef A\nint f(a) {\n#else\nint f() {\n#endif\n}\nstruct API x {\n};\nchar *s = "API int x";\n'
    hidden = hide_macros(data)
    assert len(hidden) == len(data)
    assert [at for at, byte in enumerate(hidden) if byte == 10] == [
        at for at, byte in enumerate(data) if byte == 10
    ]
    assert b"struct     x {" in hidden
    assert hidden.count(b"{") == 2


@pytest.mark.parametrize(
    "data", [b"#if A\n{" * 5000, b"/*" * 20000, b'"' * 20001, b"AAA " * 9000, b"class A" * 5000]
)
def test_strange_input_takes_no_longer_than_its_size(data: bytes) -> None:
    assert len(hide_macros(data)) == len(data)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("struct a { int class_of; };\n", "c"),
        ("/* std::vector is not\n * class foo {\n */\nint f(void);\n", "c"),
        ("class Foo;\n", "cpp"),
        ("namespace a {\n}\n", "cpp"),
        ("template <typename T> T f(T x);\n", "cpp"),
        ("#include <vector>\n", "cpp"),
        ("struct a {\n public:\n  int x;\n};\n", "cpp"),
    ],
)
def test_headers_are_told_apart_by_content(text: str, language: str) -> None:
    found = language_in("a/b.h", text.encode())
    assert found is not None
    assert found.name == language


def leads_to(files: dict[str, str], path: str, name: str, scope: str) -> list[tuple[str, str]]:
    """Where a name of a scope of a file leads, best first."""
    facts = {one: facts_of(text, one) for one, text in files.items()}
    found = Resolver(FactsTable(facts)).resolve_name(facts[path], name, scope, 1_000_000)
    return [(target.path, target.qualname) for target in found]


FILES = {
    "include/shop/list.h": LIST,
    "include/shop/pool.h": "typedef struct pool { int used; } pool_t;\nvoid pool_free(pool_t *pool);\n",
    "src/list.c": '#include "shop/list.h"\nnode_t *list_add(list_t *list, int value) { return list->first; }\n',
    "src/pool.c": "#include <shop/pool.h>\nvoid pool_free(pool_t *pool) { }\n",
    "other/list.h": "int other;\n",
    "app/main.c": """
        #include <stdio.h>
        #include <shop/list.h>
        #include "config.h"
        int main(int argc, char **argv) {
            list_t list;
            pool_t *pool;
            return list_add(&list, RED)->value;
        }
    """,
    "app/config.h": "#define VERBOSE 1\n",
}


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("list_add", [("src/list.c", "list_add"), ("include/shop/list.h", "list_add")]),
        ("pool_free", [("src/pool.c", "pool_free"), ("include/shop/pool.h", "pool_free")]),
        ("RED", [("include/shop/list.h", "RED")]),
        ("MAX", [("include/shop/list.h", "MAX")]),
        ("VERBOSE", [("app/config.h", "VERBOSE")]),
        ("list.first.next.value", [("include/shop/list.h", "node.value")]),
        ("pool.used", [("include/shop/pool.h", "pool.used")]),
        ("list_add().value", [("include/shop/list.h", "node.value")]),
        ("printf", []),
        ("read", []),
    ],
)
def test_names_lead_through_headers_to_bodies(name: str, targets: list[tuple[str, str]]) -> None:
    assert leads_to(FILES, "app/main.c", name, "main") == targets


def test_includes_are_edges_to_files() -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    edges = Resolver(FactsTable(facts)).resolve_file(facts["app/main.c"]).edges
    assert {edge.target_path for edge in edges if edge.kind == "imports"} == {
        "include/shop/list.h",
        "app/config.h",
    }
