"""The archives of the named packages: fetched through pip and npm, held against their SHA-256, kept.

Nothing of a package is run: pip takes wheels only, npm runs no script of what it packs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from eval.datasets.archives import sha256
from indexer.errors import StorageError
from repocoder.errors import UsageError
from training.corpus.catalogue import Package

_SUFFIX = {"wheel": ".whl", "npm": ".tgz"}
_TARGET = ("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_24_x86_64",
           "--platform", "manylinux2014_x86_64", "--platform", "any")  # fmt: skip
_LIMIT_S = 600  # of one download


def archive_of(package: Package, folder: Path) -> Path:
    """Where the archive of a package lies, or will lie."""
    return folder / f"{package.folder}-{package.version}{_SUFFIX[package.kind]}"


def fetch(packages: Iterable[Package], folder: Path, *, offline: bool = False) -> dict[str, Path]:
    """The archive of each package, by the package's name. What is there with the right digest is not fetched again.

    Raises UsageError if an archive is missing while `offline`, cannot be fetched or has another digest, StorageError
    if `folder` cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"corpus: {folder}: {error.strerror}: name a folder that can be written"
        ) from error
    found = {package.name: archive_of(package, folder) for package in packages}
    missing = [
        package
        for package in packages
        if not found[package.name].is_file() or sha256(found[package.name]) != package.sha256
    ]
    if missing and offline:
        names = ", ".join(f"{package.name} {package.version}" for package in missing)
        raise UsageError(
            f"corpus: {folder}: not there or of another digest: {names}: run once without --offline"
        )
    for package in missing:
        _fetch_one(package, found[package.name])
    return found


def _fetch_one(package: Package, target: Path) -> None:
    what = f"{package.name} {package.version}"
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        command = _command(package, scratch)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"corpus: {what}: {command[0]}: {error}: install it, or try again") from error
        archives = [path for path in Path(scratch).iterdir() if path.suffix == target.suffix]
        if done.returncode or len(archives) != 1:
            last = (done.stderr.strip() or "no archive").splitlines()[-1]
            raise UsageError(
                f"corpus: {what}: could not be fetched ({last}): see whether that version still exists"
            )
        digest = sha256(archives[0])
        if digest != package.sha256:
            raise UsageError(
                f"corpus: {what}: SHA-256 is {digest}, not the catalogue's: do not use it before you know why"
            )
        shutil.move(archives[0], target)


def _command(package: Package, scratch: str) -> list[str]:
    if package.kind == "npm":
        spec = f"{package.name}@{package.version}"
        return ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", scratch, spec]
    spec = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    return [*pip, *_TARGET, "--dest", scratch, spec]
