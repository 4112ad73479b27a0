"""The memory of one repository for one model: kept up to date with the index, asked for at each completion."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from statistics import fmean

import numpy as np

from indexer.languages import language_named
from indexer.snapshot import Snapshot
from repocoder.llm.generator import Generated, Generator
from repocoder.llm.messages import Remember, Source, Stretches
from repocoder.llm.remembering import Segments
from repocoder.memory.calibration import default_weights
from repocoder.memory.mixing import Weights
from repocoder.memory.recall import Forecast, Part, forecast
from repocoder.memory.store import MemoryStore, Segment, Update, bans, origin, stretches
from repocoder.types import Origin
from retrieval.types import Query

FOLDER = "memory"
MOST_ORIGINS = 6  # that a completion tells of
MOST_WORDS = 128  # tokens that one origin may have
CONTEXT_LINES = 4  # before the cursor, for `foretell`: more tokens than are sorted
BEFORE_CHARACTERS = 60_000
"""Of the file above the hole: 15,000 tokens, which are sorted in 5 ms."""


class RepositoryMemory:
    """Of one index folder and one vocabulary. Any thread may ask; updates wait for each other."""

    def __init__(
        self,
        directory: Path,
        generator: Generator,
        weights: Weights | None = None,
        *,
        drafts_only: bool = False,
    ) -> None:
        """`directory`: of the index. With `drafts_only` it makes the model faster and changes nothing it says."""
        folder = directory / FOLDER / generator.info.sha256[:16]
        self._store = MemoryStore(folder, generator.vocab.size)
        self._generator = generator
        self._weights = {} if drafts_only else (weights or default_weights()).experts
        self._mapped = Segments()  # for `foretell`; completions map them in the worker
        self._mapping = threading.Lock()
        self._updating = threading.Lock()
        self.generation = -1  # of the index that was last remembered

    @property
    def state(self) -> tuple[int, int]:
        """Another value when something else is remembered."""
        return self.generation, self._store.manifest.made

    def update(
        self, snapshot: Snapshot, cancelled: Callable[[], bool] = lambda: False, *, wait: bool = False
    ) -> Update | None:
        """Remember the code of this generation of the index, secrets masked; None if another process is at it, which
        `wait` waits for. If cancelled, it keeps what it has read by then. Raises StorageError, ModelError,
        WorkerError.
        """
        with self._updating:
            digests = {
                path: snapshot.digest(path).hex()
                for path in sorted(snapshot.paths())
                if language_named(snapshot.language(path)).grammar
            }
            done = self._store.update(
                digests,
                lambda path: _text(snapshot, path),
                self._generator.tokenize_many,
                cancelled,
                wait=wait,
            )
            if done is not None and not done.unread:
                self.generation = snapshot.generation
            return done

    def order(self, query: Query) -> Remember:
        """What a completion at this place may remember: of the hole's file what is above the hole, no file that has an
        exclusion, and none of which the user excluded anything."""
        segments = self._stretches(query)
        return Remember(segments, self._generator.tokenize(_above(query)), self._weights)

    def _stretches(self, query: Query) -> list[Stretches]:
        hidden = {query.path, *(one.path for one in query.exclusions), *(one.path for one in query.hidden)}
        directory = PurePosixPath(query.path).parent
        segments = []
        for segment in self._store.manifest.segments:  # of one manifest, whatever is written meanwhile
            ids, order = self._store.arrays(segment)
            near = stretches(segment, lambda path: PurePosixPath(path).parent == directory)
            banned = bans(segment, hidden)
            segments.append(Stretches(os.fsencode(ids), os.fsencode(order), banned.tolist(), near.tolist()))
        return segments

    def foretell(self, query: Query) -> Forecast | None:
        """What other files have after the text before the cursor; None where they never had it. No model is asked.

        Takes a millisecond, the first time as long as it takes to read the token counts of the repository.
        """
        context = self._generator.tokenize("\n".join(query.prefix.split("\n")[-CONTEXT_LINES:]))
        size = self._generator.vocab.size
        with self._mapping:
            parts = [
                Part(
                    self._mapped.open(one, size),
                    np.array(one.banned, np.int64),
                    np.array(one.near, np.int64),
                    size,
                )
                for one in self._stretches(query)
            ]
            return forecast(parts, context)

    def origins(self, written: Generated, length: int, order: Remember, query: Query) -> tuple[Origin, ...]:
        """Where the remembered words of the first `length` characters stand just so, longest first."""
        found: list[Origin] = []
        at = 0
        while at < len(written.sources) and written.token_ends[at] <= length:
            source, start = written.sources[at], written.token_ends[at - 1] if at else 0
            first, at = at, at + 1
            if source is None:
                continue
            ids = self._learnt(source, order)[: len(written.sources) - first]
            if ids[:1] != [written.token_ids[first]]:
                continue  # the mixture chose another token than that place goes on with
            while at - first < len(ids) and written.sources[at] and written.token_ids[at] == ids[at - first]:
                if written.token_ends[at] > length:
                    break
                at += 1
            words = written.text[start : written.token_ends[at - 1]].strip()
            path, line = self._place(source, order, query) if any(map(str.isalnum, words)) else ("", 0)
            if path:
                share = fmean(one.share for one in written.sources[first:at] if one)
                found.append(Origin(path, line, words, share))
        return tuple(sorted(found, key=lambda one: -len(one.text))[:MOST_ORIGINS])

    def _learnt(self, source: Source, order: Remember) -> list[int]:
        """Tokens from the place where one was learnt; none if that is not there any more."""
        if source.expert == "file":
            return order.before[source.place :]
        segment = self._segment(source, order)
        try:
            tokens = None if segment is None else self._store.tokens(segment)
        except (OSError, ValueError):
            tokens = None
        return (
            [] if tokens is None else [int(one) for one in tokens[source.place : source.place + MOST_WORDS]]
        )

    def _place(self, source: Source, order: Remember, query: Query) -> tuple[str, int]:
        """Path and line (1-based) where a token was learnt; ("", 0) if that is not there any more."""
        if source.expert == "file":
            return query.path, query.line - self._generator.detokenize(self._learnt(source, order)).count(
                "\n"
            )
        segment = self._segment(source, order)
        place = None if segment is None else origin(segment, source.place)
        if segment is None or place is None:
            return "", 0
        try:
            before = self._store.tokens(segment)[place.start : source.place].tolist()
        except (OSError, ValueError):
            return "", 0
        return place.path, 1 + self._generator.detokenize(before).count("\n")

    def _segment(self, source: Source, order: Remember) -> Segment | None:
        return self._store.segment(Path(os.fsdecode(order.segments[source.part].ids)))


def _above(query: Query) -> str:
    return query.prefix[-BEFORE_CHARACTERS:].replace("\r\n", "\n")


def _text(snapshot: Snapshot, path: str) -> str:
    return snapshot.content(path).decode("utf-8", "replace").replace("\r\n", "\n")
