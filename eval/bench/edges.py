"""Are the import and call edges of Python right, and are they all there? jedi is the judge.

Recall. References are drawn by a fixed seed from all places, found by `ast`, where a function is called by a name
(`f()`, `a.b.f()`, `super().f()`) or a name is imported. jedi says what the name means (`goto` through imports, else
`infer`). Those count that mean, in a file of the index, a function, a class or, for imports, a module or a variable
at the top level of a file or class. One is found if the index has an edge of its kind ("calls", "imports") from the
innermost class or function around it, or from the file, to one of the definitions jedi named; a class and its
`__init__` are the same. Recall is found / counted.

Precision. Edges of these kinds are drawn by the same seed. At the line of an edge, all references of its kind whose
name, or whose name before `as`, is that of the target are put to jedi; here a module after `from`, too. The edge is
right if one of them means the target; wrong if all that jedi understands mean something else, be it outside of the
repository; not judged if jedi understands none. Precision is right / (right + wrong).
"""

from __future__ import annotations

import ast
import importlib.util
import random
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from eval.bench.baseline import MissingError
from indexer.snapshot import Snapshot
from indexer.types import Edge, Symbol

SEED = 11
_FROM = re.compile(r"from\s+\.*\s*([\w.]+)")
KINDS = ("calls", "imports")

Target = tuple[str, str]
"""Path and qualified name of a definition; "" for the file."""


class Place(NamedTuple):
    """A name that is called or imported. `column` is that of the last part, 0-based characters."""

    path: str
    line: int
    column: int
    kind: str
    name: str  # the last part as written
    scope: str  # qualified name of the innermost class or function around, "" at top level


class Meaning(NamedTuple):
    """What jedi says. `understood`: it found something, be it outside of the repository."""

    targets: frozenset[Target]
    understood: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One repository. The lists hold lines to read for those that failed."""

    repository: str
    counted: int
    found: int
    right: int
    wrong: int
    unjudged: int
    missed_lines: tuple[str, ...] = field(default=())
    wrong_lines: tuple[str, ...] = field(default=())

    @property
    def recall(self) -> float:
        return self.found / self.counted if self.counted else 1.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0


def judge(snapshot: Snapshot, root: Path, count: int) -> Judged:
    """Put `count` references and `count` edges to jedi. Raises MissingError if it is not installed."""
    if importlib.util.find_spec("jedi") is None:
        raise MissingError("jedi is not installed")
    graph = _Graph(snapshot)
    oracle = _Oracle(root, [path for path in snapshot.paths() if snapshot.language(path) == "python"])
    chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    counted, missed = _recall(graph, oracle, chance, count)
    right, wrong, unjudged = _precision(graph, oracle, chance, count)
    return Judged(
        root.name, counted, counted - len(missed), right, len(wrong), unjudged, tuple(missed), tuple(wrong)
    )


def _recall(graph: _Graph, oracle: _Oracle, chance: random.Random, count: int) -> tuple[int, list[str]]:
    """How many were counted, and a line for each that was not found."""
    places = [place for path in oracle.paths for place in oracle.places(path)]
    chance.shuffle(places)
    missed: list[str] = []
    counted = 0
    for place in places:
        if counted == count:
            break
        targets = oracle.meaning(place).targets
        if not targets:
            continue
        counted += 1
        has = graph.targets(place.path, place.scope, place.kind)
        if not {_plain(target) for target in targets} & {_plain(target) for target in has}:
            means = ", ".join(f"{path}:{name}" for path, name in sorted(targets))
            missed.append(f"{place.path}:{place.line} {place.kind} {place.name} in {place.scope!r}: {means}")
    return counted, missed


def _precision(
    graph: _Graph, oracle: _Oracle, chance: random.Random, count: int
) -> tuple[int, list[str], int]:
    """Right ones, a line for each wrong one, and how many jedi did not understand."""
    edges = list(graph.edges(oracle.paths))
    chance.shuffle(edges)
    right = unjudged = 0
    wrong: list[str] = []
    for source, target, edge in edges:
        if right + len(wrong) == count:
            break
        wanted = target.path, target.qualname
        names = _names_of(target)
        asked = [
            oracle.meaning(place)
            for place in (*oracle.places(source.path), *oracle.modules(source.path))
            if place.line == edge.line
            and place.kind == edge.kind
            and {place.name, oracle.original(place)} & names
        ]
        known = [meaning for meaning in asked if meaning.understood]
        if any(_plain(wanted) in {_plain(one) for one in meaning.targets} for meaning in known):
            right += 1
        elif known:
            means = sorted({f"{path}:{name}" for meaning in known for path, name in meaning.targets})
            wrong.append(
                f"{source.path}:{edge.line} {edge.kind} {target.path}:{target.qualname}"
                f" ({edge.weight:.2f}): {', '.join(means) or 'outside of the repository'}"
            )
        else:
            unjudged += 1
    return right, wrong, unjudged


def _plain(target: Target) -> Target:
    """A class for its `__init__`, a package for its file."""
    path, name = target
    return path, name.removesuffix("__init__").removesuffix(".")


def _names_of(target: Symbol) -> set[str]:
    """By which last names a definition may be called or imported."""
    if not target.qualname:
        return {target.path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]}
    owner = target.qualname.split(".")[-2:][0]  # a class is called where its `__init__` is
    return {target.name, owner} if target.name == "__init__" else {target.name, "__init__"}


class _Graph:
    """The edges of an index by path, scope and kind."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._symbols = {symbol.id: symbol for symbol in snapshot.all_symbols()}
        self._by_name: dict[Target, list[Symbol]] = {}
        for symbol in self._symbols.values():
            self._by_name.setdefault((symbol.path, symbol.qualname), []).append(symbol)

    def targets(self, path: str, scope: str, kind: str) -> set[Target]:
        """What the edges of a kind lead to from a scope."""
        return {
            (self._symbols[edge.target].path, self._symbols[edge.target].qualname)
            for symbol in self._by_name.get((path, scope), ())
            for edge in self._snapshot.edges_from(symbol.id)
            if edge.kind == kind
        }

    def edges(self, paths: Sequence[str]) -> Iterator[tuple[Symbol, Symbol, Edge]]:
        """Calls and imports of the files, in a fixed order."""
        inside = set(paths)
        for edge in self._snapshot.all_edges():
            source, target = self._symbols[edge.source], self._symbols[edge.target]
            if edge.kind in KINDS and source.path in inside:
                yield source, target, edge


class _Oracle:
    """jedi on one repository; what it was asked is remembered."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        import jedi

        self._jedi: Any = jedi
        self._root = root
        roots = [str(place) for place in (root, root / "src", root / "lib") if place.is_dir()]
        self._project = jedi.Project(
            root, sys_path=[*roots, *sys.path], smart_sys_path=False, load_unsafe_extensions=False
        )
        self._files: dict[str, _File | None] = {}
        self._scripts: dict[str, Any] = {}
        self._meanings: dict[Place, Meaning] = {}
        self.paths = sorted(path for path in paths if self._file(path) is not None)
        self._inside = frozenset(self.paths)

    def places(self, path: str) -> list[Place]:
        file = self._file(path)
        return file.places if file else []

    def modules(self, path: str) -> list[Place]:
        """The modules that names are imported from."""
        file = self._file(path)
        return file.modules if file else []

    def original(self, place: Place) -> str:
        """The name before `as` of a name that was imported under another one."""
        file = self._file(place.path)
        return file.aliases.get(place.name, place.name) if file else place.name

    def meaning(self, place: Place) -> Meaning:
        known = self._meanings.get(place)
        if known is None:
            known = self._meanings[place] = self._ask(place)
        return known

    def _ask(self, place: Place) -> Meaning:
        script = self._scripts.get(place.path)
        if script is None:
            script = self._jedi.Script(path=self._root / place.path, project=self._project)
            self._scripts[place.path] = script
        targets: set[Target] = set()
        understood = False
        for ask in (self._goto, self._infer):
            for name in ask(script, place):
                if name.type in ("param", "statement", "instance") and ask == self._goto:
                    found = self._target(name) if place.kind == "imports" else None
                    understood = understood or found is not None
                else:
                    found = self._target(name)
                    understood = True
                if found is not None:
                    targets.add(found)
            if understood:
                break
        return Meaning(frozenset(targets), understood)

    def _goto(self, script: Any, place: Place) -> list[Any]:
        return self._safely(lambda: script.goto(place.line, place.column, follow_imports=True))

    def _infer(self, script: Any, place: Place) -> list[Any]:
        found = self._safely(lambda: script.infer(place.line, place.column))
        return [name for name in found if name.type in ("function", "class", "module")]

    def _safely(self, ask: Any) -> list[Any]:
        """jedi fails in its own ways on some code; that is no understanding."""
        try:
            return list(ask())
        except Exception:  # noqa: BLE001 (any error of the judge means that it has no answer)
            return []

    def _target(self, name: Any) -> Target | None:
        """The definition in the repository that jedi means; None for others."""
        if name.module_path is None:
            return None
        try:
            path = Path(name.module_path).relative_to(self._root).as_posix()
        except ValueError:
            return None
        if path not in self._inside:
            return None
        if name.type == "module":
            return path, ""
        file = self._file(path)
        qualname = file.definitions.get((name.line, name.name)) if file and name.line else None
        return (path, qualname) if qualname else None

    def _file(self, path: str) -> _File | None:
        if path not in self._files:
            self._files[path] = _read_file(self._root, path)
        return self._files[path]


class _File:
    """What `ast` says of a file."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.modules: list[Place] = []
        self.definitions: dict[tuple[int, str], str] = {}  # (line of the name, name) -> qualified name
        self.aliases: dict[str, str] = {}


def _read_file(root: Path, path: str) -> _File | None:
    """None for a file that is not Python to this Python."""
    source = (root / path).read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        text = source.decode("utf-8-sig").splitlines()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    file = _File()
    todo: list[tuple[ast.AST, str, bool]] = [(tree, "", False)]  # node, scope, inside a function
    while todo:
        node, scope, deep = todo.pop()
        inner, inner_deep = scope, deep
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{scope}.{node.name}" if scope else node.name
            file.definitions[node.lineno, node.name] = inner
            inner_deep = deep or not isinstance(node, ast.ClassDef)
        elif isinstance(node, ast.Call):
            _add_call(file, path, node.func, scope, text)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            _add_imports(file, path, node, scope, text)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not deep:
            for one in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(one, ast.Name):
                    file.definitions[one.lineno, one.id] = f"{scope}.{one.id}" if scope else one.id
        for name, value in ast.iter_fields(node):
            outside = name in ("decorator_list", "bases", "keywords", "args", "returns") and inner != scope
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    todo.append((child, scope, deep) if outside else (child, inner, inner_deep))
    return file


def _add_call(file: _File, path: str, called: ast.expr, scope: str, text: list[str]) -> None:
    """A call by a dotted name or of a member of `super()`; `f(x).g()` and `a[0]()` are called by no such name."""
    root = called
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(root, ast.Call) and isinstance(root.func, ast.Name) and root.func.id == "super":
        root = root.func
    if not isinstance(root, ast.Name) or called.end_lineno is None or called.end_col_offset is None:
        return
    name = called.attr if isinstance(called, ast.Attribute) else root.id
    line = text[called.end_lineno - 1]
    end = len(line.encode()[: called.end_col_offset].decode(errors="replace"))
    file.places.append(Place(path, called.end_lineno, end - len(name), "calls", name, scope))


def _add_imports(
    file: _File, path: str, node: ast.Import | ast.ImportFrom, scope: str, text: list[str]
) -> None:
    if isinstance(node, ast.ImportFrom) and node.module:
        line = text[node.lineno - 1]
        written = _FROM.search(line, len(line.encode()[: node.col_offset].decode(errors="replace")))
        name = node.module.rpartition(".")[2]
        if written is not None and written[1] == node.module:
            file.modules.append(Place(path, node.lineno, written.end(1) - len(name), "imports", name, scope))
    for alias in node.names:
        name = alias.name.rpartition(".")[2]
        line = text[alias.lineno - 1]
        start = len(line.encode()[: alias.col_offset].decode(errors="replace"))
        if name == "*":
            continue
        if alias.asname:
            file.aliases[alias.asname] = name
        column = start + len(alias.name) - len(name)
        file.places.append(Place(path, alias.lineno, column, "imports", name, scope))


def describe(judged: Judged, shown: int) -> str:
    lines = [
        f"python {judged.repository}: references {judged.counted}, found {judged.found}; edges right"
        f" {judged.right}, wrong {judged.wrong}, not judged {judged.unjudged}"
    ]
    for title, failed in (("missed", judged.missed_lines), ("wrong", judged.wrong_lines)):
        lines += [f"  {title}: {line}" for line in failed[:shown]]
    return "\n".join(lines) + "\n"
