"""One run of the indexer, under the writer's lock: plan, parse, stage, publish; recovery from damage."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer import disk, store
from indexer.derived import Derived
from indexer.errors import DamagedIndexError, IndexFailedError
from indexer.generation import FOLDER, Verified, hold, remove_others, verify_part, wanted_parts
from indexer.parse import Parsed, ParsePool
from indexer.plan import Plan, SkipRow, make_plan, read_degraded, read_skips, read_stored, start_time
from indexer.publish import Previous, Work, publish, write_states
from indexer.reading import Found
from indexer.rows import Fresh
from indexer.seal import SEAL_FILE, Seal, put_seal, read_seal, take_seal
from indexer.staging import SMALL, Batch, InMemory, Staged, Stager, drop, sort_staged
from indexer.types import Progress, Skip
from indexer.walk import WalkOptions, walk

OnProgress = Callable[[Progress], None]

# Reasons that say nothing about the next build; the file is looked at again then.
_PASSING = frozenset({"vanished", "changing"})


@dataclass(frozen=True, slots=True)
class Site:
    """A repository, the folder of its index, and what builds it."""

    root: Path
    directory: Path
    derived: tuple[Derived, ...]
    pool: ParsePool
    options: WalkOptions

    def entries(self) -> Iterator[Found | Skip]:
        """The files of the repository. Raises IndexFailedError if the root cannot be listed."""
        try:
            yield from walk(self.root, options=self.options)
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


class CancelledError(Exception):
    """The caller's event was set: what is staged stays, the rest is undone."""


class Update:
    """One run. Attributes are results: `notes`, `changed`, `generation`, `counts`, `skipped`."""

    def __init__(
        self,
        site: Site,
        rebuild: bool,
        progress: OnProgress | None,
        cancel: threading.Event | None,
        *,
        retry_skipped: bool = False,
    ) -> None:
        self._site = site
        self._rebuild = rebuild
        self._retry_skipped = retry_skipped
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
        disk.remove_tree(directory / FOLDER)

    def _place(self) -> Path:
        """The database to work on; the first index of a repository grows under another name."""
        place = self._site.directory / store.DATABASE
        first = self._site.directory / store.FIRST_DATABASE
        if place.exists():
            store.remove_database(first)
            return place
        store.remove_database(place)  # a log without its database would be taken for that of the next
        if not first.exists():
            store.remove_database(first)
            store.create(first, self._site.root)
        return first

    def _open(self, place: Path) -> sqlite3.Connection:
        try:
            return store.open_reading(place, self._site.root)
        except IndexFailedError as error:
            if self._rebuild:  # then an index of a newer program may go, too
                raise DamagedIndexError(str(error)) from error
            raise

    def _rename_first(self, first: Path) -> Path:
        """Give a complete first index its name; until then no reader sees it."""
        with contextlib.closing(store.open_writing(first)) as connection:
            store.copy_log(connection)
        place = first.with_name(store.DATABASE)
        disk.rename(first, place)
        store.remove_database(first)  # what is left of its log
        return place

    def _run_once(self) -> None:
        self._read_ns = start_time()
        place = self._place()
        reading = self._open(place)
        try:
            self.generation = store.read_number(reading, "generation")
            if (
                place.name == store.FIRST_DATABASE and self.generation
            ):  # complete, but killed before its renaming
                reading.close()
                place = self._rename_first(place)
                reading = store.open_reading(place, self._site.root)
            remove_others(self._site.directory, self.generation)
            is_written, seal = self._bring_up_to_date(place, reading)
            self._read_results(reading)
        finally:
            reading.close()
        if is_written or read_seal(self._site.directory) is None:
            if place.name == store.FIRST_DATABASE and self.generation:
                place = self._rename_first(place)
            put_seal(self._site.directory, place.name, seal)

    def _bring_up_to_date(self, place: Path, reading: sqlite3.Connection) -> tuple[bool, Seal | None]:
        """Whether anything was written, and the seal that was taken away for it."""
        try:
            plan, skips = self._plan(reading)
            previous, incomplete = self._sound_parts(reading)
        except CancelledError:
            self._note_cancelled()
            return False, None
        if not (incomplete or plan.parse or plan.removed or plan.touched or plan.skips != skips):
            return False, None
        seal = take_seal(self._site.directory)
        # `reading` stays open meanwhile: the last connection to close copies the log, which small changes
        # need not.
        with contextlib.closing(store.open_writing(place)) as writing:
            try:
                self._write(writing, plan, previous, incomplete)
            except CancelledError:
                self._note_cancelled()
            if place.name == store.DATABASE:
                store.shorten_log(writing, place)
        return True, seal

    def _note_cancelled(self) -> None:
        self.notes.append("cancelled: what was parsed is kept for the next run")

    # ---- what is to do

    def _plan(self, reading: sqlite3.Connection) -> tuple[Plan, dict[str, SkipRow]]:
        """The plan, and the skips as they are."""
        stored, skips = read_stored(reading), read_skips(reading)
        self._step("walk", 0, 0, "")
        known, known_skips = ({}, {}) if self._rebuild else (stored, skips)
        if self._retry_skipped:
            known_skips = {path: row for path, row in known_skips.items() if row.reason != "poison"}
        plan = make_plan(
            self._site.root,
            self._site.entries(),
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
        self, writing: sqlite3.Connection, plan: Plan, previous: dict[str, Previous], incomplete: bool
    ) -> None:
        batch, skips = self._parse(writing, plan)
        gone = [path for path in plan.parse if path in skips and _is_indexed(writing, path)]
        removed = (*plan.removed, *gone)
        work = Work(batch, removed, plan.touched, skips, self._read_ns)
        if incomplete or removed or len(batch):
            changed = len(batch) + len(removed)
            site = self._site
            self.generation = publish(writing, site.directory, work, site.derived, previous, self._step)
            self.changed = changed
            return
        disk.begin(writing)
        try:
            write_states(writing, work)
            disk.commit(writing)
        finally:
            disk.roll_back(writing)

    def _parse(self, writing: sqlite3.Connection, plan: Plan) -> tuple[Batch, dict[str, SkipRow]]:
        """Parse what has to be, stage it if it is much; all skips there are now."""
        staged, stale = sort_staged(writing, self._site.root, {} if self._rebuild else plan.parse)
        if stale:
            disk.begin(writing)
            try:
                drop(writing, stale)
                disk.commit(writing)
            finally:
                disk.roll_back(writing)
        todo = [path for path in plan.parse if path not in staged]
        skips = dict(plan.skips)
        few: list[Fresh] = []
        stager = Stager(writing, self._read_ns) if staged or len(todo) > SMALL else None
        for parsed in self._parsed(todo, plan, skips, stager):
            few.append(Fresh(parsed, self._read_ns, 0))
        if stager is None:
            return InMemory(sorted(few, key=lambda one: one.parsed.path)), skips
        return Staged(writing), skips

    def _parsed(
        self, todo: list[str], plan: Plan, skips: dict[str, SkipRow], stager: Stager | None
    ) -> Iterator[Parsed]:
        """Parse; skips are noted and results given to the stager, or yielded where there is none."""
        lines = 0
        try:
            for done, result in enumerate(self._site.pool.parse(todo)):
                self._step("parse", done, len(todo), result.path, lines)
                lines += 0 if isinstance(result, Skip) else result.facts.n_lines
                if isinstance(result, Skip):
                    skips[result.path] = self._skip_row(result, plan)
                elif stager is not None:
                    stager.add(result)
                else:
                    yield result
        finally:
            if stager is not None:
                stager.flush()

    def _skip_row(self, skip: Skip, plan: Plan) -> SkipRow:
        if skip.reason in _PASSING:
            return SkipRow(skip.reason, None, 0)
        return SkipRow(skip.reason, plan.parse[skip.path], self._read_ns)

    def _read_results(self, reading: sqlite3.Connection) -> None:
        if self.generation:
            self.counts = {name: store.read_number(reading, f"n_{name}") for name in self.counts}
        reasons = reading.execute(
            "SELECT reason, count(*) FROM skips GROUP BY reason"
            " UNION ALL SELECT degraded, count(*) FROM files WHERE degraded != '' GROUP BY degraded"
        )
        self.skipped = {}
        for reason, count in reasons:
            self.skipped[reason] = self.skipped.get(reason, 0) + count


def _is_indexed(connection: sqlite3.Connection, path: str) -> bool:
    row = connection.execute("SELECT 1 FROM files WHERE path = ?", (os.fsencode(path),)).fetchone()
    return row is not None
