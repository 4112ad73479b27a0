"""What the engine's retrieval is without one of its parts: each a name, and the settings that switch the part off.

`repocoder eval run --without NAME` (and `eval retrieval`) measures it on the same tasks as the whole. A part is a
channel, or a constant of `retrieval` that decides something; `without` puts it out of action for as long as its context
lasts, in this process: so a run has its workers for itself.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from retrieval.neighbors import WEIGHTS

Change = tuple[str, str, Callable[[Any], Any]]
"""Module, constant, what it becomes without the part."""

NEVER = 2.0
"""As a share: more than all of it."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """A part of the engine that can be left out."""

    name: str
    says: str  # what is missing without it
    changes: tuple[Change, ...] = ()
    channel: str = ""  # of the engine; "" where constants decide

    @property
    def group(self) -> str:
        """`definitions` for `definitions.near`; "" for what stands alone."""
        return self.name.rpartition(".")[0]


def _to(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _fuse(name: str, says: str, constant: str, value: Any) -> Ablation:
    return Ablation(f"fusion.{name}", says, (("retrieval.fuse", constant, _to(value)),))


def _lexical(name: str, says: str, constant: str, value: Any) -> Ablation:
    return Ablation(f"query.{name}", says, (("retrieval.lexical", constant, _to(value)),))


def _feature(name: str) -> Ablation:
    """A definition whose feature of that name speaks neither for nor against it."""
    says = f"the feature `{name}` of definitions weighs nothing"

    def mute(weights: Mapping[str, float]) -> Mapping[str, float]:
        return {**weights, name: 0.0}

    return Ablation(
        f"definitions.{name.replace('_', '-')}", says, (("retrieval.neighbors", "WEIGHTS", mute),)
    )


ABLATIONS: dict[str, Ablation] = {
    one.name: one
    for one in (
        Ablation("definitions", "no definitions of the names near the hole", channel="definitions"),
        Ablation("similar", "no code like that around the hole", channel="similar"),
        _fuse("weights", "the first ranks of all channels are worth the same", "CHANNEL_WEIGHTS", {}),
        _fuse("nearness", "files of the same directory are not preferred", "NEARNESS_BONUS", 0.0),
        _fuse("imported", "files that are imported are not preferred", "IMPORTED_BONUS", 0.0),
        _fuse("side", "tests and examples count as much as other code", "SIDE_PENALTY", 1.0),
        _fuse("file-cap", "a file may fill the prompt", "MAX_PER_FILE", math.inf),
        _fuse("same-text", "snippets that share their text are all shown", "SAME_TEXT_SHARE", NEVER),
        Ablation(
            "fusion.threshold",
            "similar code is shown however little it is like the hole",
            (("retrieval.retriever", "SIMILAR_THRESHOLD", _to(0.0)),),
        ),
        _lexical("decay", "lines far above the hole count as much as near ones", "DECAY_BEFORE", 1.0),
        _lexical("signature", "the enclosing signature is not asked for", "SIGNATURE_WEIGHT", 0.0),
        _lexical(
            "ceiling", "a term of many lines counts as often as it stands there", "MAX_WEIGHT", math.inf
        ),
        _lexical("rare-terms", "all terms are asked for, not the 48 that say most", "MAX_TERMS", 10**6),
        Ablation(
            "windows.continuation",
            "the match itself is shown, not what follows it",
            (("retrieval.snippet", "LEAD", _to(6)), ("retrieval.snippet", "FOLLOW", _to(6))),
        ),
        Ablation(
            "windows.small",
            "25 lines are shown of a match, not 13",
            (("retrieval.snippet", "LEAD", _to(8)), ("retrieval.snippet", "FOLLOW", _to(16))),
        ),
        Ablation(
            "windows.alignment",
            "a match is aligned by the last line before the hole alone",
            (("retrieval.snippet", "COMPARED", _to(1)),),
        ),
        Ablation(
            "definitions.further",
            "the types in the signatures of definitions are not followed",
            (("retrieval.candidates", "MAX_HOP_FROM", _to(0)),),
        ),
        *map(_feature, WEIGHTS),
        Ablation(
            "loop.checks",
            "a draft is not checked, so nothing is done about wrong names",
            (("repocoder.verify", "faults", _to(lambda *_: ())),),
        ),
        Ablation("loop.mending", "a wrong name stays in the draft", (("repocoder.loop", "MENDS", _to(0)),)),
    )
}


def channels_without(channels: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The channels that are left."""
    gone = {ABLATIONS[name].channel for name in names}
    return tuple(channel for channel in channels if channel not in gone)


@contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
    """Constants of the engine as they are without these parts, until the end of the context."""
    with ExitStack() as stack:
        for name in names:
            for place, constant, change in ABLATIONS[name].changes:
                module = importlib.import_module(place)
                stack.enter_context(patch.object(module, constant, change(getattr(module, constant))))
        yield
