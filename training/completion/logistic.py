"""The gate without a model: a logistic regression on what is known before anything is generated.

Nothing here looks at the hole's own text. The product's own features are in `repocoder.gate.features`; these are what a
training sample knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from training.completion.samples import Snippet
from training.completion.tasks import Task

NEAR_BEFORE, NEAR_AFTER = 20, 5  # lines whose names are compared with a snippet's

FEATURES = (
    "definitions", "similar", "free_gate", "best_jaccard", "mean_jaccard", "best_cover", "line_names_shown",
    "near_names_shown", "agreeing_files", "same_folder", "snippet_characters", "prefix_characters",
    "suffix_characters", "line_characters", "after_dot", "after_bracket", "blank_line",
)  # fmt: skip

_NAME = re.compile(r"[^\W\d]\w+")


def features(task: Task, *, right: bool) -> list[float]:
    """One value for each of `FEATURES`."""
    sample, hits = task.sample, task.sample.hits
    suffix = sample.suffix if right else ""
    before = sample.prefix[sample.prefix.rfind("\n") + 1 :]
    near = _names("\n".join([*sample.prefix.split("\n")[-NEAR_BEFORE:], *suffix.split("\n")[:NEAR_AFTER]]))
    shown = [_names(hit.text) for hit in hits]
    everything: set[str] = set().union(*shown)
    jaccards = [len(near & one) / max(1, len(near | one)) for one in shown]
    covers = [len(near & one) / max(1, len(near)) for one in shown]
    defined = {name for hit in hits if hit.is_definition for name in _names(hit.text)}
    return [
        float(sum(hit.is_definition for hit in hits)),
        float(sum(not hit.is_definition for hit in hits)),
        float(sample.gate),
        max(jaccards, default=0.0),
        sum(jaccards) / max(1, len(jaccards)),
        max(covers, default=0.0),
        float(len(_names(before) & defined)),
        len(near & everything) / max(1, len(near)),
        float(len(_paths(hits, definitions=True) & _paths(hits, definitions=False))),
        sum(_folder(hit.path) == _folder(sample.path) for hit in hits) / max(1, len(hits)),
        math.log1p(sum(len(hit.text) for hit in hits)),
        math.log1p(len(sample.prefix)),
        math.log1p(len(suffix)),
        math.log1p(len(before.strip())),
        float(before.rstrip().endswith(".")),
        float(before.rstrip().endswith(("(", "[", "{", ","))),
        float(not before.strip()),
    ]


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text))


def _paths(hits: Sequence[Snippet], *, definitions: bool) -> set[str]:
    return {hit.path for hit in hits if hit.is_definition == definitions}


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)
