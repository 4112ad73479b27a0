"""Immutable segments with tombstones: how a derived structure follows changes without being written anew.

A folder holds some segments (each a few files that share a prefix), `dead.npy` with the chunk ids that were
removed since their segment was written, and `catalogue.json`, which lists the segments. A build hard-links
the files of the segments that stay, and writes only what is new. Sizes grow geometrically, as in a
log-structured merge tree, so their number stays logarithmic and a row is seldom rewritten.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

GROWTH = 4
"""A segment is merged with smaller ones unless it is this many times larger: at most log4(rows) segments."""

MAX_DEAD_SHARE = 0.25
"""A segment of which more than this share is dead is rewritten: the dead cost time in every query."""

Ids = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.int32, np.uint64)


class Entry(msgspec.Struct, frozen=True):
    """One segment in the catalogue."""

    name: str  # prefix of its files
    rows: int
    dead: int


class Catalogue(msgspec.Struct, frozen=True):
    """What `catalogue.json` holds: the segments and the figures of the live corpus."""

    entries: tuple[Entry, ...] = ()
    figures: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build does with the segments there are."""

    keep: tuple[Entry, ...]
    merge: tuple[Entry, ...]
    name: str  # of the segment to write


def plan(entries: Sequence[Entry], added: int, full: int | None = None) -> Plan:
    """Decide which segments stay and which are merged with `added` new rows. One of `full` rows does not grow."""
    merge = [entry for entry in entries if entry.dead > MAX_DEAD_SHARE * entry.rows]
    size = added + sum(entry.rows - entry.dead for entry in merge)
    others = [entry for entry in entries if entry not in merge]
    for entry in sorted(others, key=lambda entry: entry.rows - entry.dead):
        live = entry.rows - entry.dead
        if live >= GROWTH * size or (full is not None and entry.rows >= full):
            break
        merge.append(entry)
        size += live
    number = 1 + max((int(entry.name) for entry in entries), default=0)
    keep = tuple(entry for entry in entries if entry not in merge)
    return Plan(keep, tuple(merge), f"{number:06d}")


def read_catalogue(folder: Path) -> Catalogue:
    """Read `catalogue.json`; the folder was verified by whoever hands it out."""
    return msgspec.json.decode((folder / "catalogue.json").read_bytes(), type=Catalogue)


def write_catalogue(folder: Path, catalogue: Catalogue) -> None:
    (folder / "catalogue.json").write_bytes(msgspec.json.encode(catalogue))


def read_dead(folder: Path) -> Ids:
    """The removed chunk ids, ascending."""
    dead: Ids = np.load(folder / "dead.npy", allow_pickle=False)
    return dead


def write_dead(folder: Path, dead: Ids) -> None:
    np.save(folder / "dead.npy", dead.astype(np.int64), allow_pickle=False)


def link_segment(previous: Path, target: Path, entry: Entry) -> None:
    """Give `target` all files of a segment."""
    for place in sorted(previous.glob(f"{entry.name}.*")):
        link_file(previous, target, place.name)


def link_file(previous: Path, target: Path, name: str) -> None:
    """Give `target` a file of `previous` without copying it, where the file system can."""
    try:
        os.link(previous / name, target / name)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(previous / name, target / name)


def among(ids: NDArray[Number], wanted: NDArray[Number]) -> NDArray[np.bool_]:
    """For each of `ids` whether it is in the ascending `wanted`. Shape (len(ids),) bool."""
    if not len(wanted):
        return np.zeros(len(ids), dtype=np.bool_)
    places = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
    found: NDArray[np.bool_] = wanted[places] == ids
    return found
