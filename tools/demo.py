"""The main job in one minute: index a repository, complete at real cursors, show text, snippets, reasons, timings.

    python tools/demo.py [--repo PATH] [--at FILE:LINE[:COL]]

Without --at, lines are taken out of function bodies of the repository (lines that use names of other files), and the
model is asked to write them again; the true line is shown beside its answer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from eval.bench.cursors import sample_cursors
from indexer.errors import RepocoderError
from indexer.types import Progress
from repocoder.cli.place import parse_place
from repocoder.config import load_settings
from repocoder.engine import Engine
from repocoder.terminal import safe
from repocoder.types import Completion, CompletionRequest
from retrieval.types import Exclusion

CURSORS = 3
SEED = 7
SHOWN_LINES = 12  # of a completion


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repo", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--at", help="FILE:LINE[:COL], the file relative to the repository")
    options = parser.parse_args(arguments)
    root = options.repo.resolve()
    if not root.is_dir():
        print(f"repocoder: no such folder: {root}: give REPO=path", file=sys.stderr)
        return 2
    try:
        return run(root, options.at)
    except RepocoderError as error:
        print(f"repocoder: {error}", file=sys.stderr)
        return error.exit_code


def run(root: Path, at: str | None) -> int:
    with Engine(root, load_settings(root, {}).settings) as engine:
        index(engine)
        if at is not None:
            place = parse_place(at, str(root))
            request = CompletionRequest(path=place.path, line=place.line, column=place.column)
            show(engine.complete(request), truth=None)
            return 0
        cursors = sample_cursors(root, CURSORS, SEED)
        if not cursors:
            print(
                "No line that uses a name of another file was found here: choose a cursor with AT=file:line[:col]."
            )
        for cursor in cursors:
            request = CompletionRequest(
                path=cursor.path,
                line=cursor.line,
                column=cursor.column,
                text=cursor.text,
                exclusions=(Exclusion(cursor.path, cursor.line, cursor.line),),
            )
            show(engine.complete(request), truth=cursor.truth)
            needs = ", ".join(f"{d.name} ({d.path}:{d.line})" for d in cursor.needs)
            print(f"  the true line needs: {safe(needs)}")
        print(
            "\nThe text is often wrong: the embedded model has 7 million parameters (docs/models.md). The snippets are"
            "\nthe point: `repocoder models add FILE.gguf` or `repocoder models pull` brings one that uses them better."
        )
    return 0


def index(engine: Engine) -> None:
    started = time.monotonic()
    shown = 0.0

    def progress(step: Progress) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - shown > 0.1:
            shown = time.monotonic()
            print(f"\r  {step.stage} {step.done}/{step.total}\x1b[K", end="", file=sys.stderr, flush=True)

    report = engine.index(progress=progress)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    skipped = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items()) or "nothing"
    print(
        f"Indexed {engine.root.name}: {report.files} files, {report.chunks} chunks, {report.symbols} symbols, "
        f"{report.edges} edges in {time.monotonic() - started:.1f} s ({report.changed} changed; skipped: {skipped})"
    )


def show(completion: Completion, truth: str | None) -> None:
    timings = completion.timings
    print(f"\n── {safe(completion.path)}:{completion.line}:{completion.column}")
    print(f"  gate: {'retrieve' if completion.gate.retrieve else 'skip'}: {safe(completion.gate.reason)}")
    for hit in completion.prompt.hits:
        print(f"  snippet {safe(hit.path)}:{hit.start_line}-{hit.end_line}")
        for evidence in hit.evidence:
            print(f"    {evidence.source} #{evidence.rank}: {safe(evidence.why)}")
    for report in completion.passes:
        mark = "kept" if report.kept else "not kept"
        print(f"  pass {report.number} ({mark}): {safe(report.reason)}")
    lines = completion.text.split("\n")[:SHOWN_LINES]
    print("  completion: " + "\n              ".join(safe(line) for line in lines))
    if truth is not None:
        print(f"  true line:  {safe(truth)}")
    print(
        f"  {completion.prompt_tokens} prompt tokens, {completion.completion_tokens} written, stop: "
        f"{completion.stop_reason}; retrieve {timings.retrieve_ms:.0f} ms, "
        f"first token {timings.first_token_ms:.0f} ms, total {timings.total_ms:.0f} ms; {completion.model.name}"
    )
    for check in completion.checks:
        if not check.passed:
            print(f"  check {check.name}: {safe(check.detail)}")


if __name__ == "__main__":
    sys.exit(main())
