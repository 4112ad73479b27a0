"""Errors that a user sees, and their exit codes.

    RepocoderError            1  internal
    ├── UsageError            2  bad arguments, configuration, position; no terminal
    ├── IndexFailedError      3  the index cannot be built or read
    ├── ModelError            4  the model file is missing, damaged or unusable
    ├── LockedError           5  another indexer holds the lock
    ├── StorageError          6  disk full, read-only, input or output failed
    ├── StaleTargetError      7  the file changed since the completion was made
    └── WorkerError           8  a worker process failed repeatedly

Every message is one line, `what: which: what to do`, shown as `repocoder: …` on stderr, without a traceback unless
`--debug` asks for one. The root and the errors of storage, lock and workers live in `indexer.errors`.
"""

from __future__ import annotations

from indexer.errors import (
    IndexFailedError,
    LockedError,
    RepocoderError,
    StorageError,
    WorkerError,
)


class UsageError(RepocoderError):
    """Bad arguments, configuration or position; no terminal."""

    exit_code = 2


class ModelError(RepocoderError):
    """The model file is missing, damaged or unusable."""

    exit_code = 4


class StaleTargetError(RepocoderError):
    """The file changed since the completion was made."""

    exit_code = 7


__all__ = [
    "IndexFailedError",
    "LockedError",
    "ModelError",
    "RepocoderError",
    "StaleTargetError",
    "StorageError",
    "UsageError",
    "WorkerError",
]
