"""How does the index grow from ten thousand to millions of lines, and what does each structure cost?

    python -m eval.bench.scale FOLDER [--sizes 10k 100k 1m 5m] [--results FILE] [--markdown] [--into PAGE] [--again]

Makes trees of so many lines in FOLDER from the Python packages installed beside this one, indexes each in a fresh
process, and keeps what was measured in a file, so that a run can be broken off and only does what is missing. Where
the packages are not enough, further rounds are copies with other names: packages, and two thirds of the names
that the code itself defines, so that the vocabulary grows as it does in real code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import keyword
import os
import re
import shutil
import sqlite3
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.processes import ChildError, run_child, say
from eval.bench.speed import machine
from indexer.store import DATABASE

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000, "5m": 5_000_000, "10m": 10_000_000}
DEFAULT_SIZES = ("10k", "100k", "1m")
MARKS = ("<!-- measured by eval.bench.scale -->", "<!-- end of what was measured -->")
WORD = "tokenizer config"

KEPT = 3
"""One of so many names that the code defines keeps its name in a copy: of the names that an installed package defines,
0.66 were defined in no package before it (`--names`, 92 packages, 5 million lines)."""

MAX_FILE_BYTES = 1 << 20  # larger files are skipped by the index, too
SKIPPED = frozenset({"__pycache__", "tests", "test"})
"""Folders that are left out: a copy of them would be test data more than code."""

_DEFINED = re.compile(rb"^[ \t]*(?:def|class|async def)[ \t]+([A-Za-z_]\w{3,})", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Module:
    """A file of an installed package."""

    place: Path
    package: str
    path: str  # below the package


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.structures:
        say(structures(Path(options.structures)))
        return 0
    if options.names:
        print(
            f"{new_names_share(installed_modules()):.2f} of the names of a package are in no package before it"
        )
        return 0
    if options.folder is None:
        raise SystemExit("eval.bench.scale: name a folder to work in")
    options.folder.mkdir(parents=True, exist_ok=True)
    place = options.results or options.folder / "scale.json"
    known: dict[str, Any] = json.loads(place.read_text()) if place.exists() else {}
    for size in options.sizes:
        if size in known and not options.again:
            continue
        print(f"{size}: making the tree", file=sys.stderr)
        known[size] = measure(options.folder, size, options.workers)
        place.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(f"{size}: {known[size]['seconds']:.1f} s", file=sys.stderr)
    if options.into:
        put_into(options.into, markdown(known))
    else:
        print(markdown(known) if options.markdown else json.dumps(known, indent=1))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.scale", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, help="where trees and indexes go: about 0.3 GB a million lines"
    )
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(DEFAULT_SIZES))
    parser.add_argument("--results", type=Path, help="where results are kept; by default FOLDER/scale.json")
    parser.add_argument("--again", action="store_true", help="measure sizes again that were measured")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--markdown", action="store_true", help="tables instead of JSON")
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="put the tables between the marks of a page"
    )
    parser.add_argument("--names", action="store_true", help="how many names of a package are new")
    parser.add_argument("--structures", help=argparse.SUPPRESS)  # an index: what its parts take, as JSON
    return parser.parse_args(arguments)


# ---- trees


def installed_modules() -> list[Module]:
    """The Python files of all installed packages, package by package in the order of a hash."""
    base = Path(sysconfig.get_paths()["purelib"])
    packages = sorted(
        (entry for entry in base.iterdir() if entry.is_dir() and (entry / "__init__.py").is_file()),
        key=lambda entry: hashlib.sha256(entry.name.encode()).digest(),
    )
    return [
        Module(place, package.name, place.relative_to(package).as_posix())
        for package in packages
        for place in sorted(package.rglob("*.py"))
        if not SKIPPED & set(place.relative_to(package).parts)
        and place.is_file()
        and place.stat().st_size <= MAX_FILE_BYTES
    ]


def make_tree(folder: Path, lines: int, modules: Sequence[Module]) -> int:
    """Write files of about so many lines; returns how many lines they have.

    A smaller tree is the first part of a larger one.
    """
    written = 0
    for number in range(1_000):
        for module in modules:
            if written >= lines:
                return written
            source = module.place.read_bytes()
            to = folder / f"{module.package}{_suffix(number)}" / module.path
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(rename(source, module.package, number) if number else source)
            written += source.count(b"\n")
    return written


def rename(source: bytes, package: str, number: int) -> bytes:
    """A copy of a file for a later round: the package and a part of the names it defines are called otherwise.

    A name keeps or changes its name in all files of a round alike, so that imports and calls still fit.
    """
    suffix = _suffix(number).encode()
    changed = {name: name + suffix for name in _DEFINED.findall(source) if _is_renamed(name, number)}
    own = package.encode()

    def replaced(match: re.Match[bytes]) -> bytes:
        word = match[0]
        if word == own:
            return own + suffix
        if word in changed or (len(word) > 3 and _is_renamed(word, number) and _is_used(source, match)):
            return word + suffix
        return word

    return _WORD.sub(replaced, source)


def _is_used(source: bytes, match: re.Match[bytes]) -> bool:
    """May a word be a name that another file defines: one that is called, or that starts with a capital?"""
    return source[match.end() : match.end() + 1] == b"(" or match[0][:1].isupper()


def _is_renamed(name: bytes, number: int) -> bool:
    """The same for all files of a round. Names of the language and of protocols stay."""
    if name.startswith(b"__") or keyword.iskeyword(name.decode()):
        return False
    return hashlib.blake2b(name + bytes([number % 256]), digest_size=1).digest()[0] % KEPT != 0


def _suffix(number: int) -> str:
    """Letters for the number of a round: digits would be a word of their own in the index."""
    if not number:
        return ""
    return "_" + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "z"


def new_names_share(modules: Iterable[Module]) -> float:
    """Of the names that a package defines, the share that no package before it defines; the mean over packages."""
    by_package: dict[str, set[bytes]] = {}
    for module in modules:
        by_package.setdefault(module.package, set()).update(_DEFINED.findall(module.place.read_bytes()))
    seen: set[bytes] = set()
    shares = []
    for names in by_package.values():
        if names:
            shares.append(len(names - seen) / len(names))
        seen |= names
    return sum(shares) / len(shares) if shares else 0.0


# ---- measuring


def measure(folder: Path, size: str, workers: int) -> dict[str, Any]:
    """Index a tree of the size, from nothing, unchanged, and after an edit; what each structure takes."""
    tree, directory = folder / f"tree-{size}", folder / f"index-{size}"
    for place in (tree, directory):
        shutil.rmtree(place, ignore_errors=True)
    where = machine()  # before the work begins, which is a load itself
    lines = make_tree(tree, SIZES[size], installed_modules())
    source = sum(place.stat().st_size for place in tree.rglob("*.py"))
    arguments = [str(tree), str(directory), str(workers)]
    run = run_child("eval.bench.index_child", ["full", *arguments, WORD], timeout_s=7200)
    result = {
        "lines": lines,
        "source_bytes": source,
        "tree_bytes": run.tree_bytes,
        "machine": where,
        "measured": time.strftime("%Y-%m-%d"),
        "structures": run_child("eval.bench.scale", ["--structures", str(directory)]).result,
        **run.result,
    }
    again = run_child("eval.bench.index_child", ["full", *arguments, WORD], timeout_s=7200).result
    result["unchanged_seconds"] = again["build_seconds"]
    try:
        edits = run_child("eval.bench.index_child", ["edits", *arguments, "10"], timeout_s=7200).result
        result["edit_ms"] = sorted(edits["body"])[len(edits["body"]) // 2]
        result["edit_main_bytes"] = edits["main_bytes"]
    except ChildError as error:
        result["edit_failed"] = str(error)
    for place in (tree, directory):
        shutil.rmtree(place)
    return result


def structures(directory: Path) -> dict[str, dict[str, int]]:
    """Bytes on disk, and where it is loaded into memory the bytes there, of each structure of an index."""
    found: dict[str, dict[str, int]] = {}
    with closing(sqlite3.connect(f"file:{directory / DATABASE}?mode=ro", uri=True)) as connection:
        for name, size in _database_parts(connection):
            found[name] = {"disk": size}
    generations = sorted((directory / "generations").iterdir(), key=lambda place: int(place.name))
    for part in generations[-1].iterdir():
        if part.is_dir():
            found[part.name] = {"disk": sum(place.stat().st_size for place in part.iterdir())}
    from indexer.snapshot import Snapshot

    root = directory.with_name(directory.name.replace("index", "tree", 1))
    with Snapshot.open(directory, root, derived_versions={}) as snapshot:
        found["adjacency"] = {"disk": 0, "memory": snapshot.adjacency().n_bytes}
    return found


def _database_parts(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """(table or index, bytes); of a table with large values, also the bytes of each column.

    By the pages of `dbstat` where this SQLite has it, else by the lengths of the values.
    """
    try:
        rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    except sqlite3.OperationalError:
        rows = []
    for name, size in rows:
        yield f"table {name}", int(size)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            if kind == "BLOB" or not rows:
                length = f'SELECT sum(length(CAST("{column}" AS BLOB))) FROM "{table}"'  # noqa: S608
                if size := connection.execute(length).fetchone()[0]:
                    yield f"column {table}.{column}", int(size)


# ---- tables


def markdown(results: dict[str, Any]) -> str:
    """Two tables: growth by size, and structures of the largest size for a million lines."""
    sizes = [size for size in SIZES if size in results]
    rows = [
        "| lines | files | source MB | index s | µs a line | main process MiB | with workers MiB | disk / source"
        " | no change s | saved → searchable ms (p50) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        one = results[size]
        edit = f"{one['edit_ms']:.0f}" if "edit_ms" in one else "–"  # noqa: RUF001 (a dash)
        cells = (
            f"{one['lines']:,}",
            f"{one['files']:,}",
            f"{one['source_bytes'] / 1e6:.1f}",
            f"{one['seconds']:.1f}",
            f"{1e6 * one['seconds'] / one['lines']:.1f}",
            f"{one['main_bytes'] / (1 << 20):.0f}",
            f"{one['tree_bytes'] / (1 << 20):.0f}",
            f"{one['disk_bytes'] / one['source_bytes']:.2f}",
            f"{one['unchanged_seconds']:.2f}",
            edit,
        )
        rows.append("| " + " | ".join(cells) + " |")
    if sizes:
        rows += ["", *_structure_table([(size, results[size]) for size in sizes])]
        rows += ["", "Measured on: " + "; ".join(_where(size, results[size]) for size in sizes) + "."]
    return "\n".join(rows)


def _where(size: str, one: dict[str, Any]) -> str:
    """The load tells whether the seconds are to be believed; bytes do not depend on it."""
    place = one["machine"]
    return (
        f"{size} {one['measured']}, {place['processor']}, {place['cores']} cores, load {place['load_1min']}"
    )


def put_into(page: Path, tables: str) -> None:
    """Replace what stands between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, first, rest = text.partition(MARKS[0])
    _, second, after = rest.partition(MARKS[1])
    if not first or not second:
        raise SystemExit(f"eval.bench.scale: {page}: has no place for the tables")
    page.write_text(f"{before}{first}\n\n{tables}\n\n{second}{after}", encoding="utf-8")


def _structure_table(results: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """MB for a million lines at each size, the largest first."""
    rows = [
        "| MB for a million lines | " + " | ".join(f"at {size}" for size, _ in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    last = results[-1][1]["structures"]
    for name in sorted(last, key=lambda name: -max(last[name].values())):
        for where in sorted(last[name]):
            cells = []
            for _, one in results:
                value = one["structures"].get(name, {}).get(where, 0)
                cells.append(f"{value / one['lines']:.1f}")
            if set(cells) != {"0.0"}:
                rows.append(f"| {name}, {where} | " + " | ".join(cells) + " |")
    return rows


if __name__ == "__main__":
    sys.exit(main())
