"""The one Engine: index, retrieve, gate, loop, verify. The TUI, the command line and eval are thin adapters over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.snapshot import Snapshot
from indexer.types import BuildReport, FileFacts, Skip
from indexer.update import OnProgress
from repocoder import graphs
from repocoder.buffer import Buffer, open_buffer
from repocoder.choices import Choices
from repocoder.config import Settings
from repocoder.gate.choice import Gates
from repocoder.gate.labels import Subject
from repocoder.live import Live
from repocoder.llm.generator import Generator
from repocoder.llm.messages import Remember
from repocoder.loop import run_loop
from repocoder.memory.recollection import Recollection
from repocoder.memory.store import Update
from repocoder.paths import index_dir
from repocoder.published.steps import Baselines, PublishedSteps, run_passes
from repocoder.rates import Rates
from repocoder.sessions import Session, Sessions
from repocoder.status import status_of
from repocoder.steps import EngineSteps, completed, considered
from repocoder.types import (
    Completion,
    CompletionRequest,
    Explanation,
    IndexStatus,
    ModelInfo,
    SearchResult,
)
from retrieval.places import mark_of
from retrieval.query import query_at
from retrieval.retriever import Retrieved
from retrieval.trace import Trace
from retrieval.types import Place, Query

if TYPE_CHECKING:
    import networkx


class Engine:
    """All that repocoder can do with one repository.

    Methods may be called from any thread. One completion runs at a time; searches and builds go on beside it. Nothing
    heavy happens before it is needed: no index is opened, no worker is started and no model is loaded by `__init__`.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        *,
        generator: Generator | None = None,
        directory: Path | None = None,
        builds_apart: bool = False,
        rates: Rates | None = None,
    ) -> None:
        """`directory`: of the index, by default in the user's cache. A `generator` that is given stays the caller's:
        `close` does not end it. `builds_apart`: this process answers keys, see `repocoder.builds`. `rates`: measured
        speeds of models, with which prompts are cut to `latency_ms` of the settings; without them no prompt depends on
        the machine.
        """
        self.root = root.resolve()
        self.settings = settings
        self.directory = directory or index_dir(self.root)
        self._sessions = Sessions(self.root, self.directory, settings, builds_apart=builds_apart)
        self.choices = Choices(self.directory, self._sessions.notes, self._mark_of)
        self._rates = rates
        self.live = Live(self.choices, self._sessions.changes)
        self._generator = generator
        self._owns_generator = generator is None
        self._state = threading.Lock()  # guards the generator, which is made when first needed
        self._completing = threading.Lock()
        self._recollection = Recollection(
            self.directory, settings.memory, self.snapshot, self.notes.append, self._completing
        )
        self._baselines = Baselines()
        self._parsed: tuple[tuple[str, bytes] | None, FileFacts | None] = (None, None)
        self._index_ms = 0.0  # of builds since the last completion, reported with it

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def notes(self) -> list[str]:
        """One line each, for the user: rebuilt indexes and the like."""
        return self._sessions.notes

    # ---- index

    def index(
        self,
        *,
        rebuild: bool = False,
        retry_skipped: bool = False,
        progress: OnProgress | None = None,
        cancel: threading.Event | None = None,
    ) -> BuildReport:
        """Bring the index up to date with the files; raises the errors of `indexer.errors`.

        `rebuild` parses every file again, `retry_skipped` those that ended their worker or were too costly.
        """
        started = time.monotonic()
        report = self._sessions.build(
            rebuild=rebuild, retry_skipped=retry_skipped, progress=progress, cancel=cancel
        )
        self._index_ms += _since(started)
        return report

    def ensure_index(self, progress: OnProgress | None = None) -> BuildReport | None:
        """Build the index if there is none, update it if files changed; None if there was nothing to do."""
        started = time.monotonic()
        stale = self._sessions.indexer.is_stale()
        self._index_ms += _since(started)
        return self.index(progress=progress) if stale else None

    def watch(
        self,
        stop: threading.Event,
        *,
        on_build: Callable[[BuildReport], None],
        on_note: Callable[[str], None],
        progress: OnProgress | None = None,
        polling: bool = False,
    ) -> None:
        """Bring the index up to date and keep it so until `stop` is set, in the thread that calls.

        `on_build` gets the first report and each in which something changed, `on_note` a line for the user: what is
        waited for, what is tried again. Raises IndexFailedError when the repository is gone. `polling`: look at the
        files in intervals even where the system tells of changes.
        """
        self._sessions.watch(stop, on_build=on_build, on_note=on_note, progress=progress, polling=polling)

    def status(self, *, look: bool = True) -> IndexStatus:
        """What is indexed, what was skipped, and whether files changed since; not to `look` says that they did not."""
        return status_of(self.root, self.directory, self._sessions, look=look)

    def graph(self, path: str | None = None) -> networkx.MultiDiGraph:
        """The dependency graph, of the whole repository or of what touches one file."""
        from indexer.graph import to_networkx

        with self._sessions.lease() as session:
            return to_networkx(session.snapshot, path)

    def graph_around(self, place: str, hops: int) -> networkx.MultiDiGraph:
        """The graph within so many hops of a file or symbol. Raises UsageError if there is no such one."""
        with self._sessions.lease() as session:
            return graphs.around(session.snapshot, place, hops)

    def rank_around(self, path: str, top: int) -> graphs.Ranking:
        """The files and definitions that matter most around a file. Raises UsageError."""
        with self._sessions.lease() as session:
            return graphs.rank_around(session.snapshot, path, top)

    def impact(self, place: str, hops: int) -> tuple[graphs.Touched, ...]:
        """What a change of a symbol or file may touch. Raises UsageError."""
        with self._sessions.lease() as session:
            return graphs.impact(session.snapshot, place, hops)

    # ---- retrieve

    def search(self, text: str, k: int = 10) -> SearchResult:
        """Search in plain language or code: symbol names, lexical and, where there is an embedder, dense."""
        started = time.monotonic()
        with self._sessions.lease() as session:
            found = session.retriever.search(text, k)
        return SearchResult(found.hits, {**found.timings, "total_ms": _since(started)})

    def explain(self, request: CompletionRequest) -> Explanation:
        """What would be retrieved, the gate and the prompt; the model is not run, except where it is the gate."""
        started = time.monotonic()
        buffer = open_buffer(self.root, request)
        with self._sessions.lease() as session:
            query = self._query(buffer, request)
            steps = self._steps(session, request)
            trace = Trace()
            found = steps.retrieve(query, trace)
            prompt = steps.prompt(query, found.hits if found.gate.retrieve else ())
        timings = {**found.timings, "total_ms": _since(started)}
        candidates = considered(trace, found, prompt)
        model = self.model_info()
        return Explanation(query, found.gate, found.hits, prompt, timings, model, candidates, found.notes)

    def query(self, request: CompletionRequest) -> Query:
        """What is asked at a place."""
        return self._query(open_buffer(self.root, request), request)

    def retrieve(self, request: CompletionRequest, *, draft: str = "") -> Retrieved:
        """What retrieval gives at a place, under the gate where the request leaves that open. `draft`: of a pass.

        The model is touched where the gate wants it, see `repocoder.gate.choice`; with the free rule never.
        """
        query = replace(self.query(request), draft=draft)
        with self._sessions.lease() as session:
            free = request.retrieval != "auto" or self.settings.gate == "free"
            if free and self.settings.method == "hybrid":
                return session.retriever.retrieve(query, k=self.settings.k, mode=request.retrieval)
            return self._steps(session, request).retrieve(query)

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        """What a calibration of the gate labels holes with: the parts of a completion, under the free rule."""
        with self._sessions.lease() as session:
            memory = self._recollection.of(session.snapshot, self._model())
            yield Subject(
                session.snapshot, self._model(), self.settings, self.root.name, self.query,
                lambda query: session.retriever.retrieve(query, k=self.settings.k), memory,
            )  # fmt: skip

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The current generation of the index, which stays readable inside the context."""
        with self._sessions.lease() as session:
            yield session.snapshot

    # ---- generate

    def complete(
        self,
        request: CompletionRequest,
        *,
        on_text: Callable[[str, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        """Complete at a place. `on_text(text so far, pass)` streams; setting `cancel` ends it within 0.2 s.

        A cancelled completion is returned, not raised: its stop reason is "cancelled" and its text is what was there.
        """
        with self._completing, self._sessions.lease() as session:
            started = time.monotonic()
            buffer = open_buffer(self.root, request)
            cancel = cancel or threading.Event()
            steps = self._steps(session, request, cancel)
            live = self.live.steps(steps) if request.live and isinstance(steps, EngineSteps) else None
            context = self.live.context(live.steps, buffer) if live is not None else ()
            known = None if live is None else self.live.known(context, buffer, started)
            if known is not None:
                return known
            query = self._query(buffer, request)
            passes = request.passes
            if isinstance(steps, PublishedSteps):
                result = run_passes(steps, query, passes=passes, on_text=on_text, cancel=cancel)
            else:
                result = run_loop(live or steps, query, passes=passes, on_text=on_text, cancel=cancel)
            index_ms, self._index_ms = self._index_ms, 0.0
            total_ms = index_ms + _since(started)
            completion = completed(buffer, query, result, self.model_info(), index_ms, total_ms)
            if live is not None:
                self.live.keep(context, live, query, result, completion)
            return completion

    def prepare(self, request: CompletionRequest, cancel: threading.Event) -> None:
        """Find the snippets and have the model read the prompt for a place where a live request is likely to come:
        the first key on its line then waits for neither. Raises what `complete` raises."""
        with self._completing, self._sessions.lease() as session:
            steps = self._steps(session, request, cancel)
            if isinstance(steps, EngineSteps) and not cancel.is_set():
                buffer = open_buffer(self.root, request)
                self.live.steps(steps).read(self._query(buffer, request), cancel)

    def remember(self, limit_s: float | None = None) -> Update | None:
        """Bring the repository's memory up to date with the index, for `limit_s` seconds at most.

        None where there is nothing to do, or nothing to remember with. Raises ModelError, WorkerError. Completions
        do the same in the background.
        """
        with self._sessions.lease() as session:
            return self._recollection.update(session.snapshot, self._model(), limit_s)

    def recollect(self, query: Query) -> Remember | None:
        """What a completion at this place may remember, for those who run the model themselves."""
        with self._sessions.lease() as session:
            memory = self._recollection.of(session.snapshot, self._model())
            return None if memory is None else memory.order(query)

    def warm_up(self) -> None:
        """Start the model's worker and the one that parses buffers, so that the first completion need not wait."""
        self._sessions.indexer.pool.warm_up()
        self._model().tokenize("")

    def take_over(self, other: Engine) -> None:
        """Go on with the parse workers of another engine, whose work is done, and close it."""
        self._sessions.indexer.pool.take_over(other._sessions.indexer.pool)
        other.close()

    def model_info(self) -> ModelInfo:
        """Name and SHA-256 of the model in use; raises ModelError if there is none."""
        return self._model().info

    def close(self) -> None:
        """End the workers and close the index. The engine cannot be used afterwards."""
        self._recollection.close()
        with self._state:
            if self._generator is not None and self._owns_generator:
                self._generator.close()
        self._sessions.close()

    # ---- parts, made when first needed

    @property
    def generator(self) -> Generator:
        """The model in use. Raises ModelError if there is none."""
        return self._model()

    def _model(self) -> Generator:
        with self._state:
            if self._generator is None:
                from repocoder.llm.local import open_generator

                self._generator = open_generator(self.settings.model, threads=self.settings.threads)
            return self._generator

    def _mark_of(self, place: Place) -> str:
        """By what chosen lines are found again; "" where there is no index yet."""
        if not self._sessions.exists:
            return ""
        with self._sessions.lease() as session:
            return mark_of(place, session.snapshot)

    # ---- one completion

    def _query(self, buffer: Buffer, request: CompletionRequest) -> Query:
        query = query_at(
            buffer.path,
            buffer.text,
            buffer.line,
            buffer.column,
            facts=self._facts(buffer),
            exclusions=request.exclusions,
        )
        return replace(
            query,
            pins=self.choices.places("pin"),
            hidden=self.choices.places("exclude"),
            buffers=request.open_buffers,
        )

    def _facts(self, buffer: Buffer) -> FileFacts | None:
        """Of a buffer. Those of the last one are kept: its line is read ahead, asked about, and again if refused."""
        text = (buffer.path, buffer.data)
        known, facts = self._parsed
        if known != text:
            facts = self._parse(*text)
            if facts is not None:  # it may have taken too long only now
                self._parsed = (text, facts)
        return facts

    def _parse(self, path: str, data: bytes) -> FileFacts | None:
        """In a worker; None where there is nothing to parse with, or it takes too long."""
        parsed = self._sessions.indexer.pool.parse_buffer(path, data)
        return None if isinstance(parsed, Skip) else parsed.facts

    def _steps(
        self, session: Session, request: CompletionRequest, cancel: threading.Event | None = None
    ) -> EngineSteps | PublishedSteps:
        steps = EngineSteps(
            snapshot=session.snapshot,
            retriever=session.retriever,
            generator=self._model(),
            settings=self.settings,
            request=request,
            repo_name=self.root.name,
            gates=(gates := self._gates(session, cancel)),
            parse=self._parse,
            memory=gates.memory,
            rates=self._rates,
        )
        method = self.settings.method
        return steps if method == "hybrid" else PublishedSteps(steps, method, self._baselines)

    def _gates(self, session: Session, cancel: threading.Event | None = None) -> Gates:
        generator, memory = self._model(), self.settings.memory
        recalled = self._recollection.of(session.snapshot, generator)
        return Gates(self.settings.gate, generator, self.directory, self.root.name, memory, recalled, cancel)


def _since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000
