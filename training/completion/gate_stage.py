"""The second stage: a trained model learns to say, after the code around a hole, whether it wants other files.

The loss is that of a yes or no: the two answers' logits after the question, nothing else of the vocabulary, both
classes weighing the same. Ordinary packed samples go along, so that completion does not suffer. The model with the
least loss on packages that were held out is kept.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from repocoder.gate.figures import area_under_curve, choose_threshold
from training.completion.data import HOLE, Batch, Cursor, batches
from training.completion.loss import weighted_nats
from training.completion.model import Decoder
from training.completion.optimizer import make_optimizers, schedule
from training.completion.train import targets_of
from training.completion.weights import TrainingError

AT_ONCE = 8192  # tokens of questions that go through the model together where nothing is learnt


@dataclass(frozen=True, slots=True)
class Stage:
    """What the stage is made of."""

    steps: int = 300
    questions: int = 16  # of a step
    ordinary: int = 4096  # tokens of packed samples of a step, 0 for none
    rate: float = 0.15  # multiplies both learning rates
    warmup: int = 20
    weight: float = 1.0  # of the answers' loss beside that of the packed samples
    hole_share: float = 0.5  # of the loss of the packed samples
    every: int = 25  # steps between two looks at the held-out packages
    patience: int = 4  # looks without a gain until it ends
    held_out: float = 0.15  # share of the labels, whole packages
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A question, and whether the snippets helped; `gain` in points of edit similarity."""

    ids: tuple[int, ...]
    helped: bool
    gain: float
    package: str


@dataclass(frozen=True, slots=True)
class Look:
    """The held-out packages at one step. `ordinary`: nats a token of the holes of packed validation samples."""

    step: int
    loss: float
    area: float
    ordinary: float | None = None


def split(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Examples to learn from, and those of held-out packages: at least `share` of all. TrainingError where one side
    would lack a class."""
    sizes: dict[str, int] = {}
    for one in examples:
        sizes[one.package] = sizes.get(one.package, 0) + 1
    held: set[str] = set()
    for package in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).hexdigest()):
        if sum(sizes[name] for name in held) >= share * len(examples):
            break
        held.add(package)
    parts = (
        [one for one in examples if one.package not in held],
        [one for one in examples if one.package in held],
    )
    if any(len({one.helped for one in part}) < 2 for part in parts):
        raise TrainingError("labels: too few of one class: label more samples, of several packages")
    return parts


class Learner:
    """The stage on one model."""

    def __init__(self, model: Decoder, answers: tuple[int, int], stage: Stage) -> None:
        """`answers`: the ids of yes and no."""
        self.model, self.stage = model, stage
        self._answers = torch.tensor(answers)
        self._optimizers = make_optimizers(model, scale=stage.rate)
        self._random = np.random.default_rng(stage.seed)

    def logits(self, examples: Sequence[Example]) -> Tensor:
        """(n,): the logit of yes less that of no, after each question."""
        lengths = [len(one.ids) for one in examples]
        ids = torch.tensor([number for one in examples for number in one.ids])
        last = torch.tensor(lengths).cumsum(0) - 1
        states = self.model.states(ids, lengths).index_select(0, last)
        yes, no = self.model.token_embd.weight[self._answers]
        found: Tensor = states @ (yes - no)
        return found

    def step(self, number: int, examples: Sequence[Example], share: float, packed: Batch | None) -> float:
        """One step; the answers' loss. `share`: of all examples, how many were helped."""
        logits = self.logits(examples)
        truth = torch.tensor([float(one.helped) for one in examples])
        loss = functional.binary_cross_entropy_with_logits(logits, truth, balance(truth, share))
        (self.stage.weight * loss).backward()  # type: ignore[no-untyped-call]
        if packed is not None:
            self.ordinary(packed, learn=True)
        progress = number / self.stage.steps
        self._optimizers.step(schedule(progress, number, warmup=self.stage.warmup, decay=1.0))
        return float(loss.detach())

    def ordinary(self, packed: Batch, *, learn: bool) -> NDArray[np.float32]:
        """Nats of each token of the holes of a pack; with `learn`, gradients as the first stage has them."""
        kept = np.array([0.25, 0.6, 1.0]) if learn else np.array([0.0, 0.0, 1.0])
        places, roles = targets_of(packed, kept, self._random)
        counts = [max(1, int((roles == HOLE).sum())), max(1, int((roles != HOLE).sum()))]
        hole = self.stage.hole_share
        share = np.where(roles == HOLE, hole / counts[0], (1 - hole) / counts[1]).astype(np.float32)
        ids, at = torch.from_numpy(packed.ids), torch.from_numpy(places)
        with torch.set_grad_enabled(learn):
            states = self.model.states(ids, packed.lengths).index_select(0, at)
            loss, nats = weighted_nats(
                states, self.model.token_embd.weight, ids[at + 1], torch.from_numpy(share)
            )
        if learn:
            loss.backward()  # type: ignore[no-untyped-call]
        of_holes: NDArray[np.float32] = nats.detach().numpy()[roles == HOLE]
        return of_holes

    @torch.no_grad()
    def scores(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        """P(yes) / (P(yes) + P(no)) (n,)."""
        found = [torch.sigmoid(self.logits(part)).double().numpy() for part in by_tokens(examples, AT_ONCE)]
        return np.concatenate(found)

    def look(self, step: int, examples: Sequence[Example]) -> Look:
        """Balanced loss and area under the curve."""
        scores = np.clip(self.scores(examples), 1e-7, 1 - 1e-7)
        truth = np.array([one.helped for one in examples])
        weights = balance(torch.from_numpy(truth.astype(np.float32)), float(truth.mean())).numpy()
        losses = -np.where(truth, np.log(scores), np.log1p(-scores))
        return Look(step, float((weights * losses).mean()), area_under_curve(scores, truth))


def balance(truth: Tensor, share: float) -> Tensor:
    """Weights (n,) with which both classes count the same where `share` of all examples are helped; mean 1."""
    return torch.where(truth > 0.5, 0.5 / share, 0.5 / (1 - share))


def by_tokens(examples: Sequence[Example], tokens: int) -> Iterator[list[Example]]:
    """In their order, in parts of at most so many tokens."""
    part: list[Example] = []
    for one in examples:
        if part and sum(len(other.ids) for other in part) + len(one.ids) > tokens:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def ordinary_nats(learner: Learner, folder: Path, limit: int = 8) -> float | None:
    """Nats a token of the holes, over the first packs of a folder; None without a folder."""
    if not folder.exists():
        return None
    found = []
    for number, packed in enumerate(batches(folder, AT_ONCE, Cursor(), once=True)):
        if number == limit:
            break
        found.append(learner.ordinary(packed, learn=False))
    return float(np.concatenate(found).mean())


def learn(
    model: Decoder,
    examples: Sequence[Example],
    answers: tuple[int, int],
    stage: Stage,
    *,
    packed: Path | None,
    validation: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Teach `model`, which is changed in place and is the best one afterwards; gives the facts of the stage."""
    train, held = split(examples, stage.held_out)
    share = float(np.mean([one.helped for one in train]))
    learner = Learner(model, answers, stage)
    before = ordinary_nats(learner, validation) if validation else None
    looks = [learner.look(0, held)]
    best, state = looks[0], copy.deepcopy(model.state_dict())
    stream = batches(packed, stage.ordinary, Cursor()) if packed and stage.ordinary else None
    random, waiting, started = np.random.default_rng(stage.seed), list[int](), time.monotonic()
    for number in range(stage.steps):
        if len(waiting) < stage.questions:
            waiting += random.permutation(len(train)).tolist()
        chosen, waiting = waiting[: stage.questions], waiting[stage.questions :]
        loss = learner.step(number, [train[i] for i in chosen], share, next(stream) if stream else None)
        if (number + 1) % stage.every == 0 or number + 1 == stage.steps:
            look = learner.look(number + 1, held)
            looks.append(look)
            each = (time.monotonic() - started) / (number + 1)
            say(
                f"step {number + 1}: loss {loss:.3f}, held out {look.loss:.4f}, area {look.area:.4f}, "
                f"{each:.2f} s a step"
            )
            if look.loss < best.loss:
                best, state = look, copy.deepcopy(model.state_dict())
            elif (number + 1 - best.step) >= stage.patience * stage.every:
                break
    model.load_state_dict(state)
    after = ordinary_nats(learner, validation) if validation else None
    threshold = choose_threshold(learner.scores(held), np.array([one.gain for one in held]))
    return {
        "stage": asdict(stage),
        "labels": len(examples),
        "helped": round(share, 4),
        "held_out_packages": sorted({one.package for one in held}),
        "looks": [asdict(look) for look in looks],
        "best_step": best.step,
        "hole_nats_before": before,
        "hole_nats_after": after,
        "threshold": threshold,
    }
