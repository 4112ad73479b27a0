"""What decides how files are read: an index that was made with anything else is built anew.

The parsed facts follow from the program's own text (grammars' queries, extraction, chunker, masking, resolution) and
from the installed grammars. Digesting that text takes 2 ms and cannot be forgotten, as raising a number can.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

# Modules that only move, keep or show what the others make: a change of them needs no new index.
NEUTRAL = frozenset(
    {
        "adjacency", "bags", "build", "check", "delta", "derived", "disk", "errors", "events",
        "fingerprint", "generation", "graph", "ignore", "ipc", "lock", "look", "parse", "plan",
        "publish", "ranking", "reading", "recall", "rows", "schema", "seal", "snapshot", "spawn", "staging",
        "store", "unpacked", "update", "walk", "watch",
    }
)  # fmt: skip
_SUFFIXES = (".py", ".scm")
_INSTALLED = (".dist-info", ".egg-info")


@cache
def fingerprint() -> str:
    """32 hexadecimal digits, the same as long as the program and its grammars are."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\0".join(installed_grammars(sys.path)).encode("utf-8", "surrogateescape"))
    for name, data in program_texts(Path(__file__).parent):
        digest.update(f"\0{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def program_texts(folder: Path) -> list[tuple[str, bytes]]:
    """The files below the folder of the package that decide what the facts are, by their names."""
    places = [place for place in folder.rglob("*") if place.suffix in _SUFFIXES]
    return [
        (str(place.relative_to(folder)), place.read_bytes())
        for place in sorted(places)
        if not (place.parent == folder and place.stem in NEUTRAL and place.suffix == ".py")
    ]


def installed_grammars(folders: list[str]) -> list[str]:
    """Names with versions, as installers note them beside the packages ("tree_sitter_go-0.25.0.dist-info").

    Looking at names takes 0.2 ms; `importlib.metadata` reads a file for each and takes 20.
    """
    found: set[str] = set()
    for folder in filter(None, folders):
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        found.update(name for name in names if name.startswith("tree_sitter") and name.endswith(_INSTALLED))
    return sorted(found)
