"""The memory of one repository for one model: kept up to date with the index, asked for at each completion."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath

from indexer.languages import language_named
from indexer.snapshot import Snapshot
from repocoder.llm.generator import Generator
from repocoder.llm.messages import Remember, Source, Stretches
from repocoder.memory.calibration import default_weights
from repocoder.memory.mixing import Weights
from repocoder.memory.store import MemoryStore, Update
from repocoder.types import Origin
from retrieval.types import Query

FOLDER = "memory"
MOST_ORIGINS = 6  # that a completion tells of
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
        self._updating = threading.Lock()
        self.generation = -1  # of the index that was last remembered

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
            if done is not None:
                self.generation = snapshot.generation
            return done

    def order(self, query: Query) -> Remember:
        """What a completion at this place may remember: neither the hole's file but for what is above the hole, nor
        a file that has an exclusion."""
        hidden = {query.path, *(one.path for one in query.exclusions)}
        directory = PurePosixPath(query.path).parent
        store = self._store
        segments = []
        for number in range(len(store.manifest.segments)):
            ids, order = store.arrays(number)
            near = store.stretches(number, lambda path: PurePosixPath(path).parent == directory)
            banned = store.bans(number, hidden)
            segments.append(Stretches(os.fsencode(ids), os.fsencode(order), banned.tolist(), near.tolist()))
        above = query.prefix[-BEFORE_CHARACTERS:].replace("\r\n", "\n")
        return Remember(segments, self._generator.tokenize(above), self._weights)

    def origins(
        self, text: str, ends: Sequence[int], sources: Sequence[Source | None], query: Query
    ) -> tuple[Origin, ...]:
        """Where the remembered stretches of a completion come from, longest first; `ends` as in `Generated`."""
        found: list[Origin] = []
        starts = (0, *ends)[: len(ends)]
        runs = groupby(zip(starts, ends, sources, strict=True), key=lambda one: _stretch(one[2]))
        for key, run in runs:
            tokens = list(run)
            source = tokens[0][2]
            words = text[tokens[0][0] : tokens[-1][1]].strip()
            if key is None or source is None or not any(map(str.isalnum, words)):
                continue
            path, line = self.origin(source, query)
            if path:
                share = sum(one[2].share for one in tokens if one[2]) / len(tokens)
                found.append(Origin(path, line, words, share))
        return tuple(sorted(found, key=lambda one: -len(one.text))[:MOST_ORIGINS])

    def origin(self, source: Source, query: Query) -> tuple[str, int]:
        """Path and line (1-based) that a token was learnt from; ("", 0) if it is not there any more."""
        if source.expert == "file":
            above = query.prefix[-BEFORE_CHARACTERS:].replace("\r\n", "\n")
            ids = self._generator.tokenize(above)
            before = self._generator.detokenize(ids[source.place :]).count("\n")
            return query.path, query.line - before
        place = self._store.origin(source.part, source.place)
        if place is None:
            return "", 0
        return place.path, 1 + self._generator.detokenize(
            self._store.ids(source.part, place.start, source.place)
        ).count("\n")


def _stretch(source: Source | None) -> tuple[str, int] | None:
    """The same for tokens that one expert foretold one after the other."""
    return None if source is None else (source.expert, source.part)


def _text(snapshot: Snapshot, path: str) -> str:
    return snapshot.content(path).decode("utf-8", "replace").replace("\r\n", "\n")
