"""The logistic gate of one repository: holes, labels, weights, and whether these are worth having.

What is labelled is kept, so that a run that was ended goes on where it was. Weights are written only if they are better
than the free rule on holes that they were not fitted on.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repocoder.errors import UsageError
from repocoder.gate.fitting import LEAST_HOLES, figures_of, fit_gate, out_of_sample, table_of, why_refused
from repocoder.gate.holes import Hole, draw_holes
from repocoder.gate.journal import Journal
from repocoder.gate.labels import Label, Subject, label
from repocoder.gate.weights import (
    Made,
    Weights,
    drop_weights,
    keep_weights,
    memory_of,
    weights_of,
)
from repocoder.types import ModelInfo

if TYPE_CHECKING:
    from repocoder.engine import Engine

LABELS_FORMAT = 1
"""Changes whenever holes, prompts or features do: labels of another form are made again."""

OnLabel = Callable[[int, int, float], None]
"""Holes labelled, holes in all, seconds left."""


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    holes: int = 300
    seed: int = 0
    limit_s: float | None = None  # for labelling; what is there by then is fitted


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came of it. `refused` says why nothing was written, None if `path` has the weights."""

    weights: Weights
    labelled: int
    wanted: int
    made: int  # of these, labelled by this run
    seconds: float
    refused: str | None
    path: Path | None


def calibrate(
    engine: Engine,
    options: CalibrationOptions,
    *,
    on_label: OnLabel | None = None,
    cancel: threading.Event | None = None,
) -> Calibration:
    """Label holes of the engine's repository, fit weights, and keep them if they are worth it.

    Setting `cancel` ends it early as `limit_s` does. Raises UsageError where there are too few holes, ModelError,
    WorkerError, StorageError.
    """
    started = time.monotonic()
    labels, wanted, made = label_holes(engine, options, on_label=on_label, cancel=cancel)
    groups = [one.path for one in labels]
    told = Made([engine.root.name], [commit_of(engine.root)], len(labels), options.seed, _today(), 0.0)
    weights = weigh(labels, groups, engine.model_info(), engine.settings.memory, told)
    refused = why_refused(weights.figures)
    if refused is None:
        path = keep_weights(engine.directory, weights)
    else:
        path = None
        drop_weights(engine.directory, weights)  # of an earlier run, that knew no more than this one
    return Calibration(weights, len(labels), wanted, made, time.monotonic() - started, refused, path)


def label_holes(
    engine: Engine,
    options: CalibrationOptions,
    *,
    on_label: OnLabel | None = None,
    cancel: threading.Event | None = None,
) -> tuple[list[Label], int, int]:
    """The labels of the holes that are drawn, how many holes that are, and how many labels are new. Raises as
    `calibrate`, but for UsageError."""
    engine.remember()
    with engine.subject() as subject:
        holes = draw_holes(subject.snapshot, options.holes, options.seed)
        journal = Journal(engine.directory, fingerprint(subject))
        made = _label_all(holes, journal, subject, options, on_label, cancel or threading.Event())
    return [journal.labels[hole.key] for hole in holes if hole.key in journal.labels], len(holes), made


def weigh(
    labels: Sequence[Label], groups: Sequence[str], model: ModelInfo, memory: str, made: Made
) -> Weights:
    """Weights from labels, with figures of holes that they were not fitted on. UsageError for too few.

    `groups`, one name a label: what must not be on both sides of a fold.
    """
    pairs = [(one, group) for one, group in zip(labels, groups, strict=True) if one.shown]
    shown = [one for one, _ in pairs]
    table = table_of(shown, [group for _, group in pairs])
    if len(shown) < LEAST_HOLES or not table.is_enough or len(set(table.groups.tolist())) < 2:
        raise UsageError(
            f"calibrate: {len(shown)} holes with snippets, of which {int(table.helped.sum())} were helped, are too few"
            f" to learn from: ask for more with --holes, at least {LEAST_HOLES} have to have snippets"
        )
    scores, says = out_of_sample(table)
    fitted = fit_gate(table)
    return Weights(
        model=model.name,
        model_sha256=model.sha256,
        memory=memory_of(memory),
        threshold=fitted.threshold,
        bias=round(fitted.model.bias, 5),
        features=weights_of(fitted.model),
        made=Made(made.repositories, made.commits, len(shown), made.seed, made.date, fitted.penalty),
        figures=figures_of(shown, table, scores, says),
    )


def fingerprint(subject: Subject) -> str:
    """Of all that a label depends on beside its hole and the repository."""
    settings = subject.settings
    parts = (
        LABELS_FORMAT, subject.generator.info.sha256, memory_of(settings.memory), settings.prompt_tokens,
        settings.snippet_tokens, settings.k, settings.channels, settings.embedder, settings.lexical_backend,
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def commit_of(root: Path) -> str:
    """What is checked out, by git's own files; "" where that cannot be told. No program is run."""
    try:
        head = (root / ".git" / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head[:40]
        name = head.removeprefix("ref: ")
        place = root / ".git" / name
        if place.is_file():
            return place.read_text(encoding="ascii").strip()[:40]
        packed = (root / ".git" / "packed-refs").read_text(encoding="utf-8")
        return next((line[:40] for line in packed.splitlines() if line[41:] == name), "")
    except (OSError, ValueError):
        return ""


def _label_all(
    holes: Sequence[Hole],
    journal: Journal,
    subject: Subject,
    options: CalibrationOptions,
    on_label: OnLabel | None,
    cancel: threading.Event,
) -> int:
    """Label what is not labelled yet, in order; how many were."""
    todo = [hole for hole in holes if hole.key not in journal.labels]
    started = time.monotonic()
    for done, hole in enumerate(todo):
        spent = time.monotonic() - started
        if cancel.is_set() or (options.limit_s is not None and spent > options.limit_s):
            return done
        if on_label is not None:
            left = spent / done * (len(todo) - done) if done else 0.0
            on_label(len(holes) - len(todo) + done, len(holes), left)
        found = label(hole, subject, cancel)
        if found is None:
            return done
        journal.add(found)
    return len(todo)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
