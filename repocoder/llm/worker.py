"""The model worker: a child process, and the only place where llama.cpp is loaded.

One thread owns llama.cpp and carries out orders in turn. A second one only reads messages: it notes a cancel
in a number, which the owner looks at between two tokens, and interrupts llama.cpp between two nodes of its graph.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from indexer.ipc import Channel, connect
from repocoder.llm.messages import (
    Cancel,
    Detokenize,
    Detokenized,
    Done,
    Failed,
    Generate,
    Load,
    Order,
    Prefilled,
    Reply,
    Score,
    Scored,
    Tokenize,
    Tokenized,
)

if TYPE_CHECKING:
    from repocoder.llm.remembering import Remembering, Segments
    from repocoder.llm.runtime import Model

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000"}
"""How llama.cpp's threads wait for each other, some hundred times a call: they look a few microseconds long, then
sleep. Threads that only spin make it 50 times slower where other processes, our own too, use the cores. Threads that
sleep at once need 3.9 ms for two tokens (7 M parameters), one thread alone 1.7, these 1.1; with the cores full of other
work all but the first are equal. The user's own settings come first."""

Send = Callable[[Reply], None]


class Orders:
    """The orders of the parent, and the number up to which generation is cancelled."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._cancelled = 0
        self.interrupt: Callable[[], None] = lambda: None  # called after a cancel was noted
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def next(self) -> Order:
        return self._waiting.get()

    def is_cancelled(self, number: int) -> bool:
        return number <= self._cancelled

    def _read(self) -> None:
        decoder = msgspec.msgpack.Decoder(Order)
        while (body := self._channel.recv_bytes()) is not None:
            order = decoder.decode(body)
            if isinstance(order, Cancel):
                self._cancelled = max(self._cancelled, order.number)
                self.interrupt()
            else:
                self._waiting.put(order)
        os._exit(0)  # the parent is gone, and llama.cpp may be in the middle of a long computation


def main() -> None:
    """Serve until the parent closes the stream."""
    channel = connect()
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    from repocoder.llm.remembering import Segments
    from repocoder.llm.runtime import Model, RuntimeFailedError

    orders = Orders(channel)
    model: Model | None = None
    segments = Segments()
    while True:
        order = orders.next()
        try:
            if isinstance(order, Load):
                model = Model(order.path, max_ctx=order.max_ctx, threads=order.threads)
                orders.interrupt = model.interrupt
                channel.send(model.facts)
            elif model is not None:
                _carry_out(order, model, segments, orders, channel.send)
        except RuntimeFailedError as error:
            channel.send(Failed(str(error)))


def _carry_out(order: Order, model: Model, segments: Segments, orders: Orders, send: Send) -> None:
    if isinstance(order, Tokenize):
        send(Tokenized([model.tokenize(text) for text in order.texts]))
    elif isinstance(order, Detokenize):
        send(Detokenized(model.detokenize(order.token_ids)))
    elif isinstance(order, Generate):
        send(_generate(order, model, segments, lambda: orders.is_cancelled(order.number), send))
    elif isinstance(order, Score):
        send(_score(order, model, segments, lambda: orders.is_cancelled(order.number), send))


def _generate(
    order: Generate, model: Model, segments: Segments, is_cancelled: Callable[[], bool], send: Send
) -> Done:
    """Prefill, then write; every token is sent as it is chosen."""
    from repocoder.llm.decoding import Writer

    if not _prefill(order, model, is_cancelled, send):
        return Done(order.number, "cancelled")
    memory = _memory(order, model, segments)
    return Writer(order, model, memory, is_cancelled).write(send)


def _memory(order: Generate | Score, model: Model, segments: Segments) -> Remembering | None:
    from repocoder.llm.remembering import Remembering
    from repocoder.memory.healing import Reader

    if order.memory is None:
        return None
    size = model.facts.n_vocab  # which is the id that stands between two texts
    reader = Reader(lambda token: model.piece(token) if token < size else b"", model.tokenize)
    return Remembering(order.memory, segments, size, order.end_ids, reader)


def _score(
    order: Score, model: Model, segments: Segments, is_cancelled: Callable[[], bool], send: Send
) -> Done:
    """Prefill as for `Generate`, then decode the continuation in batches, each with all of its logits.

    The last token of the prompt foretells the first one of the continuation, and so on: the last one of the
    continuation need not be decoded, except that no call takes a single token.
    """
    truth = order.continuation
    model.check_continuation(len(order.token_ids), truth)
    if not _prefill(order, model, is_cancelled, send):
        return Done(order.number, "cancelled")
    memory = _memory(order, model, segments)
    send(_scored(order, model, memory, truth[:1], 1))
    for start in range(0, len(truth) - 1, model.score_tokens):
        end = min(start + model.score_tokens, len(truth) - 1)
        batch = truth[start : max(end, start + 2)]
        if is_cancelled() or not model.decode(batch, is_cancelled, n_logits=len(batch)):
            return Done(order.number, "cancelled")
        send(_scored(order, model, memory, truth[start + 1 : end + 1], len(batch)))
    return Done(order.number, "scored")


def _scored(
    order: Score, model: Model, memory: Remembering | None, truth: Sequence[int], n_logits: int
) -> Scored:
    """The log-probabilities of these tokens, one at each position from the first of the last call's on."""
    if memory is None:
        return Scored(order.number, model.logprobs(truth, n_logits))
    logprobs: list[float] = []
    rows: list[list[float]] = []
    for row, token_id in enumerate(truth):
        logits = model.logits(row - n_logits)
        if order.with_rows:
            rows.append(memory.row(logits, token_id))
        if memory.is_mixed:
            logprobs.append(memory.logprob(logits, token_id))
        memory.follow(token_id)
    return Scored(order.number, logprobs if memory.is_mixed else model.logprobs(truth, n_logits), rows)


def _prefill(order: Generate | Score, model: Model, is_cancelled: Callable[[], bool], send: Send) -> bool:
    """Run the model on what of the prompt is not in its cache; False if cancelled."""
    started = time.monotonic()
    reused = model.reuse(order.token_ids)
    for batch in model.batches(order.token_ids):
        if is_cancelled() or not model.decode(batch, is_cancelled):
            return False
        send(Prefilled(order.number, (time.monotonic() - started) * 1000, reused))
    return True


if __name__ == "__main__":
    main()
