"""What runs in a process of its own with repocoder's index.

    python -m eval.bench.index_child full TREE DIRECTORY WORKERS WORD [MODEL]    walk to searchable, one search
    python -m eval.bench.index_child edits TREE DIRECTORY WORKERS COUNT          saved -> searchable, in one process

MODEL is "static:FOLDER" for a static model, else what the setting `embedder` may be: an encoder's name or folder.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.bench.baseline import StaticEmbedder
from eval.bench.processes import own_peak_bytes, say
from indexer.build import Indexer
from indexer.derived import Derived
from indexer.snapshot import Snapshot
from indexer.types import Progress
from repocoder.config import Settings
from repocoder.sessions import Session, Sessions
from retrieval.dense import VectorsBuilder
from retrieval.embed import Embedder, load_embedder
from retrieval.postings import PostingsBuilder
from retrieval.retriever import Retriever

TOP = 10
SEED = 3
LINES = range(450, 551)
"""Of a file that is edited: about 500."""

EDITED = 10
"""Files that the edits go round; `prepare` gives each an import."""

EDITS = ("body", "interface", "walked")
"""What is edited; "walked" is a body."""

TARGET = "bench_target"
"""A module that is added to the tree, and the function in it that each edit calls: the edge to look for."""


def main(arguments: list[str]) -> int:
    mode, tree, directory, workers, *rest = arguments
    modes: dict[str, Callable[..., dict[str, Any]]] = {"full": full, "edits": edits}
    say(modes[mode](Path(tree), Path(directory), int(workers), *rest))
    return 0


class _Stages:
    """Seconds of each stage of a build, from what it tells of its progress."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()
        self._stage = "start"

    def __call__(self, step: Progress) -> None:
        self._close()
        self._stage = step.stage

    def close(self) -> dict[str, float]:
        self._close()
        return {name: round(value, 3) for name, value in self.seconds.items()}

    def _close(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._last
        self._last = now


def full(root: Path, directory: Path, workers: int, word: str, model: str = "") -> dict[str, Any]:
    """Seconds from the first look at the tree to the answer of a search."""
    embedder = _open_embedder(model) if model else None
    started = time.perf_counter()
    parts: list[Derived] = [PostingsBuilder(), *([VectorsBuilder(embedder)] if embedder else [])]
    stages = _Stages()
    with Indexer(root, directory, derived=parts, workers=workers) as indexer:
        report = indexer.build(progress=stages)
        built = time.perf_counter()
        with Snapshot.open(
            directory, root, derived_versions={part.name: part.version for part in parts}
        ) as snapshot:
            found = Retriever(snapshot, embedder=embedder).search(word, TOP).hits
            searched = time.perf_counter()
            counts = snapshot.counts()
            indexed = snapshot.paths()
    return {
        "seconds": searched - started,
        "build_seconds": built - started,
        "stages": stages.close(),
        "found": len(found),
        "main_bytes": own_peak_bytes(),
        "disk_bytes": bytes_below(directory),
        "source_bytes": sum((root / path).stat().st_size for path in indexed),
        "skipped": report.skipped,
        **counts,
    }


def _open_embedder(model: str) -> Embedder:
    folder = model.removeprefix("static:")
    return StaticEmbedder(Path(folder)) if folder != model else load_embedder(model)


def bytes_below(folder: Path) -> int:
    return sum(place.stat().st_size for place in folder.rglob("*") if place.is_file())


# ---- edits


def pick_files(root: Path) -> list[str]:
    """Python files of about 500 lines that have a function to edit, by a fixed seed."""
    fitting = []
    for place in sorted(root.rglob("*.py")):
        text = place.read_text(encoding="utf-8", errors="replace")
        if text.count("\n") in LINES and _body_line(text) is not None:
            fitting.append(str(place.relative_to(root)))
    random.Random(SEED).shuffle(fitting)  # noqa: S311 (a sample, no secret)
    return fitting[:EDITED]


def prepare(root: Path) -> list[str]:
    """Add the module that edits call to the tree, and its import to the files that are edited."""
    (root / f"{TARGET}.py").write_text(f"def {TARGET}(value):\n    return value\n", encoding="utf-8")
    files = pick_files(root)
    for path in files:
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        (root / path).write_text(f"{text}\n\nfrom {TARGET} import {TARGET}\n", encoding="utf-8")
    return files


def _body_line(text: str) -> int | None:
    """Where a statement of a function at top level begins: 0-based line, after its one-line header."""
    lines = text.split("\n")
    for number in range(len(lines) - 1):
        line, after = lines[number], lines[number + 1]
        header = line.startswith("def ") and line.endswith(":")
        if header and after.startswith("    ") and after[4:5].isalpha() and not after.startswith('    r"'):
            return number + 1
    return None


def edits(root: Path, directory: Path, workers: int, count: str) -> dict[str, Any]:
    """Milliseconds from saved to searchable with edges: for edits of bodies and of interfaces, with the path that a
    watcher names; and for edits of bodies when the whole tree is walked to find them.
    """
    files = prepare(root)
    if not files:
        raise SystemExit(f"no Python file of {LINES.start} to {LINES.stop - 1} lines")
    settings = replace(Settings(), workers=workers)
    sessions = Sessions(root, directory, settings)
    sessions.build()
    with sessions.lease() as session:
        session.retriever.search("warm", TOP)
    times: dict[str, Any] = {kind: [] for kind in EDITS}
    times["parts"] = {"build": [], "open": [], "search": []}
    for kind in EDITS:
        for number in range(int(count)):
            path = files[number % len(files)]
            word = new_word(kind, number)
            caller = _edit(root / path, kind, word)
            started = time.perf_counter()
            sessions.build(changed=None if kind == "walked" else (path,))
            built = time.perf_counter()
            with sessions.lease() as session:
                opened = time.perf_counter()
                hits = session.retriever.search(word, TOP).hits
                found = time.perf_counter()
                _check_found(session, path, word, caller, [hit.chunk.text for hit in hits])
                ended = time.perf_counter()
            times[kind].append(1000 * (ended - started))
            for name, span in (
                ("build", built - started),
                ("open", opened - built),
                ("search", found - opened),
            ):
                times["parts"][name].append(1000 * span)
    sessions.close()
    return {**times, "files": len(files), "main_bytes": own_peak_bytes()}


def new_word(kind: str, number: int) -> str:
    """A word that is nowhere else and one term: a number in it would be found in many places."""
    return f"zebra{kind}" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _edit(place: Path, kind: str, word: str) -> str:
    """Write a new word and a call into a file; returns the qualified name of the calling function."""
    text = place.read_text(encoding="utf-8")
    if kind == "interface":
        text += f"\n\ndef {word}(value):\n    return {TARGET}(value)\n"
        caller = word
    else:
        lines = text.split("\n")
        at = _body_line(text)
        assert at is not None, place
        if "zebra" in lines[at]:
            del lines[at]  # of the edit before
        lines.insert(at, f"    {word} = {TARGET}({len(word)})")
        caller = lines[at - 1].removeprefix("def ").partition("(")[0].strip()
        text = "\n".join(lines)
    place.write_text(text, encoding="utf-8")
    return caller


def _check_found(session: Session, path: str, word: str, caller: str, texts: list[str]) -> None:
    """The word is found, and the call is an edge. Ends the process where not: then no time counts."""
    if not any(word in text for text in texts):
        raise SystemExit(f"{path}: {word} was not found")
    symbols = [symbol for symbol in session.snapshot.symbols_of(path) if symbol.qualname == caller]
    called = {
        session.snapshot.symbol(edge.target).qualname
        for symbol in symbols
        for edge in session.snapshot.edges_from(symbol.id)
        if edge.kind == "calls"
    }
    if TARGET not in called:
        raise SystemExit(f"{path}: no edge from {caller} to {TARGET}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
