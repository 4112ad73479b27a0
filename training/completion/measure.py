"""What a model makes of a task, through the product's own prompt, worker, stop rules and post-processing.

One pass of the loop (no second one with the draft in the query), greedy. What was measured is in a journal, a line of
JSON each, so that a run that was ended goes on where it was.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from eval.metrics.exact import exact_match_lines, first_lines, stripped_lines
from eval.metrics.similarity import edit_similarity_levenshtein
from repocoder.errors import ModelError
from repocoder.hole import hole_of
from repocoder.llm.generator import GenerateRequest, Generator
from repocoder.llm.local import LocalGenerator, LocalModel
from repocoder.models import file_sha256
from repocoder.postprocess import StopRule, finish
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import ModelInfo, Prompt
from retrieval.types import Hit, Query
from training.completion.tasks import Task

CONTEXT = 1024
"""Tokens of prompt and completion: what the embedded models have in the product."""

MAX_TOKENS = 96  # of a completion, as the product's settings have it


class Condition(msgspec.Struct, frozen=True):
    """What the model is shown beside the text before the hole."""

    retrieval: bool
    right: bool

    @property
    def name(self) -> str:
        return f"{'with' if self.retrieval else 'without'} retrieval, {'both sides' if self.right else 'left only'}"


CONDITIONS = tuple(Condition(retrieval, right) for right in (True, False) for retrieval in (True, False))


class Outcome(msgspec.Struct, frozen=True):
    """One task, one model, one condition."""

    model: str  # first 16 hexadecimal digits of the file's SHA-256
    task: str
    package: str
    kind: str
    condition: Condition
    settings: str
    text: str  # as a user would get it
    stop_reason: str
    exact: float  # 0 or 100: RepoCoder's exact match
    similarity: float  # 0 to 100: RepoCoder's edit similarity
    nats: float  # of the true tokens of the hole, each given those before it
    end_nats: float  # of ending right there: minus log of the sum over all tokens that end a completion
    tokens: int  # of the hole, in the model's own vocabulary, without an end
    characters: int  # of the hole
    prompt_tokens: int
    snippets: int  # that entered the prompt
    seconds: float


class Subject(msgspec.Struct, frozen=True):
    """A model that is measured."""

    name: str
    path: str
    digest: str  # first 16 digits
    bytes: int


def subject(path: Path) -> Subject:
    """Of a GGUF file. Raises ModelError."""
    return Subject(path.stem, str(path.resolve()), file_sha256(path)[:16], path.stat().st_size)


def open_model(path: str, *, context: int, threads: int = 1) -> LocalGenerator:
    """The product's worker on a file, with at most so much context."""
    place = Path(path)
    return LocalGenerator(LocalModel(place, ModelInfo(place.stem, ""), max_ctx=context, threads=threads))


def settings_of(context: int, max_tokens: int) -> str:
    """What outcomes depend on beside model, task and condition; part of their place in the journal."""
    return f"context {context}, {max_tokens} new tokens, healed"


def build(task: Task, condition: Condition, generator: Generator, *, max_tokens: int) -> tuple[Query, Prompt]:
    """The query and its prompt, as the product has them.

    Retrieval is the product's: nothing is shown where its free gate found nothing worth it.
    """
    query = task.query(right=condition.right)
    hits: Sequence[Hit] = task.hits if condition.retrieval and task.sample.gate else ()
    budget = PromptBudget.for_model(generator.vocab.n_ctx, max_tokens)
    prompt = build_prompt(
        query, hits, generator, budget=budget, repo_name=task.sample.package, heals=generator.can_retype
    )
    return query, prompt


def complete(query: Query, prompt: Prompt, generator: Generator, max_tokens: int) -> tuple[str, str]:
    """The text as it would be inserted, and why it ended."""
    may_be_empty = not hole_of(query).wants_text
    order = GenerateRequest(
        prompt.token_ids, max_tokens, StopRule(query), may_be_empty=may_be_empty, typed=prompt.typed
    )
    written = generator.generate(order)
    finished = finish(written.text, query, written.stop_reason)
    return finished.text, finished.stop_reason


def likelihood(prompt: Prompt, hole: str, generator: Generator) -> tuple[float, float, int]:
    """Nats of the hole, nats of ending behind it, and its tokens. ModelError where the context is too small.

    What is typed counts as a part of the prompt.
    """
    ids = (*prompt.token_ids, *generator.tokenize(prompt.typed))
    truth = generator.tokenize(hole)
    nats = -math.fsum(generator.score(ids, truth))
    ends = [generator.score((*ids, *truth), (end,))[0] for end in sorted(generator.vocab.template.end_ids)]
    return nats, -_log_sum(ends), len(truth)


def scores(text: str, truth: str) -> tuple[float, float]:
    """RepoCoder's exact match and edit similarity: both of as many lines as the truth has."""
    wanted = stripped_lines(truth)
    said = "\n".join(first_lines(text, len(wanted)))
    return exact_match_lines(text, truth), edit_similarity_levenshtein(said, "\n".join(wanted))


def measure(
    task: Task,
    condition: Condition,
    generator: Generator,
    digest: str,
    settings: str,
    max_tokens: int = MAX_TOKENS,
) -> Outcome | None:
    """One outcome; None for a hole that is longer than a completion may be."""
    started = time.monotonic()
    sample = task.sample
    query, prompt = build(task, condition, generator, max_tokens=max_tokens)
    try:
        nats, end_nats, tokens = likelihood(prompt, sample.hole, generator)
    except ModelError:
        return None
    text, reason = complete(query, prompt, generator, max_tokens)
    exact, similarity = scores(text, sample.hole)
    return Outcome(
        digest, task.key, sample.package, sample.kind, condition, settings, text, reason, exact, similarity,
        nats, end_nats, tokens, len(sample.hole), len(prompt.token_ids), len(prompt.hits), time.monotonic() - started,
    )  # fmt: skip


class Journal:
    """Outcomes on disk, one a line; the last line may be half written after a crash and is dropped then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def read(self) -> Iterator[Outcome]:
        """What is there. Raises msgspec.DecodeError for a damaged line that is not the last."""
        decoder = msgspec.json.Decoder(Outcome)
        lines = self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]
        yield from (decoder.decode(line) for line in lines[:-1] if line)

    def mend(self) -> None:
        """Drop a last line that was not finished."""
        if self.path.exists() and (data := self.path.read_bytes()) and not data.endswith(b"\n"):
            self.path.write_bytes(data[: data.rfind(b"\n") + 1])

    def add(self, outcomes: Sequence[Outcome]) -> None:
        with self._lock, self.path.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in outcomes))


def place_of(outcome: Outcome) -> tuple[str, str, Condition, str]:
    return outcome.model, outcome.task, outcome.condition, outcome.settings


class Crew:
    """Measures tasks with several models; what the journal has is not measured again.

    Each worker is a thread with model workers of its own, of one thread each.
    """

    def __init__(
        self,
        models: Sequence[Subject],
        conditions: Sequence[Condition],
        journal: Journal,
        *,
        context: int = CONTEXT,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._models, self._conditions, self._journal = models, conditions, journal
        self._context, self._say = context, say
        self._settings = settings_of(context, MAX_TOKENS)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, Condition, str], Outcome] = {}

    def run(self, tasks: Sequence[Task], workers: int) -> list[Outcome]:
        """The outcomes of all tasks, models and conditions but those of holes that are too long for a completion.

        A task is measured with all models before the next one, so that an ended run has a fair comparison.
        """
        self._journal.mend()
        self._known = {place_of(one): one for one in self._journal.read()}
        todo: SimpleQueue[Task] = SimpleQueue()
        for task in tasks:
            todo.put(task)
        started = time.monotonic()
        with ThreadPoolExecutor(workers) as pool:
            running = [pool.submit(self._work, todo, len(tasks), started) for _ in range(workers)]
            for future in running:
                future.result()
        places = (self._places(task, model) for task in tasks for model in self._models)
        return [self._known[place] for some in places for place in some if place in self._known]

    def _places(self, task: Task, model: Subject) -> list[tuple[str, str, Condition, str]]:
        return [(model.digest, task.key, condition, self._settings) for condition in self._conditions]

    def _work(self, todo: SimpleQueue[Task], total: int, started: float) -> None:
        opened: dict[str, LocalGenerator] = {}
        try:
            while True:
                try:
                    task = todo.get_nowait()
                except Empty:
                    return
                for model in self._models:
                    self._measure(task, model, opened)
                done = total - todo.qsize()
                if done % 10 == 0:
                    each = (time.monotonic() - started) / done
                    self._say(
                        f"{done}/{total} tasks, {each:.2f} s a task, {each * (total - done):.0f} s left"
                    )
        finally:
            for generator in opened.values():
                generator.close()

    def _measure(self, task: Task, model: Subject, opened: dict[str, LocalGenerator]) -> None:
        missing = [place[2] for place in self._places(task, model) if place not in self._known]
        if not missing:
            return
        if model.digest not in opened:
            opened[model.digest] = open_model(model.path, context=self._context)
        found = [
            measure(task, condition, opened[model.digest], model.digest, self._settings)
            for condition in missing
        ]
        fresh = [outcome for outcome in found if outcome is not None]
        self._journal.add(fresh)
        with self._lock:
            self._known.update((place_of(outcome), outcome) for outcome in fresh)


def fingerprint(tasks: Sequence[Task]) -> str:
    """Of the set of tasks: two runs with the same one asked the same."""
    return hashlib.sha256(" ".join(sorted(task.key for task in tasks)).encode()).hexdigest()[:16]


def _log_sum(logarithms: Sequence[float]) -> float:
    top = max(logarithms)
    return top + math.log(math.fsum(math.exp(one - top) for one in logarithms))
