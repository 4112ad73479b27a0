"""The figures of the index, beside its baselines in the same run.

    python -m eval.bench.index [TREE] [--jedi REPO]… [--ctags LANGUAGE=REPO]… [--only PART]… [--json]

Speed: a tree of more than a million lines (an installed package unless one is named) from walk to searchable, no
change, one file saved; beside semble, which is installed into a folder of the user's cache for this. Accuracy:
definitions against `ast` and universal-ctags, edges against jedi (`.definitions`, `.edges`). What is
missing on a machine is skipped with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eval.bench import definitions, edges
from eval.bench.baseline import MissingError, Semble, make_model, open_semble
from eval.bench.processes import ChildError
from eval.bench.speed import FILES, Bench, Speeds, copy_part, default_tree, machine, middle, percentile
from indexer.snapshot import Snapshot

RUNS = 3
SAMPLE = 250
"""References, and edges, that jedi is asked for in each repository."""

PARTS = ("full", "unchanged", "edits", "definitions", "edges")
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` None: nothing to reach, or not measured."""

    what: str
    reach: str
    ours: str
    baseline: str = ""
    met: bool | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    parts = options.only or list(PARTS)
    rows: list[Row] = []
    details: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="bench-index-") as folder:
        scratch = Path(folder)
        if set(parts) & {"full", "unchanged", "edits"} or (options.tree and "definitions" in parts):
            rows += _speed(options, parts, scratch, details)
        for given in options.ctags if "definitions" in parts else ():
            rows += _attempt(f"definitions, {given}", partial(_ctags, given, options.verbose, details))
        if "edges" in parts and not options.jedi:
            rows.append(Row("edges, Python against jedi", EDGES_REACH, "skipped: give --jedi REPO"))
        for place in options.jedi if "edges" in parts or "definitions" in parts else ():
            rows += _attempt(f"Python, {place.name}", partial(_python, place, parts, options, details))
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], **details}, default=str))
    else:
        print(table(rows, details["machine"]))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.index", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "tree", nargs="?", type=Path, help="a tree of Python files; by default an installed package"
    )
    parser.add_argument("--jedi", type=Path, action="append", default=[], metavar="REPO")
    parser.add_argument("--ctags", action="append", default=[], metavar="LANGUAGE=REPO")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each full index; the median counts")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, ours and theirs")
    parser.add_argument(
        "--embedder", help="an encoder for our vectors instead of the baseline's static model"
    )
    parser.add_argument(
        "--sample", type=int, default=SAMPLE, help="references put to jedi for each repository"
    )
    parser.add_argument(
        "--verbose", type=int, default=0, metavar="N", help="show N disagreements of each side"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object with all runs")
    return parser.parse_args(arguments)


def _attempt(what: str, run: Callable[[], Iterable[Row]]) -> list[Row]:
    """The rows, or one that says why there are none."""
    try:
        return list(run())
    except (MissingError, ChildError) as error:
        return [Row(what, "", f"skipped: {error}")]


# ---- speed


def _speed(
    options: argparse.Namespace, parts: list[str], scratch: Path, details: dict[str, Any]
) -> list[Row]:
    try:
        root = options.tree.resolve() if options.tree else default_tree(scratch / "tree")
    except MissingError as error:
        return [Row("speed", "", f"skipped: {error}")]
    bench = Bench(root, scratch, options.workers, options.runs)
    semble, model, reason = None, None, ""
    try:
        semble = open_semble(scratch)
        model = make_model(semble, root, scratch / "model")
    except MissingError as error:
        reason = f"skipped: {error}"
    rows: list[Row] = []
    if "full" in parts:
        rows += _attempt("full index", lambda: _full(bench, semble, model, options.embedder, reason))
        if "definitions" in parts and bench.directory.is_dir():
            rows += _attempt(
                "definitions, Python", lambda: _tree_definitions(bench, options.verbose, details)
            )
    if {"unchanged", "edits"} & set(parts):
        small = copy_part(root, scratch / "small", FILES)
        if "unchanged" in parts:
            rows += _attempt("no change", lambda: _unchanged(bench, small, semble, model, reason))
        if "edits" in parts:
            rows += _attempt("saved -> searchable", lambda: _edits(bench, small, semble, model, reason))
    details["speed"] = asdict(bench.speeds)
    return rows


def _full(
    bench: Bench, semble: Semble | None, model: Path | None, embedder: str | None, reason: str
) -> list[Row]:
    bench.full(semble, model, embedder)
    found = bench.speeds
    theirs = middle(found.semble, "seconds") if found.semble else None
    size = f"{found.tree.files:,} files, {found.tree.lines:,} lines, {found.workers} workers"
    rows = []
    for name, results in (("", found.ours), (", with vectors", found.ours_vectors)):
        if not results:
            continue
        mine = middle(results, "seconds")
        share = f" ({mine / theirs:.2f} of semble's)" if theirs else ""
        rows.append(
            Row(
                f"full index{name}: {size}",
                "at most 1/2 of semble, aim 1/3",
                f"{mine:.1f} s{share}",
                f"semble {theirs:.1f} s" if theirs else reason,
                mine <= theirs / 2 if theirs else None,
            )
        )
        rows.append(_memory(f"memory of the main process{name}", results, found.semble))
    for name, disk, source in found.disk:
        share_of_source = disk / source
        rows.append(
            Row(
                f"index on disk, {name}",
                "at most 1.5 times the source",
                f"{share_of_source:.2f} ({disk / 1e6:.0f} of {source / 1e6:.0f} MB)",
                _semble_disk(found, source),
                share_of_source <= 1.5,
            )
        )
    return rows + [Row(note, "", "") for note in found.notes]


def _memory(what: str, results: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Row:
    main = max(result["main_bytes"] for result in results)
    tree = max(result["tree_bytes"] for result in results)
    baseline = ""
    if theirs:
        baseline = f"semble {_gib(max(r['main_bytes'] for r in theirs))}, with workers"
        baseline += f" {_gib(max(r['tree_bytes'] for r in theirs))}"
    return Row(what, "at most 1 GiB", f"{_gib(main)}, with workers {_gib(tree)}", baseline, main <= GIB)


def _semble_disk(found: Speeds, source: int) -> str:
    saved = [run["disk_bytes"] for run in found.semble if "disk_bytes" in run]
    return f"semble {saved[0] / source:.2f}" if saved else ""


def _gib(count: float) -> str:
    return f"{count / GIB:.2f} GiB"


def _tree_definitions(bench: Bench, shown: int, details: dict[str, Any]) -> list[Row]:
    with Snapshot.open(bench.directory, bench.root, derived_versions={}) as snapshot:
        found = definitions.compare_python(snapshot, bench.root)
    return [_definitions_row(found, 0.99, shown, details)]


def _unchanged(
    bench: Bench, small: Path, semble: Semble | None, model: Path | None, reason: str
) -> list[Row]:
    bench.unchanged(small, semble, model)
    found = bench.speeds
    mine = percentile(found.unchanged, 0.5)
    theirs = f"semble {percentile(found.semble_cached, 0.5):.2f} s" if found.semble_cached else reason
    count = found.small.files if found.small else 0
    return [
        Row(
            f"no change, {count:,} files, start included", "at most 1 s", f"{mine:.2f} s", theirs, mine <= 1.0
        )
    ]


def _edits(bench: Bench, small: Path, semble: Semble | None, model: Path | None, reason: str) -> list[Row]:
    bench.edit(small, semble, model)
    found = bench.speeds
    rebuild = f"rank_bm25 rebuilt {found.rank_bm25_rebuild:.1f} s"
    if found.semble_edits:
        all_anew = percentile(found.semble_edits["rebuild"], 0.5)
        update = percentile(found.semble_edits["update"], 0.5)
        rebuild = f"semble rebuilt {all_anew:.1f} s, its update {update:.2f} s; {rebuild}"
    elif reason:
        rebuild = f"semble {reason}; {rebuild}"
    rows = []
    for kind, what in (
        ("body", "edits of a body"),
        ("interface", "edits of an interface"),
        ("walked", "edits of a body, found by a walk"),
    ):
        times = found.edits[kind]
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        rows.append(
            Row(
                f"one file saved -> searchable, its edges there; {len(times)} {what}",
                "p95 at most 50 ms",
                f"p50 {p50:.0f} ms, p95 {p95:.0f} ms",
                rebuild,
                p95 <= 50,
            )
        )
    return rows


# ---- accuracy

EDGES_REACH = "precision 0.95, recall 0.85"


def _ctags(given: str, shown: int, details: dict[str, Any]) -> list[Row]:
    language, separator, place = given.partition("=")
    root = Path(place).resolve()
    if not separator or not root.is_dir():
        raise MissingError("--ctags takes LANGUAGE=FOLDER")
    with definitions.indexed(root) as snapshot:
        found = definitions.compare_ctags(snapshot, root, language)
    return [_definitions_row(found, 0.97, shown, details)]


def _python(place: Path, parts: list[str], options: argparse.Namespace, details: dict[str, Any]) -> list[Row]:
    root = place.resolve()
    if not root.is_dir():
        raise MissingError("--jedi takes a folder")
    rows = []
    with definitions.indexed(root) as snapshot:
        if "definitions" in parts:
            compared = definitions.compare_python(snapshot, root)
            rows.append(_definitions_row(compared, 0.99, options.verbose, details))
        if "edges" in parts:
            judged = edges.judge(snapshot, root, options.sample)
            details.setdefault("edges", []).append(asdict(judged))
            if options.verbose:
                print(edges.describe(judged, options.verbose), file=sys.stderr)
            met = judged.precision >= 0.95 and judged.recall >= 0.85
            ours = f"precision {judged.precision:.3f}, recall {judged.recall:.3f}"
            baseline = (
                f"jedi: {judged.counted} references, {judged.right + judged.wrong} edges,"
                f" {judged.unjudged} not judged"
            )
            rows.append(Row(f"import and call edges, {root.name}", EDGES_REACH, ours, baseline, met))
    return rows


def _definitions_row(found: definitions.Comparison, least: float, shown: int, details: dict[str, Any]) -> Row:
    if shown:
        print(definitions.describe(found, shown), file=sys.stderr)
    record = asdict(found) | {"recall": found.recall, "precision": found.precision}
    record |= {"missing": len(found.missing), "extra": len(found.extra)}
    details.setdefault("definitions", []).append(record)
    return Row(
        f"definitions, {found.language}, {found.repository} ({found.files:,} files)",
        f"recall, precision {least}",
        f"recall {found.recall:.4f}, precision {found.precision:.4f}",
        f"{found.judge}: {found.theirs:,}",
        min(found.recall, found.precision) >= least,
    )


def table(rows: Sequence[Row], where: dict[str, Any]) -> str:
    """Markdown, so that it can be pasted into a note."""
    marks = {True: "yes", False: "no", None: ""}
    lines = [
        f"{where['processor'] or 'unknown processor'}, {where['cores']} cores, load {where['load_1min']} at the"
        f" start, Python {where['python']}",
        "",
        "| what | to reach | measured | baseline | met |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.what, row.reach, row.ours, row.baseline, marks[row.met])
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
