"""The tests of a repository as a job for the sandbox: what the runner is told, and what it must show to be believed."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.execution.environments import Prepared
from eval.execution.proof import draw_decoys
from eval.execution.sandbox import Expected, Finished, Job, Limits, run

ROOT = "/repository"  # of the tested repository, inside
_WITNESS = Path(__file__).resolve().parent / "witness.py"
_ORDER = "/tmp/witness/order.json"  # noqa: S108 (inside the sandbox)
_PROGRAM = "/tmp/witness/witness.py"  # noqa: S108

Trace = Mapping[str, Sequence[Sequence[int]]]
"""File -> [first line, last line, number] of each function whose calls are noted."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests to run in a copy of the repository at `folder`."""

    prepared: Prepared
    folder: Path
    tests: Collection[str] | None  # names as pytest gives them; None: all, nothing can be proven then
    replaced: Mapping[str, str] = field(default_factory=dict)  # path in the repository -> text of the file
    limits: Limits = field(default_factory=Limits)
    trace: Trace = field(default_factory=dict)
    stop: bool = True  # at the first test that does not pass


def run_suite(suite: Suite) -> Finished:
    """Run the tests. `proven` is true only if exactly `tests` passed and the decoys did what they must."""
    environment = suite.prepared.environment
    order = {
        "paths": [posixpath.normpath(f"{ROOT}/{path}") for path in environment.paths],
        "files": list(environment.tests)
        if suite.tests is None
        else sorted({name.split("::")[0] for name in suite.tests}),
        "select": None if suite.tests is None else sorted(suite.tests),
        "last": "",
        "prelude": environment.prelude,
        "stop": suite.stop,
        "trace": {f"{ROOT}/{path}": places for path, places in suite.trace.items()},
    }
    files = {f"{ROOT}/{path}": text for path, text in suite.replaced.items()}
    expected = None
    if suite.tests is not None:
        decoys = draw_decoys(with_numpy=_has_numpy(suite.prepared))
        order["last"] = decoys.path
        files[f"{ROOT}/{decoys.path}"] = decoys.text
        expected = Expected(decoys.passing | frozenset(suite.tests), decoys.failing)
    files[_PROGRAM] = _WITNESS.read_text(encoding="utf-8")
    files[_ORDER] = json.dumps(order)
    return run(
        Job(
            command=[str(suite.prepared.python), "-B", _PROGRAM, _ORDER],
            visible=suite.prepared.visible,
            copies={ROOT: suite.folder},
            files=files,
            environment=suite.prepared.variables,
            directory=ROOT,
            limits=suite.limits,
            expected=expected,
        )
    )


def _files(suite: Suite) -> list[str]:
    if suite.tests is None:
        return list(suite.prepared.environment.tests)
    return sorted({name.split("::")[0] for name in suite.tests})


def _has_numpy(prepared: Prepared) -> bool:
    return any(prepared.python.parents[1].glob("lib/python3*/site-packages/numpy/__init__.py"))
