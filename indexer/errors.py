"""The errors that a user sees, as far as the index raises them; `repocoder.errors` draws the whole tree.

The root lives here because this is the lowest package. `exit_code` is what the command line returns; the message is
one line: what: which: what to do.
"""

from __future__ import annotations


class RepocoderError(Exception):
    """Root of all errors that are shown to a user as one line."""

    exit_code = 1


class IndexFailedError(RepocoderError):
    """The index cannot be built or read."""

    exit_code = 3


class LockedError(RepocoderError):
    """Another process is writing this index."""

    exit_code = 5


class StorageError(RepocoderError):
    """The disk is full, read-only or failing."""

    exit_code = 6


class WorkerError(RepocoderError):
    """A worker process failed repeatedly."""

    exit_code = 8


class DamagedIndexError(IndexFailedError):
    """The index on disk is not what was written, or of another version: building it again helps."""
