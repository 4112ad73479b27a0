"""From what a person asks for to a plan: the tasks, the model, the folder, how many workers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from eval.ablations import ABLATIONS
from eval.methods import GATED, METHODS, ORACLES, TAKES_DRAFTS
from eval.run.cluster import LOCAL, Cluster, ClusterSize
from eval.run.crew import Crew
from eval.run.provenance import code_commit
from eval.run.recipe import Recipe
from eval.run.running import Plan
from eval.run.sampler import SamplerOptions
from eval.run.selection import choose, parse_shard, take_shard
from eval.run.workers import CORES_PER_MODEL, Processes, cores, slots_for
from eval.types import Benchmark, RunConfig, Task
from repocoder.errors import UsageError

SAMPLER = "eval.run.sampler:open_sampler"
OUT = Path("repocoder-eval")
MAX_PASSES = 4
ENGINE = ("hybrid", "engine")  # methods whose parts can be left out
NEED_NO_SOURCES = frozenset({"in-file", "published", "published-oracle"})
FREE = "free"  # the gate that is asked if no other is chosen
NO_TEMPLATE = "none"  # of a remote model: only what comes before the hole is shown
_REMOTE = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Asked:
    """The selectors of `eval run` and `eval retrieval`."""

    method: str
    with_model: bool = True  # False: the context alone is looked at
    passes: int = 1
    model: str | None = None  # GGUF or URL; None: the embedded one. Without a model: whose tokenizer counts
    remote_template: str | None = None  # fill-in-the-middle tokens of a model behind a URL
    embedder: str | None = None
    limit: int | None = None
    seed: int = 0
    shard: str | None = None
    budget: int = 0
    context: str = "left"
    layout: str = "published"
    memory: str = "off"
    gate: str = "free"
    without: tuple[str, ...] = ()  # parts of the engine
    out: Path | None = None
    resume: bool = False
    retry_errors: bool = False
    texts: bool = True  # prompts and snippets in the records
    workers: int | None = None
    ray: str | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """Who does the work."""

    slots: int | None  # None: as many as the cluster has room for
    threads: int  # of each model
    ray: str | None

    def open(self, recipe: Recipe) -> Crew:
        """Connect to the cluster, or to nothing: processes start with their first task."""
        if self.ray is None:
            return Processes(recipe, self.slots or 1)
        return Cluster(recipe, self.ray, ClusterSize(self.slots, self.threads, cores()))

    def __str__(self) -> str:
        count = "as many workers as fit" if self.slots is None else _counted(self.slots, "worker")
        where = "" if self.ray is None else f" on the cluster {self.ray}"
        return f"{count}{where}, {_counted(self.threads, 'thread')} each"


@dataclass(frozen=True, slots=True)
class _Model:
    """The model of a run, as it goes into the configuration."""

    name: str
    sha256: str
    place: str  # what opens it; "" for the embedded one
    kind: str  # local | remote


def check_name(what: str, name: str, known: Iterable[str]) -> str:
    """`name` if it is known. Raises UsageError with what was probably meant."""
    names = list(known)
    if name in names:
        return name
    close = get_close_matches(name, names, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise UsageError(f"no such {what}: {name}: {meant}there are {', '.join(names)}")


def make_plan(benchmark: Benchmark, asked: Asked) -> tuple[Plan, Staff]:
    """What to run and who runs it. Raises UsageError, ModelError, StorageError; starts nothing."""
    check_name("method", asked.method, METHODS)
    _check_without(asked)
    if asked.method == "engine" and not asked.with_model:
        raise UsageError("eval retrieval: engine: is the product with its model: use hybrid, or eval run")
    tasks = choose(benchmark.tasks, asked.limit, asked.seed)
    if asked.shard is not None:
        tasks = take_shard(tasks, *parse_shard(asked.shard))
    model = _model(asked)
    staff = _staff(asked, model)
    config = _config(benchmark, asked, model)
    options = SamplerOptions(
        folders=_folders(benchmark, tasks, asked.method),
        threads=staff.threads,
        embedder=asked.embedder,
        keep_prompts=asked.texts,
    )
    target = (asked.out or default_out(config)).absolute()
    check_outside(target, options.folders.values())
    recipe = Recipe(SAMPLER, {"config": asdict(config), "options": asdict(options)}, asked.method)
    plan = Plan(
        config=config,
        tasks=tasks,
        recipe=recipe,
        out=target,
        resume=asked.resume,
        retry_errors=asked.retry_errors,
        facts={
            "notes": _notes(benchmark, asked, model, len(benchmark.tasks)),
            "workers": {"slots": staff.slots, "threads": staff.threads, "ray": staff.ray},
        },
    )
    return plan, staff


def _check_without(asked: Asked) -> None:
    for name in asked.without:
        check_name("part", name, ABLATIONS)
    if asked.without and asked.method not in ENGINE:
        raise UsageError(f"--without: {asked.method} is not made of our parts: take {' or '.join(ENGINE)}")
    loop = [name for name in asked.without if ABLATIONS[name].group == "loop"]
    if loop and asked.method != "engine":
        raise UsageError(f"--without: {loop[0]}: {asked.method} has no such loop: take engine")


def default_out(config: RunConfig) -> Path:
    """`repocoder-eval/BENCHMARK/METHOD-MODEL-COMMIT`, with the shard if it is one."""
    gate = f"-gate-{config.gate}" if config.gate != FREE else ""
    gone = "".join(f"-without-{name}" for name in config.without)
    name = f"{config.method}{gate}{gone}-{config.model or 'retrieval'}-{config.commit}"
    if config.shard:
        name += f"-shard-{config.shard.replace('/', '-of-')}"
    return OUT / config.benchmark / re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def check_outside(out: Path, sources: Iterable[str | Path]) -> None:
    """UsageError if samples, which hold the truths, would lie where methods look for code."""
    place = out.resolve()
    for root in sources:
        if place.is_relative_to(Path(root).resolve()):
            raise UsageError(
                f"output folder: {out}: lies in {root}, and samples hold what is to be found: give another --out"
            )


def is_remote(model: str | None) -> bool:
    """Is the model behind a URL?"""
    return model is not None and model.startswith(_REMOTE)


def _config(benchmark: Benchmark, asked: Asked, model: _Model) -> RunConfig:
    config = RunConfig(
        benchmark=benchmark.name,
        method=asked.method,
        budget=asked.budget,
        context=asked.context,
        layout=asked.layout,
        limit=asked.limit,
        seed=asked.seed,
        without=asked.without,
        shard=asked.shard or "",
        commit=code_commit(),
        details={"model": model.place},
    )
    more: dict[str, Any] = {"embedder": asked.embedder} if asked.embedder else {}
    if not asked.with_model:
        return replace(config, details=config.details | more | {"tokenizer": model.name})
    if model.kind == "remote":
        more["remote_template"] = asked.remote_template or NO_TEMPLATE
    if asked.gate != FREE and asked.method not in GATED:
        raise UsageError(f"--gate: {asked.method} has none to choose: take {' or '.join(sorted(GATED))}")
    takes_drafts = asked.method in TAKES_DRAFTS or asked.method == "engine"
    if model.kind == "remote" and asked.memory != "off":
        raise UsageError("--memory: needs the probabilities of a model on this machine: leave it out")
    return replace(
        config,
        memory=asked.memory,
        gate=asked.gate,
        passes=asked.passes if takes_drafts else 1,
        model=model.name,
        model_sha256=model.sha256,
        details=config.details | more,
    )


def _model(asked: Asked) -> _Model:
    if asked.model is not None and is_remote(asked.model):
        if not asked.with_model:
            raise UsageError(f"--model: {asked.model}: a tokenizer is needed to count: give a GGUF")
        return _remote_model(asked.model, asked.remote_template or NO_TEMPLATE)
    if asked.remote_template is not None:
        raise UsageError("--remote-template: is for a --model behind a URL: leave it out")
    from repocoder.models import EMBEDDED_NAME, resolve

    found = resolve(asked.model)
    return _Model(found.name, found.sha256, "" if found.name == EMBEDDED_NAME else str(found.path), "local")


def _remote_model(url: str, template: str) -> _Model:
    """The model at a URL, which is asked for its name. Raises UsageError, ModelError if it does not answer."""
    from repocoder.llm.remote import open_remote
    from repocoder.llm.remote_address import parse_url

    generator = open_remote(url, template=template)
    try:
        return _Model(generator.info.name, generator.info.sha256, str(parse_url(url)), "remote")
    finally:
        generator.close()


def _staff(asked: Asked, model: _Model) -> Staff:
    kind = model.kind if asked.with_model else ""
    if asked.ray is None or asked.ray == LOCAL:
        return Staff(*slots_for(asked.workers, kind), asked.ray)
    if asked.workers is not None and asked.workers < 1:
        raise UsageError(f"--workers: {asked.workers}: at least 1")
    return Staff(asked.workers, CORES_PER_MODEL if kind == "local" else 1, asked.ray)


def _folders(benchmark: Benchmark, tasks: Iterable[Task], method: str) -> dict[str, str]:
    """The unpacked repositories of the tasks. Raises UsageError if one is missing that the method needs."""
    found: dict[str, str] = {}
    for repository in dict.fromkeys(task.repository for task in tasks):
        try:
            found[repository] = str(benchmark.sources.folder(repository).absolute())
        except UsageError:
            if method not in NEED_NO_SOURCES:
                raise
    return found


def _notes(benchmark: Benchmark, asked: Asked, model: _Model, n_tasks: int) -> list[str]:
    """What a reader of the results must know."""
    notes = list(benchmark.notes)
    if asked.method in ORACLES:
        notes.append(f"{asked.method}: the query holds the truth: an upper bound, not a result")
    if asked.with_model and model.kind == "remote":
        notes.append(f"remote: completions by {model.name} at {model.place}, which received the prompts")
    if asked.limit is not None and asked.limit < n_tasks:
        notes.append(f"a sample of {asked.limit} of {n_tasks} tasks, seed {asked.seed}")
    return notes


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
