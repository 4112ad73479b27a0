"""Names across files: real sources, parsed by the real extractor."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analyze import analyze
from indexer.resolve import FactsTable, RawEdge, Resolved, Resolver, Target, add_change, interface
from indexer.resolvers.keys import Changed
from indexer.types import FileFacts


class Sources(FactsTable):
    """A table of files given as text."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__({path: parse(path, text) for path, text in sources.items()})


def parse(path: str, text: str) -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


def find(
    sources: Mapping[str, str], path: str, dotted: str, scope: str = "", line: int = 999
) -> list[Target]:
    table = Sources(sources)
    facts = table.facts(path)
    assert facts is not None
    return Resolver(table).resolve_name(facts, dotted, scope, line)


def places(targets: list[Target]) -> list[tuple[str, str]]:
    return [(target.path, target.qualname) for target in targets]


def edges_of(sources: Mapping[str, str], path: str) -> set[tuple[str, str, str, str]]:
    table = Sources(sources)
    facts = table.facts(path)
    assert facts is not None
    edges = Resolver(table).resolve_file(facts).edges
    return {(e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in edges}


PACKAGE = {
    "src/pkg/__init__.py": "from .core import Engine as Motor\nfrom .star import *\nfrom . import tools\n",
    "src/pkg/core.py": """
        from __future__ import annotations
        from .base import Base, Part
        class Engine(Base):
            size: int = 0
            def __init__(self, part: Part):
                self.part = Part()
                self.other: Part = part
            def start(self) -> Part:
                self.warm_up()
                super().stop()
                return self.part.turn()
        def make() -> Engine: ...
    """,
    "src/pkg/base.py": """
        class Part:
            def turn(self) -> 'Part': ...
        class Base:
            limit = 3
            def warm_up(self): ...
            def stop(self): ...
    """,
    "src/pkg/star.py": "def shine(): ...\ndef _hidden(): ...\nLIGHT = 1\n",
    "src/pkg/tools/__init__.py": "",
    "src/pkg/tools/saw.py": "def cut(): ...\n",
    "plain/space/deep.py": "def dig(): ...\n",
    "run.py": """
        import pkg
        import pkg.tools.saw
        import pkg.tools.saw as s
        from pkg import Motor, shine, tools
        from pkg.core import make
        from plain.space import deep
        def main(engine: Motor, e2: "pkg.core.Engine"):
            made = make()
            part = engine.start()
            with Motor(part) as again:
                again.warm_up()
            shine = 1
            from pkg.base import Base as B
            return made, part, shine.real
    """,
}


@pytest.mark.parametrize(
    ("dotted", "path", "qualname"),
    [
        ("Motor", "src/pkg/core.py", "Engine"),
        ("pkg.Motor", "src/pkg/core.py", "Engine"),
        ("pkg.shine", "src/pkg/star.py", "shine"),
        ("pkg.tools.saw.cut", "src/pkg/tools/saw.py", "cut"),
        ("pkg.tools", "src/pkg/tools/__init__.py", ""),
        ("s.cut", "src/pkg/tools/saw.py", "cut"),
        ("tools.saw", "src/pkg/tools/saw.py", ""),
        ("deep.dig", "plain/space/deep.py", "dig"),
        ("engine.start", "src/pkg/core.py", "Engine.start"),
        ("engine.limit", "src/pkg/base.py", "Base.limit"),
        ("e2.warm_up", "src/pkg/base.py", "Base.warm_up"),
        ("made.part.turn", "src/pkg/base.py", "Part.turn"),
        ("made.other.turn", "src/pkg/base.py", "Part.turn"),
        ("part.turn", "src/pkg/base.py", "Part.turn"),
        ("again.stop", "src/pkg/base.py", "Base.stop"),
        ("B.stop", "src/pkg/base.py", "Base.stop"),
    ],
)
def test_names_lead_to_their_definition(dotted: str, path: str, qualname: str) -> None:
    assert places(find(PACKAGE, "run.py", dotted, "main")) == [(path, qualname)]


@pytest.mark.parametrize("dotted", ["pkg._hidden", "_hidden", "engine.nothing", "os.path", "len", "missing"])
def test_names_that_mean_nothing_here_are_not_guessed(dotted: str) -> None:
    assert find(PACKAGE, "run.py", dotted, "main") == []


def test_a_local_name_hides_the_import() -> None:
    assert places(find(PACKAGE, "run.py", "shine", "main")) == []
    assert places(find(PACKAGE, "run.py", "shine", "")) == [("src/pkg/star.py", "shine")]


def test_every_target_says_how() -> None:
    inherited = find(PACKAGE, "run.py", "engine.warm_up", "main")[0]
    assert inherited.how == "method of Base, inherited by Engine, type of `engine`, annotated at line 7"
    assert inherited.weight < 1
    assert find(PACKAGE, "run.py", "Motor", "main")[0].how == "imported at line 4 from pkg"
    variable = find(PACKAGE, "run.py", "made", "main")[0]
    assert (variable.role, variable.qualname) == ("type", "Engine")


def test_types_are_what_can_follow_a_dot() -> None:
    table = Sources(PACKAGE)
    facts = table.facts("src/pkg/core.py")
    assert facts is not None
    found = Resolver(table).resolve_type(facts, "self.part", "Engine.start", 9)
    assert places(found) == [("src/pkg/base.py", "Part")]


def test_self_and_super_go_through_the_bases() -> None:
    edges = edges_of(PACKAGE, "src/pkg/core.py")
    base = "src/pkg/base.py"
    assert ("Engine.start", base, "Base.warm_up", "calls") in edges
    assert ("Engine.start", base, "Base.stop", "calls") in edges
    assert ("Engine.start", base, "Part.turn", "calls") in edges
    assert ("Engine", base, "Base", "inherits") in edges
    assert ("Engine", "src/pkg/core.py", "Engine.start", "contains") in edges
    assert ("", "src/pkg/core.py", "Engine", "contains") in edges


def test_imports_are_edges_to_the_module_as_written_and_to_the_definition() -> None:
    edges = edges_of(PACKAGE, "run.py")
    assert ("", "src/pkg/__init__.py", "", "imports") in edges
    assert ("", "src/pkg/core.py", "Engine", "imports") in edges
    assert ("main", "src/pkg/core.py", "make", "calls") in edges


@pytest.mark.parametrize("path", sorted(PACKAGE))
def test_the_imported_files_are_those_of_the_edges_and_nothing_is_forgotten(path: str) -> None:
    table = Sources(PACKAGE)
    facts = table.facts(path)
    assert facts is not None
    resolver = Resolver(table)
    edges = resolver.resolve_file(facts).edges
    meant = resolver.resolve_name(facts, "Motor", "", 999)
    assert resolver.imported(facts) == {edge.target_path for edge in edges if edge.kind == "imports"}
    assert resolver.resolve_name(facts, "Motor", "", 999) == meant


def test_edges_are_distinct_and_no_loops() -> None:
    sources = {"a.py": "def f():\n    f()\n    g()\n    g()\n\ndef g(): ...\n"}
    table = Sources(sources)
    facts = table.facts("a.py")
    assert facts is not None
    edges = [e for e in Resolver(table).resolve_file(facts).edges if e.kind == "calls"]
    assert edges == [RawEdge("f", "a.py", "g", "calls", 1.0, 3)]


def test_class_scope_is_not_seen_from_methods_but_from_the_class_body() -> None:
    sources = {
        "a.py": """
            class A:
                def helper(self): ...
                alias = helper
                def run(self):
                    helper()
                    def inner():
                        self.helper()
        """
    }
    edges = edges_of(sources, "a.py")
    assert ("A.run", "a.py", "A.helper", "calls") not in edges
    assert ("A.run.inner", "a.py", "A.helper", "calls") in edges
    assert ("A", "a.py", "A.helper", "references") in edges


def test_the_order_of_the_bases_is_pythons() -> None:
    sources = {
        "a.py": """
            class Root:
                def m(self): ...
            class Left(Root): ...
            class Right(Root):
                def m(self): ...
            class Both(Left, Right): ...
            def f(x: Both): ...
        """
    }
    assert places(find(sources, "a.py", "x.m", "f")) == [("a.py", "Right.m")]


def test_conditional_imports_take_what_the_repository_has() -> None:
    sources = {
        "a.py": "try:\n    import fast as impl\nexcept ImportError:\n    import slow as impl\n",
        "slow.py": "def go(): ...\n",
    }
    assert places(find(sources, "a.py", "impl.go")) == [("slow.py", "go")]


def test_a_standard_module_is_not_the_repositorys_namesake() -> None:
    sources = {"lib/pkg/__init__.py": "", "lib/pkg/types.py": "class T: ...\n", "a.py": "import types\n"}
    assert find(sources, "a.py", "types.T") == []
    sources["types.py"] = "class T: ...\n"
    assert places(find(sources, "a.py", "types.T")) == [("types.py", "T")]


def test_circles_end() -> None:
    sources = {
        "p/__init__.py": "from .a import *\nfrom .b import thing\n",
        "p/a.py": "from .b import *\nfrom . import thing\nclass A(B): ...\n",
        "p/b.py": "from .a import *\nfrom p import thing\nclass B(A): ...\nx = y()\ny = x()\n",
    }
    assert places(find(sources, "p/a.py", "A.nothing")) == []
    assert places(find(sources, "p/b.py", "x.y")) == []
    assert ("A", "p/b.py", "B", "inherits") in edges_of(sources, "p/a.py")


def test_a_crafted_chain_does_not_exhaust_the_stack() -> None:
    text = "".join(f"x{n} = x{n + 1}()\n" for n in range(5000)) + "class C: ...\nx5000 = C()\nx0.m\n"
    table = Sources({"a.py": text})
    facts = table.facts("a.py")
    assert facts is not None
    Resolver(table).resolve_file(facts)


def test_a_language_without_rules_gets_its_own_file() -> None:
    facts = parse("notes.md", "# Title\n")
    table = Sources({})
    assert Resolver(table).resolve_name(facts, "Title", "", 1) == []
    assert Resolver(table).resolve_file(facts).consulted == frozenset()


def test_the_buffer_is_preferred_to_the_indexed_file() -> None:
    table = Sources(PACKAGE)
    buffer = parse("run.py", "from pkg.base import Part\ndef main():\n    p = Part()\n    p.turn\n")
    assert places(Resolver(table).resolve_name(buffer, "p.turn", "main", 4)) == [
        ("src/pkg/base.py", "Part.turn")
    ]


def test_the_interface_changes_with_signatures_and_not_with_bodies() -> None:
    first = interface(parse("a.py", "def f(x): return 1\n"))
    assert first == interface(parse("a.py", "# comment\n\ndef f(x):\n    y = 2\n    return y\n"))
    assert first != interface(parse("a.py", "def f(x, y): return 1\n"))
    assert first != interface(parse("a.py", "import os\ndef f(x): return 1\n"))


# -- incremental resolution equals full resolution


State = dict[str, FileFacts]
EdgeMap = dict[str, frozenset[RawEdge]]


class _Tree:
    """A small random package tree whose files use each other, and edits of it."""

    FOLDERS = ("", "src/", "src/app/", "src/app/sub/", "tools/")
    NAMES = ("alpha", "beta", "gamma")
    DEFINITIONS = ("One", "Two", "Three")

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files: dict[str, str] = {}
        for _ in range(8):
            self.edit()

    def edit(self) -> None:
        """Write, move or remove one file."""
        choice = self.random.random()
        if self.files and choice < 0.2:
            del self.files[self.random.choice(sorted(self.files))]
        elif self.files and choice < 0.35:
            self.files[self._path()] = self.files.pop(self.random.choice(sorted(self.files)))
        else:
            self.files[self._path()] = "".join(self._statement() for _ in range(5))

    def _path(self) -> str:
        name = "__init__" if self.random.random() < 0.35 else self.random.choice(self.NAMES)
        return f"{self.random.choice(self.FOLDERS)}{name}.py"

    def _module(self) -> str:
        """A name under which one of the files may be found, or one that may be found later."""
        parts = self.random.choice(sorted(self.files) or ["alpha.py"]).removesuffix(".py").split("/")
        if self.random.random() < 0.3:
            parts = self.random.sample(("src", "app", "sub", "tools", *self.NAMES), 2)
        if parts[-1] == "__init__":
            parts.pop()
        return ".".join(parts[self.random.randrange(len(parts)) if parts else 0 :]) or "alpha"

    def _statement(self) -> str:
        pick = self.random.choice
        module = self._module()
        dots = pick(("", "", "", ".", ".."))
        name, other = pick(self.DEFINITIONS), pick((*self.DEFINITIONS, *self.NAMES))
        return pick(
            (
                f"from {dots}{module} import {other}\n",
                f"from {dots or '.'} import {other} as {name}\n",
                f"from {dots}{module} import *\n",
                f"import {module}\n",
                f"import {module} as {pick(self.NAMES)}\n",
                f"class {name}({pick(self.DEFINITIONS)}):\n    def go(self) -> {other}: ...\n",
                f"import {module}\nclass {name}({module}.{other}): ...\n",
                f"def {name}(a: {other}) -> {pick(self.DEFINITIONS)}:\n    b = {name}()\n    b.go(a.go)\n",
                f"{pick(self.NAMES)} = {other}()\n",
                f"import {module} as m\n{name} = m.{other}()\nm.{other}.go()\n{name}.go()\n",
                f"from {module} import {other} as {name}\ndef two(x: {name}):\n    x.go().go()\n",
            )
        )


def _resolve(state: State, paths: Collection[str]) -> tuple[EdgeMap, dict[str, Resolved]]:
    resolver = Resolver(FactsTable(state))
    edges: EdgeMap = {}
    consulted: dict[str, Resolved] = {}
    for path in sorted(paths):
        resolved = resolver.resolve_file(state[path])
        edges[path], consulted[path] = frozenset(resolved.edges), resolved
    return edges, consulted


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_resolving_what_may_have_changed_equals_resolving_all(seed: int) -> None:
    tree = _Tree(seed)
    before: State = {path: parse(path, text) for path, text in tree.files.items()}
    edges, consulted = _resolve(before, before.keys())
    for _ in range(6):
        tree.edit()
        after: State = {path: parse(path, text) for path, text in tree.files.items()}
        touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        changed = Changed()
        for path in touched:
            old, new = before.get(path), after.get(path)
            add_change(changed, path, interface(old) if old else None, interface(new) if new else None)
        known = after.keys() & consulted.keys()
        dependents = {path for path in known if changed.add_closure(path, consulted[path].closure)}
        dependents |= {path for path in known if changed.touches(consulted[path].consulted)}
        again = (touched & after.keys()) | dependents
        new_edges, new_consulted = _resolve(after, again)
        edges = {path: new_edges.get(path, edges.get(path, frozenset())) for path in after}
        consulted = {path: new_consulted.get(path) or consulted[path] for path in after}
        assert edges == _resolve(after, after.keys())[0]
        before = after


def test_the_answer_does_not_depend_on_which_question_came_first() -> None:
    for seed in range(40):
        state: State = {path: parse(path, text) for path, text in _Tree(seed).files.items()}
        together, _ = _resolve(state, state.keys())
        for path in state:
            assert _resolve(state, [path])[0][path] == together[path], (seed, path)
