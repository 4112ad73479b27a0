"""What the last completions cost, part by part, for the eye."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repocoder.types import Completion, Timings

REMEMBERED = 24

BARS = "▁▂▃▄▅▆▇█"

PARTS = ("gate", "retrieve", "prefill", "decode")


@dataclass(frozen=True, slots=True)
class Sample:
    """Milliseconds of one completion. `decode` is what the other parts leave of the total: of all passes."""

    gate: float
    retrieve: float
    prefill: float
    decode: float
    total: float
    tokens_s: float | None  # None where there were several passes, or nothing was written


class Latency:
    """The last completions, oldest first."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=REMEMBERED)

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(self._samples)

    def note(self, completion: Completion) -> None:
        self._samples.append(sample_of(completion))

    def line(self) -> str:
        """Totals as bars, the speed of the last one: "▂▃▇ 45 tokens/s"; "" before the first."""
        if not self._samples:
            return ""
        speeds = [sample.tokens_s for sample in self._samples if sample.tokens_s is not None]
        speed = f" {speeds[-1]:.0f} tokens/s" if speeds else ""
        return bars([sample.total for sample in self._samples][-12:]) + speed


def sample_of(completion: Completion) -> Sample:
    """The parts of one completion."""
    timings = completion.timings
    total = waited_ms(timings)
    decode = max(0.0, total - timings.gate_ms - timings.retrieve_ms - timings.prefill_ms)
    single = (
        not completion.known
        and len(completion.passes) == 1
        and completion.completion_tokens > 0
        and decode > 0
    )
    return Sample(
        timings.gate_ms,
        timings.retrieve_ms,
        timings.prefill_ms,
        decode,
        total,
        1000 * completion.completion_tokens / decode if single else None,
    )


def waited_ms(timings: Timings) -> float:
    """What a completion took. The index is made in the background here, however much of it the engine counts in."""
    return timings.total_ms - timings.index_ms


def bars(values: Sequence[float]) -> str:
    """A bar for each value, the highest being that of the largest."""
    top = max(values, default=0.0)
    if top <= 0:
        return BARS[0] * len(values)
    return "".join(BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] for value in values)
