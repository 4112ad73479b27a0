"""What a group of workers is to the one who hands out the tasks: processes of this machine, or actors of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.types import Task


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker of a slot has opened its sampler."""

    slot: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """The record of the task in hand, a line of JSON without its end."""

    slot: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The sampler cannot be opened, for a reason that a person has to remove."""

    slot: int
    exit_code: int
    message: str


@dataclass(frozen=True, slots=True)
class Died:
    """The worker is gone; nothing of the task in hand came back."""

    slot: int
    why: str


Event = Ready | Sampled | Refused | Died


class Crew(Protocol):
    """`slots` places for a worker, numbered from 0. A worker has at most one task in hand."""

    @property
    def slots(self) -> int: ...

    def start(self, slot: int) -> None:
        """Start the worker of a slot, in place of one that died. Answered by Ready, Refused or Died."""

    def give(self, slot: int, task: Task) -> None:
        """Hand a task to a worker that is ready. Answered by Sampled or Died."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """What happened; nothing if that is nothing for `timeout_s`."""

    def finish(self) -> None:
        """Let the workers, none of which has a task, end what their samplers have opened."""

    def close(self) -> None:
        """End all workers now, whatever they do. May be called again."""
