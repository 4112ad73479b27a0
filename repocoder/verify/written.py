"""What a declaration says of a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """`how`: parameter | assigned | unbound (this function does not bind the name). `name`: of the class, dotted, ""
    where the declaration does not tell.
    """

    how: str
    name: str = ""
