"""Whether a package is, by its name, a repository of a benchmark or a copy of one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from training.corpus.benchmarks import DISTRIBUTIONS
from training.corpus.catalogue import Package

_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A package and a repository of a benchmark that have a name in common."""

    package: str
    what: str  # which name of the package: distribution, repository, or a module at its top
    name: str
    repository: str  # of the benchmark


class BenchmarkNames:
    """Names of the benchmarks' repositories: with their owner, and alone, as a fork or a distribution would have."""

    def __init__(self, repositories: Iterable[str]) -> None:
        """`repositories`: `owner/name`, or `owner-name` where it is not known where the owner ends."""
        self._alone: dict[str, list[str]] = defaultdict(list)
        self._whole: dict[str, str] = {}
        for repository in repositories:
            self._whole[repository.replace("/", "-").lower()] = repository
            for name in _names_in(repository):
                self._alone[_plain(name)].append(repository)
        for name in DISTRIBUTIONS:
            self._alone[_plain(name)].append(f"published as {name}")

    def matches(self, package: Package, modules: Iterable[str] = ()) -> list[NameMatch]:
        """Every match of the package's names; `modules` are the importable names that it installs."""
        found = []
        owned = package.repository.replace("/", "-").lower()
        if owned in self._whole:
            found.append(NameMatch(package.name, "repository", package.repository, self._whole[owned]))
        candidates = [("distribution", package.name.rpartition("/")[2])]
        if package.repository:
            candidates.append(("repository", package.repository.rpartition("/")[2]))
        candidates += [("module", module) for module in sorted(set(modules))]
        for what, name in candidates:
            found += [
                NameMatch(package.name, what, name, other) for other in self._alone.get(_plain(name), ())
            ]
        return found


def _names_in(repository: str) -> list[str]:
    """The name without the owner; all that it may be, where the two are joined by a hyphen."""
    _, slash, name = repository.partition("/")
    if slash:
        return [name]
    parts = repository.split("-")
    return ["-".join(parts[start:]) for start in range(1, len(parts))]


def _plain(name: str) -> str:
    return _SEPARATORS.sub("-", name).strip("-").lower()
