"""Makes `coverage.json`: which tests of each repository judge which task. Run it again when an environment changes.

    python -m eval.execution.survey [--data DIR] [--environments DIR] [--repository NAME]… [--table FILE]
    python -m eval.execution.survey --merge FILE…      tables of several machines into one

For each repository: its tests run with the original code twice, the second time with calls noted. Tests that pass
both times are kept, the others are named with what they did. Then for each task the tests that call its function run
alone: with the truth (all must pass) and with a body that does nothing (some must fail; if not, it is asked whether
they would notice one that raises). Hours for all repositories on one core; the table is written after each task, and
what is in it already is not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.datasets import load
from eval.execution.bodies import function_lines, idle, raising, with_body
from eval.execution.coverage import NOT_YET, TABLE, RepositoryTests, TaskTests, from_json, to_json
from eval.execution.environments import ENVIRONMENTS, Prepared, prepare
from eval.execution.sandbox import Finished, Limits, refusal
from eval.execution.suite import Suite, Trace, run_suite
from eval.types import Task
from repocoder.errors import UsageError

RUNS = 2
BUDGET_S = 20.0
"""The tests of a task are those that call its function, up to this sum: the fifth hundred of the parameter sets of one
test takes minutes and tells no more."""

_WHOLE = Limits(wall_s=5400.0, cpu_s=10800.0)
_ALONE = Limits(wall_s=600.0, cpu_s=1200.0)
_LEAST_S, _TIMES = 20.0, 3.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the tests of a repository do with its original code."""

    seconds: Mapping[str, float]  # test that always passes -> its duration
    left_out: Mapping[str, str]
    calls: Mapping[int, frozenset[str]]  # number of a task -> kept tests that call its function


@dataclass(frozen=True, slots=True)
class Ground:
    """A repository ready to be surveyed."""

    prepared: Prepared
    folder: Path
    tasks: Sequence[Task]


def find_baseline(ground: Ground) -> Baseline:
    """Run all tests `RUNS` times, the last time with calls noted. Raises UsageError if none passes each time."""
    plain = Suite(ground.prepared, ground.folder, None, limits=_WHOLE, stop=False)
    runs = [run_suite(plain) for _ in range(RUNS - 1)]
    runs.append(run_suite(replace(plain, trace=traced(ground.tasks))))
    for done in runs:
        if not done.signed:
            last = (done.out + done.err).strip().splitlines()[-1:] or [done.ended]
            raise UsageError(
                f"unit tests: {ground.folder.name}: they do not run to their end: {last[0][:150]}"
            )
    seen = sorted({test for done in runs for test in done.outcomes})
    left_out = {}
    for test in seen:
        outcomes = sorted({done.outcomes.get(test, "absent") for done in runs})
        if outcomes != ["passed"]:
            left_out[test] = " or ".join(outcomes)
    kept = {test: min(done.durations[test] for done in runs) for test in seen if test not in left_out}
    if not kept:
        raise UsageError(f"unit tests: {ground.folder.name}: none passes with the original code")
    return Baseline(kept, left_out, _callers(runs[-1], kept))


def traced(tasks: Sequence[Task]) -> Trace:
    """Where the functions of the tasks are; numbers are places in `tasks`."""
    places: dict[str, list[list[int]]] = defaultdict(list)
    for number, task in enumerate(tasks):
        places[task.path].append([*function_lines(task), number])
    return places


def _callers(done: Finished, kept: Mapping[str, float]) -> dict[int, frozenset[str]]:
    callers: dict[int, set[str]] = defaultdict(set)
    for test, numbers in done.calls.items():
        for number in numbers:
            callers[number].update(kept if test == "" else {test} & kept.keys())
    return {number: frozenset(tests) for number, tests in callers.items()}


def choose(tests: Mapping[str, float], budget_s: float = BUDGET_S) -> frozenset[str]:
    """Tests whose sum stays in the budget, at least one: the quickest of each kind, then the second of each, …

    Of one kind are the parameter sets of one test: names that differ in what follows the name of the function.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for test in sorted(tests, key=lambda name: (tests[name], name)):
        kinds[test.partition("[")[0].rstrip("0123456789_")].append(test)
    order = sorted((place, tests[test], test) for kind in kinds.values() for place, test in enumerate(kind))
    chosen: list[str] = []
    total = 0.0
    for _, seconds, test in order:
        if not chosen or total + seconds <= budget_s:
            chosen.append(test)
            total += seconds
    return frozenset(chosen)


def survey_task(task: Task, callers: Mapping[str, float], ground: Ground) -> TaskTests:
    """Find the tests that judge one task, or why there are none. `callers`: test -> seconds."""
    calling = len(callers)
    if not callers:
        return TaskTests(frozenset(), 0.0, 0, "no test that passes with the original code calls it")
    suite = Suite(ground.prepared, ground.folder, choose(callers), limits=_ALONE, stop=False)
    truth = run_suite(suite)
    if not truth.proven and truth.signed:  # some pass only after others have run
        alone = frozenset(test for test in choose(callers) if truth.outcomes.get(test) == "passed")
        suite = replace(suite, tests=alone)
        truth = run_suite(suite) if alone else truth
    if not truth.proven:
        return TaskTests(frozenset(), 0.0, calling, f"its tests fail with the truth: {truth.why[:120]}")
    patience = max(_LEAST_S, _TIMES * truth.seconds)  # a loop without its body may never end
    suite = replace(suite, limits=replace(_ALONE, wall_s=min(patience, _ALONE.wall_s)))
    if _passes(suite, task, idle(task)):
        does = "only raises an error" if _passes(suite, task, raising(task)) else "does nothing"
        return TaskTests(frozenset(), 0.0, calling, f"its tests pass if the body {does}")
    assert suite.tests is not None
    return TaskTests(frozenset(suite.tests), truth.seconds, calling)


def _passes(suite: Suite, task: Task, body: str) -> bool:
    return run_suite(replace(suite, replaced={task.path: with_body(task, body)}, stop=True)).proven


def survey(ground: Ground, known: RepositoryTests | None) -> Iterator[RepositoryTests]:
    """The part of the table of one repository, after each task anew."""
    requirements = hashlib.sha256(ground.prepared.environment.requirements.read_bytes()).hexdigest()
    baseline = find_baseline(ground)
    same = known is not None and known.requirements_sha256 == requirements
    tasks = (
        {}
        if known is None or not same
        else {identity: entry for identity, entry in known.tasks.items() if entry.reason != NOT_YET}
    )
    python = ".".join(map(str, sys.version_info[:3]))
    for number, task in enumerate(ground.tasks):
        if task.id not in tasks:
            callers = {test: baseline.seconds[test] for test in baseline.calls.get(number, frozenset())}
            tasks[task.id] = survey_task(task, callers, ground)
        yield RepositoryTests(python, requirements, len(baseline.seconds), baseline.left_out, dict(tasks))


def complete(found: Mapping[str, RepositoryTests], tasks: Sequence[Task]) -> dict[str, RepositoryTests]:
    """The table with a line for every task: what no survey has come to says so."""
    whole = {}
    for repository in ENVIRONMENTS:
        known = found.get(repository)
        if known is None:
            whole[repository] = RepositoryTests("", "", 0, {}, {}, NOT_YET)
            continue
        mine = [task.id for task in tasks if task.repository == repository]
        missing = (
            {} if known.reason else {identity: TaskTests(frozenset(), 0.0, 0, NOT_YET) for identity in mine}
        )
        whole[repository] = replace(known, tasks={**missing, **known.tasks})
    return whole


def main() -> None:
    """The command line of the module."""
    parser = argparse.ArgumentParser(prog="python -m eval.execution.survey")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--repository", action="append", choices=list(ENVIRONMENTS))
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--merge", type=Path, nargs="+")
    given = parser.parse_args()
    benchmark = load("repoeval-function", given.data)
    if given.merge:
        parts = {name: entry for path in given.merge for name, entry in _read(path).items()}
        given.table.write_text(to_json(complete(parts, benchmark.tasks)), encoding="utf-8")
        return
    if refused := refusal():
        raise SystemExit(f"survey: {refused}")
    for repository in given.repository or ENVIRONMENTS:
        tasks = [task for task in benchmark.tasks if task.repository == repository]
        try:
            prepared = prepare(repository, given.environments)
            ground = Ground(prepared, benchmark.sources.folder(repository), tasks)
            for found in survey(ground, _read(given.table).get(repository)):
                _write(given.table, repository, found)
                print(f"{repository}: {len(found.tasks)} of {len(tasks)} tasks", file=sys.stderr, flush=True)
        except UsageError as error:
            print(f"{repository}: {error}", file=sys.stderr, flush=True)
            _write(given.table, repository, RepositoryTests("", "", 0, {}, {}, str(error)))


def _read(path: Path) -> dict[str, RepositoryTests]:
    return from_json(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, repository: str, found: RepositoryTests) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(to_json({**_read(path), repository: found}), encoding="utf-8")
    fresh.replace(path)  # a killed survey leaves the old table


if __name__ == "__main__":
    main()
