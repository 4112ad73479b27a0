"""What `/v1/completions` answers: text with the log-probabilities of its tokens, in the two forms that there are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any


class MalformedError(Exception):
    """Not the answer of such a server; the text says what is wrong, in words of the server where it has some."""


@dataclass(slots=True)
class Written:
    """What came so far. `ends` and `logprobs` have an entry for each token whose log-probability was given."""

    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # characters of `text` after each token
    finish: str | None = None
    cached_tokens: int = 0

    def add(self, event: Any) -> str:
        """Take an event of the stream, or the whole answer; the text that is new. MalformedError."""
        choice = choice_of(event)
        if choice is None:
            self._take_usage(event)
            return ""
        text = choice.get("text")
        if not isinstance(text, str):
            raise MalformedError("an answer without text")
        pieces, logprobs = tokens_of(choice.get("logprobs"))
        start = len(self.text)
        self.text += text
        ends = [min(start + length, len(self.text)) for length in accumulate(map(len, pieces))]
        self.ends += [*ends[:-1], len(self.text)] if ends else []
        self.logprobs += logprobs
        finish = choice.get("finish_reason")
        self.finish = finish if isinstance(finish, str) else self.finish
        self._take_usage(event)
        return text

    def drop_end_token(self) -> None:
        """The token that ended it counts for some servers; it has no text."""
        before = self.ends[-2] if len(self.ends) > 1 else 0
        if self.finish == "stop" and self.ends and self.ends[-1] == before:
            del self.ends[-1], self.logprobs[-1]

    def _take_usage(self, event: dict[str, Any]) -> None:
        usage = event.get("usage")
        details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
        cached = details.get("cached_tokens") if isinstance(details, dict) else None
        self.cached_tokens = cached if isinstance(cached, int) else self.cached_tokens


def choice_of(event: Any) -> dict[str, Any] | None:
    """The one choice of an answer, None in an event that has none. MalformedError, also for an error it tells."""
    if not isinstance(event, dict):
        raise MalformedError("an answer that is no object")
    error = event.get("error")
    if error is not None:
        said = error.get("message") if isinstance(error, dict) else error
        raise MalformedError(said if isinstance(said, str) else "an error without words")
    choices = event.get("choices")
    if not isinstance(choices, list):
        raise MalformedError("an answer without choices")
    if not choices:
        return None
    if not isinstance(choices[0], dict):
        raise MalformedError("a choice that is no object")
    return choices[0]


def tokens_of(logprobs: Any) -> tuple[list[str], list[float]]:
    """Texts of the tokens and their log-probabilities: OpenAI's lists, or the entries of llama-server; else none."""
    if not isinstance(logprobs, dict):
        return [], []
    entries = logprobs.get("content")
    if isinstance(entries, list):
        rows = [entry if isinstance(entry, dict) else {} for entry in entries]
        pieces = [row.get("token") for row in rows]
        values = [row.get("logprob") for row in rows]
    else:
        pieces, values = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    if not isinstance(pieces, list) or not isinstance(values, list) or len(pieces) != len(values):
        raise MalformedError("log-probabilities that do not fit their tokens")
    return [piece if isinstance(piece, str) else "" for piece in pieces], [number(value) for value in values]


def number(value: Any) -> float:
    """A log-probability. MalformedError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise MalformedError("a log-probability that is no number")
