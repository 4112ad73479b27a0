"""A draft that names what is not there, mended: the likeliest name that is there, and on from it.

The checks know what can stand in the place of a wrong name (`Fault.instead`): the members of the class, the names that
are bound. Each is scored by the model as it would go on from the draft's sound beginning, the likeliest is taken, and
the model writes the rest anew. Monitor-guided decoding (Agrawal et al., NeurIPS 2023) has the model choose among the
members while it writes, by masking its tokens; here nothing is masked, so that a draft without faults costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from repocoder.llm.generator import Fed, Generated, GenerateRequest, Generator, StopRule
from repocoder.llm.messages import Remember
from repocoder.types import Prompt
from repocoder.verify import MEMBERS, NAMES, Fault
from retrieval.types import Query


@dataclass(frozen=True, slots=True)
class Gap:
    """The place of a wrong name in a draft."""

    head: str  # of the draft, as far as it is sound
    names: tuple[str, ...]  # what may come next, as far as it is not typed yet
    after: str  # the character that followed the wrong name, "" at the end


@dataclass(frozen=True, slots=True)
class Mended:
    """The draft's text from its beginning, and what the model wrote of it."""

    text: str
    written: Generated


def gap_of(query: Query, text: str, faults: Sequence[Fault]) -> Gap | None:
    """The first wrong name of a draft for which another is known, None if there is none."""
    begin = len(query.prefix)
    for fault in faults:
        if fault.check not in (NAMES, MEMBERS) or not fault.instead:
            continue
        at = fault.start - begin
        typed = query.prefix[fault.start :] if at < 0 else ""
        end = at + len(fault.word)
        if end <= 0 or end > len(text):
            continue  # it does not stand in the draft
        rests = [name[len(typed) :] for name in fault.instead if name.startswith(typed)]
        names = tuple(rest for rest in rests if rest)
        if names:
            return Gap(text[: max(at, 0)], names, text[end : end + 1])
    return None


def mend(
    gap: Gap,
    prompt: Prompt,
    generator: Generator,
    *,
    stop: StopRule,
    max_tokens: int,
    memory: Callable[[str], Remember | None],
    cancel: threading.Event,
) -> Mended | None:
    """Fill the gap with its likeliest name and go on. `memory`: what the repository says after the prompt and a text.

    None if there is no room, or if it is cancelled. Raises ModelError, WorkerError.
    """
    room = generator.vocab.n_ctx - len(prompt.token_ids)
    name = likeliest(gap, prompt, generator, room, memory, cancel)
    if name is None:
        return None
    seed = gap.head + name
    ids = generator.tokenize(prompt.typed + seed)
    left = min(max_tokens, room) - len(ids)
    if left <= 0:
        return None
    rule = _Seeded(stop, seed)
    order = GenerateRequest((*prompt.token_ids, *ids), left, rule, memory=memory(prompt.typed + seed))
    written = generator.generate(order, None, cancel)
    return Mended(seed + written.text, written)


def likeliest(
    gap: Gap,
    prompt: Prompt,
    generator: Generator,
    room: int,
    memory: Callable[[str], Remember | None],
    cancel: threading.Event,
) -> str | None:
    """The name that the model finds likeliest between the head and what followed; None if cancelled or too long."""
    if len(gap.names) == 1 or not generator.can_score:
        return gap.names[0]
    head = prompt.typed + gap.head
    texts = generator.tokenize_many([head + name + gap.after for name in gap.names])
    columns = zip(*texts, strict=False)
    shared = min(
        sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns)), min(map(len, texts)) - 1
    )
    start = (*prompt.token_ids, *texts[0][:shared])
    remembered = memory(generator.detokenize(texts[0][:shared]))
    best: tuple[float, str] | None = None
    for name, ids in zip(gap.names, texts, strict=True):
        if len(ids) >= room:
            continue
        values = generator.score(start, ids[shared:], cancel, memory=remembered)
        if not values:
            return None
        if best is None or sum(values) > best[0]:
            best = (sum(values), name)
    return best[1] if best is not None else None


class _Seeded:
    """A stop rule that has seen the beginning of the text already."""

    def __init__(self, rule: StopRule, seed: str) -> None:
        self._rule, self._seed = rule, seed
        self.reset()

    def reset(self) -> None:
        self._rule.reset()
        self._rule.feed(self._seed)

    def feed(self, piece: str) -> Fed:
        return self._rule.feed(piece)
