"""What became of every candidate of one query, for `explain`. A retrieval that nobody asks to explain makes none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from retrieval.types import Considered, Hit

Key = tuple[str, int, int]


class Trace:
    """Collects candidates and their features while a query is answered. Not for two threads."""

    def __init__(self) -> None:
        self.dropped: list[Considered] = []
        self._features: dict[Key, dict[str, float]] = {}

    def note(self, hit: Hit, features: Mapping[str, float]) -> None:
        """Features of a candidate, beside those that are known."""
        self._features.setdefault(key(hit), {}).update(features)

    def drop(self, hit: Hit, stage: str, why: str) -> None:
        """A candidate that goes no further. See `Considered.stage`."""
        self.dropped.append(Considered(hit, stage, why))

    def merge(self, hit: Hit, shown: Hit) -> None:
        """`shown` has the text of `hit`: what is known of the one holds for the other."""
        if key(hit) != key(shown):
            self.note(shown, self._features.get(key(hit), {}))
            where = f"{shown.path}:{shown.start_line}-{shown.end_line}"
            self.drop(hit, "same-text", f"{where} shows the same text, with this evidence")

    def all(self, kept: Sequence[Hit]) -> tuple[Considered, ...]:
        """`kept` in their order, then what was dropped as it was dropped; each with its features."""
        found = [Considered(hit, "kept", told(hit)) for hit in kept]
        return tuple(
            replace(one, features=dict(self._features.get(key(one.hit), {})))
            for one in (*found, *_once(self.dropped))
        )


def key(hit: Hit) -> Key:
    """What tells the hits of one answer apart."""
    return hit.path, hit.start_line, hit.end_line


def told(hit: Hit) -> str:
    """Why a hit was kept: what its channels say."""
    return "; ".join(dict.fromkeys(evidence.why for evidence in hit.evidence))


def _once(dropped: Iterable[Considered]) -> list[Considered]:
    """Each place once for a channel: the first word about it counts."""
    return list(
        {(key(one.hit), one.hit.evidence[0].source): one for one in reversed(list(dropped))}.values()
    )[::-1]
