"""Words for what the engine says in names: why a completion ended, why there is none, what a channel is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repocoder.types import Completion

STOPS = {
    "end": "the model said that it was done",
    "length": "the limit of new tokens was reached",
    "cancelled": "it was cancelled",
    "indent": "the block ended",
    "suffix": "what follows the cursor began",
    "line": "the line was complete",
    "repetition": "the model began to repeat itself",
    "empty": "the model wrote nothing that fits here",
}

CHANNELS = {
    "definitions": "names",
    "similar": "similar",
    "dense": "alike in meaning",
    "pinned": "pinned",
    "recent": "edited lately",
    "symbols": "name",
    "lexical": "words",
}


def stop_in_words(stop_reason: str) -> str:
    """Why a completion ended, as a clause."""
    return STOPS.get(stop_reason, stop_reason)


def channel_in_words(source: str) -> str:
    """The channel that found a snippet, as a word before its reason."""
    return CHANNELS.get(source, source)


def why_nothing(completion: Completion) -> str:
    """Why there is no text: the answer to "why did I get nothing?", never empty."""
    why = [stop_in_words(completion.stop_reason)]
    if completion.completion_tokens:
        why.append(f"its {completion.completion_tokens} tokens were cut")
    elif completion.stop_reason == "empty":
        why.append("it ended at once: before it, it saw the place as complete")
    why += [note for note in completion.notes if note not in why]
    if completion.prompt.prefix_tokens + completion.prompt.suffix_tokens == 0:
        why.append("the file is empty: there is nothing to go on from")
    return "; ".join(why)
