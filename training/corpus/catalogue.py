"""`training/corpus.toml`: what the corpus is made from, read and checked."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from repocoder.errors import UsageError

CATALOGUE = Path(__file__).parent.parent / "corpus.toml"

MAX_NAMED = 40
"""Packages that are named besides those installed with the project."""

Split = Literal["train", "validation", "test"]

PERMISSIVE = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC",
        "LLVM-exception", "MIT", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
"""SPDX identifiers whose terms ask for no more than that notices are kept."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_LICENCE = re.compile(r"[A-Za-z0-9.-]+")


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One package of the corpus."""

    name: str
    version: str
    licence: str  # SPDX expression
    kind: Literal["wheel", "npm", "installed", "stdlib"]
    sha256: str = ""  # of the archive; of what `installed_digest` says for an installed one
    split: Split = "train"
    repository: str = ""  # `owner/name` where the package says so
    keep: tuple[str, ...] = ()  # patterns of fnmatch on the path in the package; none: everything
    leave_out: tuple[str, ...] = ()  # the same; wins over `keep`

    @property
    def folder(self) -> str:
        """The name of its folder below `packages/`: lower case, hyphens, no scope's slash."""
        return re.sub(r"[-_./]+", "-", self.name.removeprefix("@")).lower()


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `corpus.toml`."""

    package: tuple[Package, ...]
    not_taken: dict[str, str] = {}  # installed package -> why it stays out

    @property
    def named(self) -> tuple[Package, ...]:
        """The packages that are fetched."""
        return tuple(package for package in self.package if package.kind in ("wheel", "npm"))


def read_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """The catalogue, checked. Raises UsageError with every fault that was found, in one line."""
    try:
        catalogue = msgspec.toml.decode(path.read_bytes(), type=Catalogue)
    except OSError as error:
        raise UsageError(f"catalogue: {path}: {error.strerror}: name one that can be read") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"catalogue: {path}: {error}: correct it") from error
    if faults := list(_faults(catalogue)):
        raise UsageError(f"catalogue: {path}: {'; '.join(faults)}: correct it")
    return catalogue


def _faults(catalogue: Catalogue) -> list[str]:
    found = [fault for package in catalogue.package for fault in _faults_of(package)]
    counts = Counter(package.folder for package in catalogue.package)
    found += [f"{name} stands there {count} times" for name, count in counts.items() if count > 1]
    if len(catalogue.named) > MAX_NAMED:
        found.append(f"{len(catalogue.named)} named packages, at most {MAX_NAMED} may be")
    splits = {package.split for package in catalogue.package}
    found += [
        f"no package of the split {split}" for split in ("train", "validation", "test") if split not in splits
    ]
    return found


def _faults_of(package: Package) -> list[str]:
    faults = []
    if not _NAME.fullmatch(package.name) or not package.folder.strip("-."):
        faults.append(f"{package.name!r} is no name of a package")
    if not package.version:
        faults.append(f"{package.name} has no version")
    if package.kind != "stdlib" and not _DIGEST.fullmatch(package.sha256):
        faults.append(f"{package.name} has no SHA-256")
    words = [word for word in _LICENCE.findall(package.licence) if word not in ("AND", "OR", "WITH")]
    if not words or not PERMISSIVE.issuperset(words):
        faults.append(f"{package.name}: the licence {package.licence!r} is not one of the permissive ones")
    return faults
