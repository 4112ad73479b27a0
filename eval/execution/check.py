"""Is the measure itself right here? Every truth must pass, every empty body must fail.

python -m eval.execution.check [--data DIR] [--environments DIR] [--repository NAME]… [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.datasets import load
from eval.execution.environments import ENVIRONMENTS
from eval.execution.passing import Bench, Executed, Outcome, execute_samples
from eval.types import Benchmark

EMPTY = ""


@dataclass(slots=True)
class RepositoryCheck:
    """What the two bodies of each task of one repository did."""

    tasks: int = 0
    measurable: int = 0
    truths_passed: int = 0  # must be `measurable`
    empties_failed: int = 0  # must be `measurable`
    seconds: float = 0.0  # of the truths
    surprises: dict[str, str] = field(default_factory=dict)  # task -> what went wrong
    not_measurable: dict[str, str] = field(default_factory=dict)  # task -> reason


def check(
    benchmark: Benchmark,
    *,
    repositories: Collection[str] | None = None,
    workers: int = 1,
    progress: Callable[[Executed], None] | None = None,
    environments: Path | None = None,
    opened: Mapping[str, Bench | Outcome] | None = None,
) -> dict[str, RepositoryCheck]:
    """Run truth and empty body of every task. Raises UsageError where code cannot be run safely."""
    wanted = [task for task in benchmark.tasks if repositories is None or task.repository in repositories]
    found: dict[str, RepositoryCheck] = {}
    samples = ((task, (task.truth, EMPTY)) for task in wanted)
    for executed in execute_samples(
        samples,
        benchmark.sources,
        workers=workers,
        progress=progress,
        environments=environments,
        opened=opened,
    ):
        _count(found.setdefault(executed.task.repository, RepositoryCheck()), executed)
    return found


def _count(here: RepositoryCheck, executed: Executed) -> None:
    truth, empty = executed.outcomes
    here.tasks += 1
    if truth.status == "not_measurable":
        here.not_measurable[executed.task.id] = truth.reason
        return
    here.measurable += 1
    here.seconds += truth.seconds
    if truth.status == "passed":
        here.truths_passed += 1
    else:
        here.surprises[executed.task.id] = f"the truth: {truth.status}: {truth.reason}"
    if empty.status in ("failed", "timeout"):
        here.empties_failed += 1
    else:
        here.surprises[executed.task.id] = f"the empty body: {empty.status}: {empty.reason}"


def main() -> int:
    """The command line of the module. Exit status 1 if anything surprised."""
    parser = argparse.ArgumentParser(prog="python -m eval.execution.check")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--repository", action="append", choices=list(ENVIRONMENTS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    done = 0

    def tell(executed: Executed) -> None:
        nonlocal done
        done += 1
        words = " / ".join(f"{one.status} {one.seconds:.1f} s" for one in executed.outcomes)
        print(f"{done}: {executed.task.id}: {words}", file=sys.stderr, flush=True)

    found = check(
        load("repoeval-function", given.data),
        repositories=given.repository,
        progress=tell,
        environments=given.environments,
    )
    for repository, here in found.items():
        if given.json:
            continue
        print(
            f"{repository}: {here.tasks} tasks, {here.measurable} measurable, truths passed {here.truths_passed}, "
            f"empty bodies failed {here.empties_failed}, {here.seconds:.0f} s"
        )
        if note := ENVIRONMENTS[repository].note:
            print(f"  note: {note}")
        for reason, count in Counter(here.not_measurable.values()).most_common():
            print(f"  not measurable: {count}: {reason}")
        for task, surprise in here.surprises.items():
            print(f"  surprise: {task}: {surprise}")
    if given.json:
        print(
            json.dumps(
                {name: {key: getattr(here, key) for key in here.__slots__} for name, here in found.items()}
            )
        )
    return 1 if any(here.surprises for here in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
