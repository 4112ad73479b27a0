"""The indexer: brings the index of one repository up to date with its files."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from indexer import disk, store
from indexer.derived import Derived
from indexer.errors import DamagedIndexError
from indexer.generation import wanted_parts
from indexer.lock import writer_lock
from indexer.parse import ParsePool
from indexer.plan import is_up_to_date, read_skips, read_stored
from indexer.types import BuildReport
from indexer.update import OnProgress, Request, Site, Update
from indexer.walk import WalkOptions


class Indexer:
    """Builds and updates the index in `directory`. One build at a time: across processes by a lock on a file.

    `pool` is shared with whoever parses buffers; its workers start when first needed and live until `close`.
    """

    def __init__(
        self,
        root: Path,
        directory: Path,
        *,
        derived: Sequence[Derived] = (),
        workers: int | None = None,
        walk_options: WalkOptions | None = None,
        nice: int = 0,
    ) -> None:
        """`workers`: how many files are parsed at once, None for one on each CPU. `nice`: see `ParsePool`."""
        options = walk_options or WalkOptions()
        self.root = root
        self.directory = directory
        self.pool = ParsePool(root, workers, max_file_bytes=options.max_file_bytes, nice=nice)
        self._site = Site(root, directory, tuple(derived), self.pool, options)

    def build(
        self,
        *,
        rebuild: bool = False,
        changed: Collection[str] | None = None,
        retry_skipped: bool = False,
        progress: OnProgress | None = None,
        cancel: threading.Event | None = None,
    ) -> BuildReport:
        """Bring the index up to date. `rebuild`: parse every file again. `retry_skipped`: parse those again that
        ended their worker, or were given up as too costly.

        `changed`: the paths that may differ from the index, relative to the root with `/` between their parts, files
        and folders, there or gone: nothing else is looked at, which saves the walk. They are judged by the same rules
        as all files; None: the whole repository is walked.

        Cancelled, it returns the report of the index as it was, with a note; what was parsed is kept for the
        next build. Raises LockedError, StorageError, IndexFailedError, WorkerError; the old index stays
        readable.
        """
        started = time.monotonic()
        update = Update(self._site, Request(rebuild, changed, retry_skipped), progress, cancel)
        with disk.translated(self.directory):
            disk.prepare_folder(self.directory)
            with writer_lock(self.directory):
                update.run()
        return BuildReport(
            **update.counts,
            skipped=update.skipped,
            changed=update.changed,
            generation=update.generation,
            seconds=time.monotonic() - started,
            notes=tuple(update.notes),
        )

    def is_stale(self) -> bool:
        """Whether a build would change the index; cheap: one walk, and no file is read but those just
        written.

        Raises IndexFailedError for an index of a newer program, StorageError.
        """
        place = self.directory / store.DATABASE
        if not place.exists():
            return True
        try:
            with (
                disk.translated(place),
                contextlib.closing(store.open_reading(place, self.root)) as connection,
            ):
                with contextlib.closing(self._site.open_generation(connection)) as held:
                    wanted_parts(held.manifest, self._site.versions)
                stored, skips = read_stored(connection), read_skips(connection)
        except DamagedIndexError:
            return True
        return not is_up_to_date(self.root, self._site.entries(), stored, skips)

    def close(self) -> None:
        """End the parse workers."""
        self.pool.close()

    def __enter__(self) -> Indexer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
