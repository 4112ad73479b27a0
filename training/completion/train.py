"""Train a completion model on packed samples; the same recipe on a CPU and on an accelerator.

    python -m training.completion.train --data PACKED --validation PACKED --out RUN --shape 7m --minutes 90
    python -m training.completion.train --out RUN --resume          # goes on from the last checkpoint

The length of a run is given in minutes or in tokens; the learning rate falls to zero as it runs out, so a run of
given minutes always ends as a finished model. Half of the loss is the hole's, however few its tokens are.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from repocoder.errors import RepocoderError
from training.completion.data import HOLE, PAD_ID, Batch, Cursor, batches
from training.completion.loss import weighted_nats
from training.completion.model import SHAPES, Decoder
from training.completion.optimizer import make_optimizers, schedule
from training.completion.renaming import Renaming
from training.completion.weights import TOKENIZER, TrainingError, load, plain_state, save

SPEAK_EVERY = 10.0  # seconds between two lines on stderr


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; written beside its checkpoint, so that `--resume` needs nothing else."""

    data: str
    validation: str
    shape: str
    init: str = ""  # a model's folder; empty: from random weights
    tokenizer: str = ""  # tokenizer.json of a model from random weights
    minutes: float = 0.0  # of training, 0: by tokens
    tokens: int = 0
    batch: int = 8192  # tokens of a step
    pack: int = 8192  # tokens that go through the model at once; `batch` is a multiple of it
    rate: float = 1.0  # multiplies both learning rates
    warmup: int = 60  # steps
    decay: float = 0.5  # share of the run over which the learning rate falls to zero
    hole_share: float = 0.5  # of the loss
    file_kept: float = (
        0.6  # share of the file's tokens that count, drawn at random: the output matrix is 30 % of a step
    )
    context_kept: float = 0.25  # the same of the snippets' tokens
    renamed: float = 0.0  # share of the samples whose words are exchanged for others
    seed: int = 1


@dataclass(slots=True)
class Progress:
    """What a checkpoint knows beside weights."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cursor: Cursor = field(default_factory=Cursor)
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """One step in the log: share of the learning rate, nats a token of holes and of the rest, tokens a second."""

    step: int
    tokens: int
    seconds: float
    rate: float
    hole: float
    rest: float
    speed: int

    def __str__(self) -> str:
        return (
            f"step {self.step}  {self.tokens / 1e6:.2f} M tokens  hole {self.hole:.3f}  rest {self.rest:.3f}"
            f"  rate {self.rate:.2f}  {self.speed:,} tokens/s"
        )


class Run:
    """A training between two checkpoints."""

    def __init__(self, recipe: Recipe, out: Path, device: str) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.device = recipe, out, torch.device(device)
        self.progress = Progress()
        if recipe.init:
            self.model, self.tokenizer, _ = load(Path(recipe.init))
        else:
            self.model = Decoder(SHAPES[recipe.shape])
            self.tokenizer = Path(recipe.tokenizer).read_bytes()
        self.model.to(self.device)
        self.optimizers = make_optimizers(self.model, scale=recipe.rate)
        self.renaming = Renaming(self.tokenizer) if recipe.renamed else None
        if self.device.type == "cuda":
            self.model.compile_blocks()
            torch.set_float32_matmul_precision("high")

    @property
    def done(self) -> float:
        """Share of the run that is behind, 0 to 1."""
        by_tokens = self.progress.tokens / self.recipe.tokens if self.recipe.tokens else 0.0
        by_time = self.progress.seconds / (60 * self.recipe.minutes) if self.recipe.minutes else 0.0
        return min(1.0, max(by_tokens, by_time))

    def narrow(self) -> Any:
        """bfloat16 where the device multiplies in it."""
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def step(self, packs: list[Batch]) -> tuple[float, float, float]:
        """One step on these packs; the rate, nats a token of the holes and of the rest."""
        random = np.random.default_rng([self.recipe.seed, self.progress.step])
        if self.renaming is not None:
            packs = [self.renaming.rename(one, self.recipe.renamed, random) for one in packs]
        chosen = [self._choose(one, random) for one in packs]
        totals = [sum(int((roles == HOLE).sum()) if hole else int((roles != HOLE).sum()) for _, roles in chosen)
                  for hole in (True, False)]  # fmt: skip
        sums = [0.0, 0.0]
        for one, (places, roles) in zip(packs, chosen, strict=True):
            share = np.where(
                roles == HOLE,
                self.recipe.hole_share / max(1, totals[0]),
                (1 - self.recipe.hole_share) / max(1, totals[1]),
            )
            nats = self._forward(one, places, share.astype(np.float32), learn=True)
            sums[0] += float(nats[roles == HOLE].sum())
            sums[1] += float(nats[roles != HOLE].sum())
        rate = schedule(self.done, self.progress.step, warmup=self.recipe.warmup, decay=self.recipe.decay)
        self.optimizers.step(rate)
        self.progress.step += 1
        self.progress.tokens += sum(one.used for one in packs)
        return rate, sums[0] / max(1, totals[0]), sums[1] / max(1, totals[1])

    def _choose(self, one: Batch, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Places (n,) whose next token counts, and the role (n,) of that token."""
        kept = np.array([self.recipe.context_kept, self.recipe.file_kept, 1.0])
        return targets_of(one, kept, random)

    def _forward(self, one: Batch, places: np.ndarray, share: np.ndarray, *, learn: bool) -> np.ndarray:
        ids = torch.from_numpy(one.ids).to(self.device)
        at = torch.from_numpy(places).to(self.device)
        weights = torch.from_numpy(share).to(self.device)
        with self.narrow(), torch.set_grad_enabled(learn):
            states = self.model.states(ids, one.lengths).index_select(0, at)
            loss, nats = weighted_nats(states, self.model.token_embd.weight, ids[at + 1], weights)
        if learn:
            loss.backward()  # type: ignore[no-untyped-call]
        numbers: np.ndarray = nats.detach().cpu().numpy()
        return numbers

    def validate(self, limit: int = 12) -> dict[str, float]:
        """Nats a token of the holes and of the rest, over the first packs of the validation samples."""
        sums, counts = np.zeros(2), np.zeros(2)
        random = np.random.default_rng(0)
        for number, one in enumerate(
            batches(Path(self.recipe.validation), self.recipe.pack, Cursor(), once=True)
        ):
            if number == limit:
                break
            places, roles = targets_of(one, np.array([0.0, 0.5, 1.0]), random)
            nats = self._forward(one, places, np.ones(len(places), dtype=np.float32), learn=False)
            for row, mask in enumerate((roles == HOLE, roles != HOLE)):
                sums[row] += nats[mask].sum()
                counts[row] += mask.sum()
        means = sums / np.maximum(1, counts)
        return {"hole": float(means[0]), "file": float(means[1])}

    def checkpoint(self) -> None:
        """Weights, momenta and place, whole or not at all: the state's file is written last."""
        self.out.mkdir(parents=True, exist_ok=True)
        save(self.out / "model", self.model, self.tokenizer, self.facts())
        folder = self.out / f"state-{len(self.progress.history) % 2}"  # never over the last one
        folder.mkdir(exist_ok=True)
        save_file(self.optimizers.state(), folder / "momenta.safetensors")
        weights = {name: weight.cpu().contiguous() for name, weight in plain_state(self.model).items()}
        save_file(weights, folder / "weights.safetensors")
        (self.out / TOKENIZER).write_bytes(self.tokenizer)
        state = {"recipe": asdict(self.recipe), "progress": asdict(self.progress), "folder": folder.name}
        part = self.out / "state.json.part"
        part.write_text(json.dumps(state))
        part.replace(self.out / "state.json")

    def restore(self, state: dict[str, Any]) -> None:
        """Take a checkpoint back."""
        folder = self.out / state["folder"]
        weights = load_file(folder / "weights.safetensors")
        own = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(weights[name.replace("._orig_mod", "")])
        self.optimizers.restore(load_file(folder / "momenta.safetensors"))
        saved = state["progress"]
        self.progress = Progress(**{**saved, "cursor": Cursor(**saved["cursor"])})

    def facts(self) -> dict[str, Any]:
        """What goes into model.json."""
        progress = self.progress
        return {
            "name": self.out.name,
            "steps": progress.step,
            "tokens": progress.tokens,
            "minutes": round(progress.seconds / 60, 1),
            "recipe": asdict(self.recipe),
            "validation": progress.history[-1] if progress.history else {},
        }


def targets_of(one: Batch, kept: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places whose next token counts and the roles of those tokens; `kept` (3,) is the share of each role.

    The first token of a sample is nobody's next one, and padding never counts.
    """
    roles, following = one.roles[1:], one.ids[1:]
    counts = random.random(len(roles), dtype=np.float32) < kept[roles]
    ends = np.cumsum(one.lengths)[:-1] - 1
    counts[ends] = False
    counts &= following != PAD_ID
    places = np.flatnonzero(counts)
    return places, roles[places]


@contextmanager
def stop_asked() -> Iterator[list[int]]:
    """A list that fills when SIGINT or SIGTERM comes: the step under way is finished and saved."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: asked.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(run: Run, *, every: float, log: Path) -> bool:
    """Run to the end or until a signal; True if it came to the end. `every` minutes it validates and saves."""
    recipe, progress = run.recipe, run.progress
    stream = batches(Path(recipe.data), recipe.pack, progress.cursor)
    saved_at, started = progress.seconds, time.monotonic() - progress.seconds
    spoken = 0.0
    with stop_asked() as asked, log.open("a") as lines:
        while run.done < 1 and not asked:
            packs = [next(stream) for _ in range(max(1, recipe.batch // recipe.pack))]
            before = progress.tokens
            begun = time.monotonic()
            rate, hole, rest = run.step(packs)
            progress.seconds = time.monotonic() - started
            speed = (progress.tokens - before) / (time.monotonic() - begun)
            row = Row(
                progress.step, progress.tokens, round(progress.seconds, 1), rate, hole, rest, round(speed)
            )
            lines.write(json.dumps(asdict(row)) + "\n")
            if progress.seconds - spoken > SPEAK_EVERY:
                spoken = progress.seconds
                lines.flush()
                left = progress.seconds * (1 / max(run.done, 1e-6) - 1)
                print(f"{row} {left / 60:.0f} min left", file=sys.stderr, flush=True)
            if progress.seconds - saved_at > 60 * every:
                saved_at = progress.seconds
                _validate_and_save(run, lines)
        _validate_and_save(run, lines)
    return run.done >= 1


def _validate_and_save(run: Run, lines: Any) -> None:
    found = {"tokens": float(run.progress.tokens), **run.validate()}
    run.progress.history.append(found)
    lines.write(json.dumps({"validation": found}) + "\n")
    print(
        f"validation: hole {found['hole']:.4f}  file {found['file']:.4f} nats a token",
        file=sys.stderr,
        flush=True,
    )
    run.checkpoint()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Recipe("", "", "7m")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoint, log, model/")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--every", type=float, default=10.0, help="minutes between checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name, default in asdict(defaults).items():
        kind = type(default)
        choices = sorted(SHAPES) if name == "shape" else None
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, choices=choices)
    given = parser.parse_args(arguments)
    try:
        run = _prepared(given, Recipe(**{name: getattr(given, name) for name in asdict(defaults)}))
        complete = train(run, every=given.every, log=given.out / "log.jsonl")
    except RepocoderError as error:
        print(f"train: {error}", file=sys.stderr)
        return error.exit_code
    if not complete:
        print(f"train: stopped, go on with --out {given.out} --resume", file=sys.stderr)
    return 0 if complete else 130


def _prepared(given: argparse.Namespace, recipe: Recipe) -> Run:
    place = given.out / "state.json"
    if given.resume:
        if not place.exists():
            raise TrainingError(f"resume: no checkpoint in {given.out}: start without --resume")
        state = json.loads(place.read_text())
        run = Run(Recipe(**state["recipe"]), given.out, given.device)
        run.restore(state)
        return run
    if place.exists():
        raise TrainingError(f"--out {given.out}: there is a run already: use --resume or another folder")
    if not (recipe.minutes or recipe.tokens):
        raise TrainingError("length of the run: give --minutes or --tokens")
    if not (recipe.init or recipe.tokenizer):
        raise TrainingError("tokenizer: give --tokenizer FILE (or --init FOLDER to go on from a model)")
    given.out.mkdir(parents=True, exist_ok=True)
    return Run(recipe, given.out, given.device)


if __name__ == "__main__":
    sys.exit(main())
