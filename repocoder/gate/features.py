"""What is known of a hole and of what was found for it, before the model has read a word.

Retrieval takes some milliseconds and a token of a prompt half a millisecond to one, so what a gate saves are the
snippets' tokens: it looks at the snippets that were found, not only at the hole. Nothing here looks at the hole's text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from repocoder.memory.recall import Forecast
from retrieval.fuse import distance
from retrieval.retriever import Retrieved
from retrieval.types import Hit, Query

NEAR_BEFORE, NEAR_AFTER = 20, 5
"""Lines whose names are compared with a snippet's."""

CONSIDERED = 8  # best snippets that are looked at: what a prompt holds
FAR = 40  # lines above the hole from which on the file itself counts as a place to look things up

WORDS: dict[str, str] = {
    "definitions": "definitions of other files",
    "similar": "how much of what is near the cursor the most similar code covers",
    "similar_gap": "how far the most similar snippet is ahead of the second",
    "recent": "how much recently edited code covers",
    "line_names_shown": "names on the line that a snippet has",
    "near_names_shown": "names near the cursor that a snippet has",
    "best_jaccard": "names that the likest snippet shares",
    "new_names": "names in the snippets that the file does not have",
    "agreeing_files": "files found both as definitions and as similar code",
    "same_folder": "snippets of the same folder",
    "nearest": "how near the nearest snippet's folder is",
    "snippet_characters": "how long the snippets are",
    "lines_above": "how much of the file stands above",
    "suffix_characters": "how much of the file follows",
    "line_characters": "how much of the line is written",
    "after_dot": "the cursor follows a dot",
    "after_bracket": "the cursor follows an opening bracket or a comma",
    "after_equals": "the cursor follows an equals sign",
    "blank_line": "nothing is written on the line yet",
    "in_import": "the line is an import",
    "indent": "how deep the line is indented",
    "repeats_above": "names near the cursor that stand far above in the file too",
    "memory_length": "how long a context the repository has had before",
    "memory_share": "how unanimously the repository goes on there",
}
"""Each feature of a context, in words for a person."""

DRAFT_WORDS: dict[str, str] = {
    "draft_logprob": "how sure the draft is of itself",
    "draft_least": "the least sure word of the draft",
    "draft_first": "how sure the draft's first word is",
    "draft_margin": "how far the draft's first word is ahead of the second",
    "draft_entropy": "how many first words were likely",
    "draft_tokens": "how long the draft is",
    "draft_unknown": "names in the draft that the file does not have",
}
"""Each feature of a draft that was written without snippets (CARD, Zhang et al. 2025; TARG, Wang et al. 2025)."""

FEATURES = tuple(WORDS)
DRAFT_FEATURES = tuple(DRAFT_WORDS)

_NAME = re.compile(r"[^\W\d]\w+")
_IMPORT = re.compile(r"\s*(?:from|import|use|using|#include|require|package)\b")


def features_of(query: Query, found: Retrieved, foretold: Forecast | None = None) -> dict[str, float]:
    """One value for each of `FEATURES`; `foretold` is what the repository's memory says at the cursor."""
    hits = found.hits[found.pins : found.pins + CONSIDERED]
    above = query.prefix.split("\n")
    before, after = above[-1], query.suffix.partition("\n")[0]
    near = _names("\n".join([*above[-NEAR_BEFORE:], *query.suffix.split("\n")[:NEAR_AFTER]]))
    return {
        **_of_snippets(query, hits, near, _names(before + " " + after)),
        "lines_above": math.log1p(len(above) - 1),
        "suffix_characters": math.log1p(len(query.suffix.strip())),
        "line_characters": math.log1p(len(before.strip())),
        "after_dot": float(before.rstrip().endswith(".")),
        "after_bracket": float(before.rstrip().endswith(("(", "[", "{", ","))),
        "after_equals": float(before.rstrip().endswith("=")),
        "blank_line": float(not before.strip()),
        "in_import": float(_IMPORT.match(before) is not None),
        "indent": math.log1p(len(before.expandtabs()) - len(before.expandtabs().lstrip())),
        "repeats_above": len(near & _names("\n".join(above[:-FAR]))) / max(1, len(near)),
        "memory_length": 0.0 if foretold is None else math.log1p(foretold.length),
        "memory_share": 0.0 if foretold is None else foretold.shares[0],
    }


def draft_features(
    text: str, logprobs: Sequence[float], margin: float, entropy: float, known: str
) -> dict[str, float]:
    """One value for each of `DRAFT_FEATURES`. `margin` and `entropy` (nats) of the first token; `known`: the file's
    text, whose names are no news."""
    own = _names(text)
    return {
        "draft_logprob": sum(logprobs) / len(logprobs) if logprobs else 0.0,
        "draft_least": min(logprobs, default=0.0),
        "draft_first": logprobs[0] if logprobs else 0.0,
        "draft_margin": margin,
        "draft_entropy": entropy,
        "draft_tokens": math.log1p(len(logprobs)),
        "draft_unknown": len(own - _names(known)) / max(1, len(own)),
    }


def _of_snippets(query: Query, hits: Sequence[Hit], near: set[str], line: set[str]) -> Mapping[str, float]:
    shown = [_names(hit.text) for hit in hits]
    everything: set[str] = set().union(*shown)
    covers = {source: sorted(_scores(hits, source), reverse=True) for source in ("similar", "recent")}
    similar = [*covers["similar"], 0.0, 0.0]
    defined = [hit for hit in hits if _has(hit, "definitions") and hit.path != query.path]
    alike = {hit.path for hit in hits if _has(hit, "similar") or _has(hit, "recent")}
    folder = PurePosixPath(query.path).parent
    steps = [distance(query.path, hit.path) for hit in hits]
    return {
        "definitions": math.log1p(len(defined)),
        "similar": similar[0],
        "similar_gap": similar[0] - similar[1],
        "recent": max(covers["recent"], default=0.0),
        "line_names_shown": len(line & everything) / max(1, len(line)),
        "near_names_shown": len(near & everything) / max(1, len(near)),
        "best_jaccard": max((len(near & one) / max(1, len(near | one)) for one in shown), default=0.0),
        "new_names": math.log1p(len(everything - _names(query.prefix + query.suffix))),
        "agreeing_files": math.log1p(len({hit.path for hit in defined} & alike)),
        "same_folder": sum(PurePosixPath(hit.path).parent == folder for hit in hits) / max(1, len(hits)),
        "nearest": 1.0 / (1.0 + min(steps)) if steps else 0.0,
        "snippet_characters": math.log1p(sum(len(hit.text) for hit in hits)),
    }


def _scores(hits: Sequence[Hit], source: str) -> list[float]:
    return [one.score for hit in hits for one in hit.evidence if one.source == source]


def _has(hit: Hit, source: str) -> bool:
    return any(one.source == source for one in hit.evidence)


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text))
