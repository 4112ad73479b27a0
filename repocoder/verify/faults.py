"""What a check finds wrong."""

from __future__ import annotations

from dataclasses import dataclass

NAMES, MEMBERS, ARITY = "known-names", "known-members", "arity"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a completion uses and that is not so. `path` and `qualname`: the definition that tells better."""

    check: str  # known-names | known-members | arity
    name: str  # as written: "frobnicate", "vocab.lookpu", "Parser"
    detail: str  # in words: "`Vocab` has no `lookpu`"
    path: str = ""  # "" where there is no such definition
    qualname: str = ""
    start: int = 0  # where in the file, 0-based characters: of the name, of a member the last part
    instead: tuple[
        str, ...
    ] = ()  # names that are there, those most like it first; () where that is not known

    @property
    def word(self) -> str:
        """The part of the name that is wrong: it begins at `start`."""
        return self.name.rpartition(".")[2]
