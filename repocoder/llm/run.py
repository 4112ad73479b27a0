"""One call of `generate`, as the engine's process sees it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from repocoder.llm.generator import Generated, GenerateRequest, OnText
from repocoder.llm.messages import Piece, Prefilled, Reply


class Either(threading.Event):
    """Set when the caller's event is, or when the generator closes."""

    def __init__(self, first: threading.Event | None, second: threading.Event) -> None:
        super().__init__()
        self._first, self._second = first, second

    def is_set(self) -> bool:
        return self._second.is_set() or (self._first is not None and self._first.is_set())


@dataclass(slots=True)
class Run:
    """What one call of `generate` has seen so far."""

    request: GenerateRequest
    on_text: OnText | None
    cancel: threading.Event
    started: float = field(default_factory=time.monotonic)
    pieces: list[Piece] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    shown: str = ""
    first_token_ms: float = 0.0
    prefill_ms: float = 0.0
    reused_tokens: int = 0

    def reset(self) -> None:
        self.pieces, self.ends, self.shown, self.first_token_ms = [], [], "", 0.0
        if self.request.stop is not None:
            self.request.stop.reset()

    def take(self, reply: Reply) -> str | None:
        """Note what the worker says; the reason to stop, if the rule has one."""
        if isinstance(reply, Prefilled):
            self.prefill_ms, self.reused_tokens = reply.milliseconds, reply.reused_tokens
        return self._take_piece(reply) if isinstance(reply, Piece) else None

    def _take_piece(self, piece: Piece) -> str | None:
        if not self.pieces:
            self.first_token_ms = _since(self.started)
        self.pieces.append(piece)
        self.ends.append((self.ends[-1] if self.ends else 0) + len(piece.text))
        if not piece.text:
            return None
        if self.request.stop is None:
            text, reason = self.shown + piece.text, None
        else:
            fed = self.request.stop.feed(piece.text)
            text, reason = fed.text, fed.stop
        if text != self.shown and self.on_text is not None:
            self.on_text(text)
        self.shown = text
        return reason

    def result(self, reason: str) -> Generated:
        doubt = (self.pieces[0].doubt if self.pieces else []) or [0.0, 0.0]
        return Generated(
            text="".join(piece.text for piece in self.pieces),
            token_ids=tuple(piece.token_id for piece in self.pieces),
            token_logprobs=tuple(piece.logprob for piece in self.pieces),
            token_ends=tuple(self.ends),
            stop_reason=reason,
            prefill_ms=self.prefill_ms,
            first_token_ms=self.first_token_ms,
            total_ms=_since(self.started),
            reused_tokens=self.reused_tokens,
            sources=tuple(piece.source for piece in self.pieces),
            margin=doubt[0],
            entropy=doubt[1],
            typed_tokens=sum(piece.is_typed for piece in self.pieces),
        )


def _since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000
