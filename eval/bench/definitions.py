"""Are all definitions found, and nothing else? Against `ast` for Python, universal-ctags for other languages.

A definition is (file, name, group, line): the group is class (any type), function (methods, too), variable or
namespace. Recall is the share of the judge's definitions that the index has, precision the share of the index's that
the judge has; each counts once. Only groups that the judge is asked for (`CTAGS_KINDS`; classes and functions for
Python) are counted. Lines must be equal for Python; ctags names the line of the name, which must lie within our
definition (it begins at its decorators or annotations). Where ctags has a name at that place as something else (the
constant that holds a function, the macro, the prototype), the definition is there, so it counts for precision. What
stands inside a function does not count against us for languages in which ctags does not look there (`NOT_INSIDE`).
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from eval.bench.baseline import MissingError
from indexer.build import Indexer
from indexer.snapshot import Snapshot

CTAGS_S = 300.0

_FUNCTION = {"function": "function", "method": "function"}
GROUPS = {"class": "class", "variable": "variable", "namespace": "namespace", **_FUNCTION}
"""Our kinds -> what is compared."""

CTAGS_NAMES = {"csharp": "C#", "cpp": "C++", "php": "PHP", "tsx": "TypeScript"}
"""Our name of a language -> that of ctags, where it is more than a capital letter."""

NOT_INSIDE = frozenset({"csharp", "go", "java", "javascript", "kotlin", "typescript", "tsx"})
"""Languages in which ctags leaves out what a function defines for itself."""

NO_LOCALS = frozenset({"csharp", "java"})
"""Languages in which ctags loses methods when it is asked for local variables, too."""

NAMELESS = frozenset({"new", "object"})
"""What the index calls classes without a name, with a number behind it; ctags was asked to leave them out."""

CTAGS_KINDS: dict[str, dict[str, str]] = {
    "c": {"function": "function", "struct": "class", "union": "class", "enum": "class"},
    "cpp": {"function": "function", "struct": "class", "union": "class", "enum": "class", "class": "class"},
    "csharp": {
        "class": "class",
        "interface": "class",
        "enum": "class",
        "struct": "class",
        "method": "method",
    },
    "go": {
        "func": "function",
        "methodSpec": "method",
        "struct": "class",
        "interface": "class",
        "type": "class",
        "talias": "class",
    },
    "java": {
        "class": "class",
        "interface": "class",
        "enum": "class",
        "annotation": "class",
        "method": "method",
    },
    "javascript": {"function": "function", "method": "method", "generator": "function"},
    "kotlin": {"class": "class", "interface": "class", "object": "class", "method": "method"},
    "php": {"class": "class", "interface": "class", "trait": "class", "function": "function"},
    "ruby": {"class": "class", "module": "class", "method": "method", "singletonMethod": "method"},
    "rust": {
        "struct": "class",
        "enum": "class",
        "interface": "class",
        "function": "function",
        "method": "method",
    },
    "typescript": {
        "class": "class",
        "interface": "class",
        "enum": "class",
        "function": "function",
        "method": "method",
        "generator": "function",
        "namespace": "namespace",
    },
}
"""Language -> kind of ctags -> our kind. What is not listed is not asked for: ctags cannot tell it, or not well."""


class Place(NamedTuple):
    """A definition. `end` is the last line that may hold its name."""

    path: str
    name: str
    group: str
    line: int
    end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sides agree on. Disagreements are in the order of files and lines."""

    language: str
    repository: str
    judge: str
    files: int
    theirs: int
    ours: int
    agreed: int
    alike: int  # of the index's, what the judge has at that place as something else
    missing: tuple[Place, ...]  # the judge's that the index has not
    extra: tuple[Place, ...]  # the index's that the judge has not

    @property
    def recall(self) -> float:
        return self.agreed / self.theirs if self.theirs else 1.0

    @property
    def precision(self) -> float:
        return (self.agreed + self.alike) / self.ours if self.ours else 1.0


@contextmanager
def indexed(root: Path) -> Iterator[Snapshot]:
    """An index of the tree, made for this and thrown away."""
    with tempfile.TemporaryDirectory(prefix="index-accuracy-") as folder:
        directory = Path(folder) / "index"
        with Indexer(root, directory) as indexer:
            indexer.build()
        with Snapshot.open(directory, root, derived_versions={}) as snapshot:
            yield snapshot


def definitions(snapshot: Snapshot, language: str, groups: Iterable[str]) -> list[Place]:
    """The index's definitions in files of a language."""
    wanted = set(groups)
    return [
        Place(path, symbol.name, GROUPS[symbol.kind], symbol.span.start_line, symbol.span.end_line)
        for path in sorted(snapshot.paths())
        if snapshot.language(path) == language
        for symbol in snapshot.symbols_of(path)
        if GROUPS.get(symbol.kind) in wanted
    ]


def compare(theirs: list[Place], ours: list[Place]) -> tuple[int, list[Place], list[Place]]:
    """How many agree, what only they have, what only we have. A definition of theirs agrees with the innermost of
    ours that has its name and group and holds its line.
    """
    left: defaultdict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for place in ours:
        left[place[:3]].append(place)
    missing: list[Place] = []
    for place in sorted(theirs):
        fitting = [one for one in left[place[:3]] if one.line <= place.line <= one.end]
        if fitting:
            left[place[:3]].remove(max(fitting, key=lambda one: one.line))
        else:
            missing.append(place)
    extra = sorted(place for places in left.values() for place in places)
    return len(theirs) - len(missing), missing, extra


# ---- Python


def compare_python(snapshot: Snapshot, root: Path) -> Comparison:
    """Classes, functions and methods, wherever they stand. Files that Python itself cannot parse are left out."""
    theirs: list[Place] = []
    ours: list[Place] = []
    parsed = 0
    for path in sorted(snapshot.paths()):
        if snapshot.language(path) != "python":
            continue
        found = python_definitions(path, (root / path).read_bytes())
        if found is None:
            continue
        parsed += 1
        theirs.extend(found)
        ours.extend(
            Place(path, symbol.name, GROUPS[symbol.kind], symbol.span.start_line, symbol.span.start_line)
            for symbol in snapshot.symbols_of(path)
            if GROUPS.get(symbol.kind) in ("class", "function")
        )
    agreed, missing, extra = compare(theirs, ours)
    counts = (parsed, len(theirs), len(ours), agreed, 0)
    return Comparison("python", root.name, "ast", *counts, tuple(missing), tuple(extra))


def python_definitions(path: str, source: bytes) -> list[Place] | None:
    """By `ast`, at the line of the first decorator where there is one. None if the file has a mistake."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: list[Place] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            group = "class" if isinstance(node, ast.ClassDef) else "function"
            found.append(Place(path, node.name, group, line, line))
    return found


# ---- ctags


def compare_ctags(snapshot: Snapshot, root: Path, language: str) -> Comparison:
    """Raises MissingError if there is no ctags, or if no file of the language is indexed."""
    kinds = CTAGS_KINDS.get(language)
    if kinds is None:
        raise MissingError(f"{language}: no kinds of ctags are known: {', '.join(sorted(CTAGS_KINDS))}")
    paths = sorted(path for path in snapshot.paths() if snapshot.language(path) == language)
    if not paths:
        raise MissingError(f"{root.name}: no {language} file is indexed")
    theirs, others = ctags_definitions(root, paths, language, kinds)
    ours = definitions(snapshot, language, {GROUPS[kind] for kind in kinds.values()})
    inside = {place for place in ours if language in NOT_INSIDE and _is_inside(place, snapshot)}
    agreed, missing, extra = compare(theirs, ours)
    unlike = [one for one in extra if not any(one.line <= line <= one.end for line in others[one[:2]])]
    unlike_outside = [one for one in unlike if one not in inside]
    n_ours = len(ours) - (len(unlike) - len(unlike_outside))
    counts = (len(paths), len(theirs), n_ours, agreed, len(extra) - len(unlike))
    return Comparison(language, root.name, "ctags", *counts, tuple(missing), tuple(unlike_outside))


def _is_inside(place: Place, snapshot: Snapshot) -> bool:
    """Has the definition no name, or does it stand within a function or a class without a name?"""
    return _is_nameless(place.name) or any(
        (GROUPS.get(symbol.kind) == "function" or _is_nameless(symbol.name))
        and symbol.span.start_line <= place.line
        and place.end <= symbol.span.end_line
        and (symbol.name, symbol.span.start_line) != (place.name, place.line)
        for symbol in snapshot.symbols_of(place.path)
    )


def _is_nameless(name: str) -> bool:
    return name.rstrip("0123456789") in NAMELESS


def _is_misread(tag: Mapping[str, Any], language: str) -> bool:
    """What ctags itself gets wrong: variables of lambdas and loops of Kotlin are methods to it; operators and
    destructors have no name of their own.
    """
    if language == "kotlin" and tag.get("kind") == "method":
        return "fun " not in tag.get("pattern", "") or tag["name"].startswith("<")
    return language == "csharp" and tag["name"].startswith(("operator ", "~"))


def ctags_definitions(
    root: Path, paths: list[str], language: str, kinds: Mapping[str, str]
) -> tuple[list[Place], Mapping[tuple[str, str], list[int]]]:
    """What universal-ctags finds in the files, without what has no name of its own; and the lines of (path, name)
    of the kinds that it is not asked for. Raises MissingError.
    """
    program = shutil.which("ctags")
    if program is None or b"Universal Ctags" not in _run([program, "--version"], root, ""):
        raise MissingError("universal-ctags is not installed")
    name = CTAGS_NAMES.get(language, language.replace("script", "Script").capitalize())
    name = {"Javascript": "JavaScript", "Typescript": "TypeScript"}.get(name, name)
    command = [program, f"--language-force={name}", "--output-format=json", "--fields=+nK", "--sort=no"]
    command += [f"--kinds-{name}=-l"] if language in NO_LOCALS else ["--kinds-all=*"]
    command += ["--extras=-{anonymous}", "-f", "-", "-L", "-"]
    listed = "\n".join(path for path in paths if "\n" not in path)
    found: list[Place] = []
    others: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for line in _run(command, root, listed).splitlines():
        tag = json.loads(line)
        if language == "csharp":  # `IEnumerable.GetEnumerator` implements that
            tag["name"] = tag.get("name", "").rpartition(".")[2]
        if tag.get("_type") != "tag" or _is_misread(tag, language):
            continue
        if tag.get("kind") in kinds:
            group = GROUPS[kinds[tag["kind"]]]
            found.append(Place(tag["path"], tag["name"], group, tag["line"], tag["line"]))
        else:
            others[tag["path"], tag["name"]].append(tag["line"])
    return found, others


def _run(command: list[str], root: Path, text: str) -> bytes:
    try:
        done = subprocess.run(
            command, cwd=root, input=text.encode(), capture_output=True, timeout=CTAGS_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"ctags: not ready within {CTAGS_S:.0f} s") from None
    if done.returncode != 0:
        raise MissingError(f"ctags: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done.stdout


def describe(comparison: Comparison, shown: int) -> str:
    """Counts, and the first disagreements of each side."""
    lines = [
        f"{comparison.language} {comparison.repository}: {comparison.files} files, {comparison.judge}"
        f" {comparison.theirs}, index {comparison.ours}, agreed {comparison.agreed},"
        f" of other kinds {comparison.alike}"
    ]
    for title, places in (("missing", comparison.missing), ("extra", comparison.extra)):
        for place in places[:shown]:
            lines.append(f"  {title}: {place.path}:{place.line} {place.group} {place.name}")
        if len(places) > shown:
            lines.append(f"  {title}: and {len(places) - shown} more")
    return "\n".join(lines) + "\n"
