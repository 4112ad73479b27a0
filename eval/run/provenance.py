"""What explains a number later: which code made it, on which machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from repocoder import __version__

COMMIT_DIGITS = 7
UNKNOWN = f"v{__version__}"
"""Instead of a commit, where the code is an installed package."""

_LIBRARIES = (
    "llama-cpp-python",
    "numpy",
    "rank-bm25",
    "rapidfuzz",
    "tree-sitter",
    "tree-sitter-python",
    "tree-sitter-java",
    "tree-sitter-typescript",
    "tree-sitter-c-sharp",
)
"""Of these, another version could give another number."""

_MEASURED = (
    *("indexer", "retrieval", "repocoder", "eval"),
    *(f":(exclude)eval/{name}" for name in ("bench", "cli", "report", "results")),
    ":(exclude)repocoder/cli",
)
"""Pathspecs of the code that a sample can depend on."""

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_GIT_LIMIT_S = 20


@cache
def code_commit() -> str:
    """The last commit that changed what samples depend on, with `-changed` if files differ from it.

    `UNKNOWN` without a checkout. Commits of tests, pages and results do not change it, so runs made one after the
    other have one name.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return UNKNOWN
    try:
        commit = _git(root, "log", "-1", "--format=%H", "--", *_MEASURED).strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *_MEASURED).strip()
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    if not commit:
        return UNKNOWN
    return f"{commit[:COMMIT_DIGITS]}-changed" if changed else commit[:COMMIT_DIGITS]


def origin_facts() -> dict[str, Any]:
    """When, on what and with what a run is made: for `run.json`."""
    return {
        "started": now(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
        "versions": {"repocoder": __version__, "python": platform.python_version(), **_versions()},
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _git(root: Path, *arguments: str) -> str:
    command = [*_GIT, "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_GIT_LIMIT_S).stdout
