"""One run of the indexer, under the writer's lock: plan, parse, publish; recovery from damage."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from indexer import disk, store
from indexer.derived import Derived
from indexer.errors import DamagedIndexError, IndexFailedError
from indexer.fingerprint import fingerprint
from indexer.generation import FOLDER, Verified, hold, remove_others, verify_part, wanted_parts
from indexer.look import look, places_of
from indexer.parse import Parsed, ParsePool
from indexer.plan import Plan, SkipRow, make_plan, read_degraded, read_skips, read_stored, start_time
from indexer.publish import Previous, Work, publish
from indexer.reading import Found
from indexer.schema import SCHEMA_VERSION
from indexer.seal import SEAL_FILE, Seal, put_seal, read_seal, take_seal
from indexer.staging import LOG_FILE, SMALL, Fresh, StagingLog, in_order
from indexer.types import Progress, Skip
from indexer.walk import WalkOptions, walk

OnProgress = Callable[[Progress], None]

# Reasons that say nothing about the next build; the file is looked at again then.
_PASSING = frozenset({"vanished", "changing"})

# Large files are parsed first, so that no worker is left with one when the others are done. What they give is
# held until their turn, so there must not be too many.
LARGE_BYTES = 256 << 10
MAX_LARGE = 32


@dataclass(frozen=True, slots=True)
class Site:
    """A repository, the folder of its index, and what builds it."""

    root: Path
    directory: Path
    derived: tuple[Derived, ...]
    pool: ParsePool
    options: WalkOptions

    def entries(self, places: Collection[str] | None = None) -> Iterator[Found | Skip]:
        """The files of the repository, or those at some places and below. Raises IndexFailedError if the root cannot
        be listed.
        """
        try:
            if places is None:
                yield from walk(self.root, options=self.options)
            else:
                yield from look(self.root, places, self.options)
        except OSError as error:
            what = error.strerror or str(error)
            raise IndexFailedError(
                f"repository: {self.root}: {what}: name a folder that can be read"
            ) from error

    def open_generation(self, connection: sqlite3.Connection) -> Verified:
        """Hold the current generation. Raises DamagedIndexError, OSError."""
        generation = store.read_number(connection, "generation")
        repository, manifest = (
            store.read_text(connection, "repository"),
            store.read_text(connection, "manifest"),
        )
        try:
            return hold(self.directory, generation, repository, manifest)
        except FileNotFoundError:
            raise DamagedIndexError(f"index: generation {generation}: missing") from None

    @property
    def versions(self) -> dict[str, str]:
        return {one.name: one.version for one in self.derived}


class Request(NamedTuple):
    """What a build is asked for."""

    rebuild: bool = False  # parse every file again
    changed: Collection[str] | None = None  # look at these paths only; None: walk the repository
    retry_skipped: bool = False  # parse those again that ended their worker, or were given up as too costly


class CancelledError(Exception):
    """The caller's event was set: what is staged stays, the rest is undone."""


class Update:
    """One run. Attributes are results: `notes`, `changed`, `generation`, `counts`, `skipped`."""

    def __init__(
        self,
        site: Site,
        request: Request,
        progress: OnProgress | None,
        cancel: threading.Event | None,
    ) -> None:
        self._site = site
        self._rebuild = request.rebuild
        self._retry_skipped = request.retry_skipped
        is_partial = request.changed is not None and not (request.rebuild or request.retry_skipped)
        self._places = places_of(request.changed or ()) if is_partial else None
        self._progress = progress
        self._cancel = cancel
        self._read_ns = 0
        self.notes: list[str] = []
        self.changed = 0
        self.generation = 0
        self.counts = dict.fromkeys(("files", "chunks", "symbols", "edges"), 0)
        self.skipped: dict[str, int] = {}

    def run(self) -> None:
        """Raises the errors of `indexer.errors`, OSError, sqlite3.DatabaseError."""
        try:
            with disk.translated(self._site.directory):
                self._run_once()
        except DamagedIndexError as error:
            self.notes.append(f"{error}: rebuilt")
            self._wipe()
            self._run_once()

    def _step(self, stage: str, done: int, total: int, path: str, lines: int = 0) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise CancelledError
        if self._progress is not None:
            self._progress(Progress(stage, done, total, path, lines))

    # ---- the database as a whole

    def _wipe(self) -> None:
        directory = self._site.directory
        for name in (store.DATABASE, store.FIRST_DATABASE):
            store.remove_database(directory / name)
        disk.remove(directory / SEAL_FILE)
        disk.remove(directory / LOG_FILE)
        disk.remove_tree(directory / FOLDER)

    def _run_once(self) -> None:
        self._read_ns = start_time()
        directory = self._site.directory
        place = directory / store.DATABASE
        store.remove_database(directory / store.FIRST_DATABASE)  # what a build left that was killed
        if place.exists():
            self._update(place)
            return
        store.remove_database(place)  # a log without its database would be taken for that of the next
        try:
            self._build_first()
        except CancelledError:
            self._note_cancelled()

    def _build_first(self) -> None:
        """Make the first index beside its place, and give it its name when it is complete."""
        site = self._site
        remove_others(site.directory, 0)
        self._step("walk", 0, 0, "")
        plan = make_plan(
            site.root, site.entries(), {}, {}, lambda done, path: self._step("walk", done, 0, path)
        )
        first = site.directory / store.FIRST_DATABASE
        connection = store.create(first, site.root)
        try:
            self._write(connection, plan, {}, is_first=True, previous={}, is_needed=True)
            place = store.complete(connection, first)
        except BaseException:
            connection.close()
            with contextlib.suppress(OSError):
                store.remove_database(first)
            raise
        put_seal(site.directory, place.name, None)
        self._forget_log()
        with contextlib.closing(store.open_reading(place, site.root, seal_known=True)) as reading:
            self._read_results(reading)

    def _update(self, place: Path) -> None:
        reading = self._open(place)
        is_written, seal = False, None
        try:
            self.generation = store.read_number(reading, "generation")
            remove_others(self._site.directory, self.generation)
            try:
                is_written, seal = self._bring_up_to_date(place, reading)
            except CancelledError:
                self._note_cancelled()
            self._read_results(reading)
        finally:
            reading.close()
        if is_written or read_seal(self._site.directory) is None:
            put_seal(self._site.directory, place.name, seal)

    def _open(self, place: Path) -> sqlite3.Connection:
        try:
            return store.open_reading(place, self._site.root)
        except IndexFailedError as error:
            if self._rebuild:  # then an index of a newer program may go, too
                raise DamagedIndexError(str(error)) from error
            raise

    def _bring_up_to_date(self, place: Path, reading: sqlite3.Connection) -> tuple[bool, Seal | None]:
        """Whether anything was written, and the seal that was taken away for it."""
        plan, skips = self._plan(reading)
        previous, is_needed = self._sound_parts(reading)
        if not (is_needed or plan.parse or plan.removed or plan.touched or plan.skips != skips):
            self._forget_log()
            return False, None
        seal = take_seal(self._site.directory)
        # `reading` stays open meanwhile: the last connection to close copies the log, which small changes need not.
        with contextlib.closing(store.open_writing(place)) as writing:
            try:
                self._write(writing, plan, skips, is_first=False, previous=previous, is_needed=is_needed)
            except CancelledError:
                self._note_cancelled()
            store.shorten_log(writing, place)
        return True, seal

    def _note_cancelled(self) -> None:
        self.notes.append("cancelled: what was parsed is kept for the next run")

    # ---- what is to do

    def _plan(self, reading: sqlite3.Connection) -> tuple[Plan, dict[str, SkipRow]]:
        """The plan, and the skips as they are."""
        stored, skips = read_stored(reading, self._places), read_skips(reading, self._places)
        self._step("walk", 0, 0, "")
        known, known_skips = ({}, {}) if self._rebuild else (stored, skips)
        if self._retry_skipped:
            known_skips = {path: row for path, row in known_skips.items() if row.reason != "poison"}
        plan = make_plan(
            self._site.root,
            self._site.entries(self._places),
            known,
            known_skips,
            lambda done, path: self._step("walk", done, len(stored), path),
        )
        if self._rebuild:
            plan = plan._replace(removed=tuple(path for path in stored if path not in plan.parse))
        elif self._retry_skipped:
            for path in set(read_degraded(reading)) - plan.parse.keys() - set(plan.removed):
                plan.parse[path] = plan.touched.pop(path, stored[path].found)
        return plan, skips

    def _sound_parts(self, reading: sqlite3.Connection) -> tuple[dict[str, Previous], bool]:
        """The derived structures that can be built upon, and whether any is missing."""
        if not self.generation or self._rebuild:
            return {}, True
        try:
            held = self._site.open_generation(reading)
        except DamagedIndexError as error:
            self.notes.append(f"{error}: rebuilt")
            return {}, True
        sound: dict[str, Previous] = {}
        with contextlib.closing(held):
            for name, version in self._site.versions.items():
                try:
                    part = wanted_parts(held.manifest, {name: version})[name]
                    verify_part(held.folder, name, part)
                    sound[name] = Previous(held.folder / name, part)
                except DamagedIndexError as error:
                    self.notes.append(f"{error}: rebuilt")
        return sound, len(sound) < len(self._site.derived)

    # ---- doing it

    def _write(
        self,
        connection: sqlite3.Connection,
        plan: Plan,
        skips: dict[str, SkipRow],
        *,
        is_first: bool,
        previous: dict[str, Previous],
        is_needed: bool,
    ) -> None:
        """Parse and publish. What is parsed is also noted in a log if it is much."""
        site = self._site
        log = None
        if len(plan.parse) > SMALL or StagingLog.exists(site.directory):
            log = StagingLog(site.directory, self._log_key(), self._read_ns)
        try:
            results = self._results(plan, log)
            work = Work(
                results, plan.removed, plan.touched, skips, dict(plan.skips),
                lambda skip: self._skip_row(skip, plan), self._read_ns, is_first, is_needed,
                site.pool.size, site.pool.nice,
            )  # fmt: skip
            published = publish(connection, site.directory, work, site.derived, previous, self._step)
            self.generation, self.changed = published
            if log is not None and not is_first:
                log.remove()
        finally:
            if log is not None:
                log.close()

    def _log_key(self) -> str:
        return f"{store.identity(self._site.root)} {fingerprint()} {SCHEMA_VERSION}"

    def _forget_log(self) -> None:
        """What an earlier build left is of no use any more."""
        if StagingLog.exists(self._site.directory):
            disk.remove(self._site.directory / LOG_FILE)

    def _results(self, plan: Plan, log: StagingLog | None) -> Iterator[Fresh | Skip]:
        """One for each file to parse, in the order of the paths, so that the same files get the same ids."""
        useful: frozenset[str] = frozenset()
        if log is not None and not self._rebuild:
            useful = log.useful(self._site.root, plan.parse)
        todo = [path for path in sorted(plan.parse) if path not in useful]
        large = [path for path in todo if plan.parse[path].size >= LARGE_BYTES][:MAX_LARGE]
        first = frozenset(large)
        parsed = self._parsed([*large, *(path for path in todo if path not in first)], log)

        def noted(path: str) -> Fresh | None:
            return log.read(path) if log is not None and path in useful else None

        with contextlib.closing(parsed):
            yield from in_order(sorted(plan.parse), parsed, noted, self._read_ns)

    def _parsed(self, todo: list[str], log: StagingLog | None) -> Generator[Parsed | Skip]:
        """Parse; what comes is noted."""
        lines = 0
        try:
            for done, result in enumerate(self._site.pool.parse(todo)):
                self._step("parse", done, len(todo), result.path, lines)
                if isinstance(result, Parsed):
                    lines += result.head.n_lines
                    if log is not None:
                        log.add(result)
                yield result
        finally:
            if log is not None:
                log.flush()

    def _skip_row(self, skip: Skip, plan: Plan) -> SkipRow:
        if skip.reason in _PASSING:
            return SkipRow(skip.reason, None, 0)
        return SkipRow(skip.reason, plan.parse[skip.path], self._read_ns)

    def _read_results(self, reading: sqlite3.Connection) -> None:
        self.generation = store.read_number(reading, "generation")
        if self.generation:
            self.counts = {name: store.read_number(reading, f"n_{name}") for name in self.counts}
        reasons = reading.execute(
            "SELECT reason, count(*) FROM skips GROUP BY reason"
            " UNION ALL SELECT degraded, count(*) FROM files WHERE degraded != '' GROUP BY degraded"
        )
        self.skipped = {}
        for reason, count in reasons:
            self.skipped[reason] = self.skipped.get(reason, 0) + count
