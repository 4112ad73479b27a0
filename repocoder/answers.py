"""Answers that are known already: of the same place, and of a place that what was typed since leads to from there.

Greedy text is a function of everything that the request depends on. Whoever types the first characters of it is at a
place whose answer is its rest. So an answer is found by everything but the text before the cursor, and that must be
what the answer was made for, or go on as the answer does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

from repocoder.buffer import Buffer
from repocoder.types import Completion, PassReport, Timings

MOST_ANSWERS = 64
MOST_CHARACTERS = 4 << 20
"""Of the texts before the cursor, together: a file of a thousand lines has 40,000."""

MOST_SECONDS = 600.0
"""An answer counts so long. Which files are recent changes with the time alone, and with them what is retrieved."""

KNOWN_NOTE = "known: an earlier answer begins with what was typed"


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer. `context`: digest of all that it depends on but the text before the cursor."""

    context: bytes
    before: str
    completion: Completion
    until: float


class Answers:
    """The last answers of one engine. One thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._answers: OrderedDict[tuple[bytes, bytes], _Answer] = OrderedDict()
        self._characters = 0
        self._clock = clock

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, context: tuple[object, ...], before: str, completion: Completion) -> None:
        """Keep an answer; one that was cancelled is none."""
        if completion.stop_reason == "cancelled" or len(before) > MOST_CHARACTERS:
            return
        digest = _digest(context)
        key = (digest, _digest((before,)))
        self._drop(key)
        self._answers[key] = _Answer(digest, before, completion, self._clock() + MOST_SECONDS)
        self._characters += len(before)
        while len(self._answers) > MOST_ANSWERS or self._characters > MOST_CHARACTERS:
            self._drop(next(iter(self._answers)))

    def find(self, context: tuple[object, ...], before: str) -> tuple[Completion, str] | None:
        """The newest answer that holds here, and what of its text was typed since ("" at its own place)."""
        digest, now = _digest(context), self._clock()
        for key, answer in reversed(self._answers.items()):
            if answer.context != digest or answer.until < now or not before.startswith(answer.before):
                continue
            typed, text = before[len(answer.before) :], answer.completion.text
            if not typed or (text.startswith(typed) and text[len(typed) :].strip()):
                self._answers.move_to_end(key)
                return answer.completion, typed
        return None

    def _drop(self, key: tuple[bytes, bytes]) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._characters -= len(answer.before)


def rest_of(completion: Completion, typed: str, buffer: Buffer, milliseconds: float) -> Completion:
    """A known answer as the answer for a buffer in which its beginning, `typed`, stands already."""
    text = completion.text[len(typed) :]
    passes = tuple(_cut(report, typed) for report in completion.passes if report.text.startswith(typed))
    return replace(
        completion,
        text=text,
        line=buffer.line,
        column=buffer.column,
        passes=passes,
        timings=Timings(first_token_ms=milliseconds, total_ms=milliseconds),
        base_sha256=buffer.sha256,
        notes=(*(note for note in completion.notes if note != KNOWN_NOTE), KNOWN_NOTE),
        origins=tuple(origin for origin in completion.origins if origin.text in text),
        known=True,
    )


def _cut(report: PassReport, typed: str) -> PassReport:
    return replace(report, text=report.text[len(typed) :])


def _digest(parts: tuple[object, ...]) -> bytes:
    """Of values whose `repr` tells them apart: texts, numbers, and tuples and dataclasses of them."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
