"""Hands out the tasks by whole repositories, and outlives the workers that die on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from eval.run.crew import Crew, Died, Event, Ready, Refused, Sampled
from eval.run.recipe import encode_record, failed_record
from eval.types import Task
from repocoder.errors import (
    IndexFailedError,
    LockedError,
    ModelError,
    RepocoderError,
    StorageError,
    UsageError,
    WorkerError,
)

TICK_S = 0.5
"""The caller hears from us at least this often: to show progress, and to bring lines to the disk."""

MAX_TRIES = 2  # a task that was in hand when a worker died gets one more chance
MAX_DEATHS = 3  # of a slot's workers in a row, without a sample between them
MIN_SPLIT = 16  # tasks left of a repository that are worth opening its index a second time

_BY_EXIT_CODE: dict[int, type[RepocoderError]] = {
    kind.exit_code: kind
    for kind in (UsageError, IndexFailedError, ModelError, LockedError, StorageError, WorkerError)
}


@dataclass(slots=True)
class _Slot:
    """What a worker does, and what it is to do."""

    started: bool = False
    is_ready: bool = False
    queue: deque[Task] = field(default_factory=deque)  # of one repository
    in_hand: Task | None = None
    tries: int = 0  # of the task in hand
    deaths: int = 0  # since its last sample
    is_warm: bool = False  # has made a sample of this repository: its index exists


class Dispatch:
    """One run over groups of tasks. Iterate `lines` once; the crew is closed by who made it."""

    def __init__(self, crew: Crew, groups: Iterable[Sequence[Task]], method: str) -> None:
        self._crew = crew
        self._groups = deque(deque(group) for group in groups if group)
        self._method = method
        self._slots = [_Slot() for _ in range(crew.slots)]

    def lines(self) -> Iterator[list[bytes]]:
        """Records as they come in, a line of JSON each; an empty list at least every `TICK_S`.

        Raises WorkerError if workers die again and again, and what a worker says if it cannot open its sampler.
        """
        while self._hand_out():
            yield [line for event in self._crew.wait(TICK_S) for line in self._take(event)]

    def _hand_out(self) -> bool:
        """Give every free worker a task; False if all is done."""
        for number, slot in enumerate(self._slots):
            if slot.in_hand is not None:
                continue
            if not slot.queue and not self._refill(slot):
                continue
            if not slot.started:
                slot.started = True
                self._crew.start(number)
            elif slot.is_ready:
                self._give(number, slot.queue.popleft(), tries=1)
        return any(slot.queue or slot.in_hand is not None for slot in self._slots)

    def _refill(self, slot: _Slot) -> bool:
        """The next repository, or, where none is left, half of what another worker has before it."""
        slot.is_warm = False
        if self._groups:
            slot.queue = self._groups.popleft()
            return True
        longest = max(
            (other for other in self._slots if other.is_warm),
            key=lambda other: len(other.queue),
            default=None,
        )
        if longest is None or len(longest.queue) < MIN_SPLIT:
            return False
        slot.queue.extendleft(longest.queue.pop() for _ in range(len(longest.queue) // 2))
        return True

    def _give(self, number: int, task: Task, tries: int) -> None:
        slot = self._slots[number]
        slot.in_hand, slot.tries = task, tries
        self._crew.give(number, task)

    def _take(self, event: Event) -> list[bytes]:
        """What an event means; the records that it brings."""
        slot = self._slots[event.slot]
        match event:
            case Ready():
                slot.is_ready = True
                if slot.in_hand is not None:  # it died with the last worker
                    self._give(event.slot, slot.in_hand, slot.tries)
                return []
            case Sampled():
                slot.in_hand, slot.deaths, slot.is_warm = None, 0, True
                return [event.line]
            case Refused():
                raise _BY_EXIT_CODE.get(event.exit_code, RepocoderError)(event.message)
            case Died():
                return self._bury(event)

    def _bury(self, event: Died) -> list[bytes]:
        slot = self._slots[event.slot]
        was_ready, slot.is_ready = slot.is_ready, False
        slot.deaths += 1
        if slot.deaths > MAX_DEATHS:
            raise WorkerError(
                f"evaluation worker: died {slot.deaths} times in a row ({event.why}): what is done is kept, "
                "go on with --resume and fewer --workers"
            )
        lines = []
        if slot.in_hand is not None and was_ready:
            slot.tries += 1
            if slot.tries > MAX_TRIES:
                why = f"worker process: died {MAX_TRIES} times on this task ({event.why})"
                lines.append(encode_record(failed_record(slot.in_hand, self._method, why)))
                slot.in_hand = None
        slot.started = slot.in_hand is not None  # else with its next task, if there is one
        if slot.started:
            self._crew.start(event.slot)
        return lines
