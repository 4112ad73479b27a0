"""Completion models on held-out packages, side by side in one run; the first model is the baseline.

    python -m training.completion.evaluate --work DIR --model FIRST.gguf --model OURS.gguf --tasks N --json FILE

Tasks are samples of `training.completion.samples` (kinds line, rest, call); `training.completion.measure` says what is
done with each. Interrupted, it goes on where it was: outcomes are in `DIR/evaluation/outcomes.jsonl`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from repocoder.errors import RepocoderError
from repocoder.models import EMBEDDED_FILE
from training.completion.comparison import Report, compare, quantisation, text_of
from training.completion.measure import CONDITIONS, CONTEXT, Crew, Journal, fingerprint, subject
from training.completion.tasks import KINDS, draw, read_tasks


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        report = evaluate(given)
    except RepocoderError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return error.exit_code
    print(text_of(report))
    print(f"\n{time.monotonic() - started:.0f} s")
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        # Where the files lay is of no use to who reads the report on another machine.
        named = [msgspec.structs.replace(one, path=Path(one.path).name) for one in report.models]
        kept = msgspec.json.encode(msgspec.structs.replace(report, models=named))
        given.json.write_bytes(msgspec.json.format(kept, indent=1) + b"\n")
    return 0


def evaluate(given: argparse.Namespace) -> Report:
    """Measure and compare as the command line says."""
    models = [subject(path) for path in given.model or [EMBEDDED_FILE]]
    conditions = [one for one in CONDITIONS if one.right or not given.right_only]
    found = read_tasks(given.work, given.split, kinds=given.kinds, seeds=given.sample_seed)
    tasks = draw(found, given.tasks, given.seed)
    journal = Journal(given.work / "evaluation" / "outcomes.jsonl")
    crew = Crew(
        models,
        conditions,
        journal,
        context=given.context,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    outcomes = crew.run(tasks[: given.limit], given.workers)
    about: dict[str, Any] = {
        "split": given.split,
        "seed": given.seed,
        "context": given.context,
        "tasks": len(tasks[: given.limit]),
        "fingerprint": fingerprint(tasks[: given.limit]),
        "with_foreign_names": sum(bool(task.sample.names) for task in tasks[: given.limit]),
    }
    return (quantisation if given.quantised else compare)(models, outcomes, about)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.completion.evaluate", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        help="a GGUF; several times, the baseline first; else the embedded",
    )
    parser.add_argument("--tasks", type=int, default=300, help="drawn; kinds and packages in turn")
    parser.add_argument("--limit", type=int, help="only the first so many of the drawn tasks")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--split", default="test")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--sample-seed", type=int, nargs="+", default=[], help="only samples that were made with these"
    )
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens of prompt and completion")
    parser.add_argument(
        "--right-only", action="store_true", help="leave out the conditions with left context only"
    )
    parser.add_argument(
        "--quantised", action="store_true", help="the models are one, in several types; exact first"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
