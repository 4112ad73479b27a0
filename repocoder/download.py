"""Download of the recommended models: the only code that uses a network, when the user asks for it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from repocoder import paths
from repocoder.errors import ModelError, StorageError
from repocoder.gguf import read_header
from repocoder.models import RECOMMENDED, ModelFile, Recommended, file_sha256, record_file

OnBytes = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that will be."""

SPARE_BYTES = 256 << 20  # left free on the disk


def find_recommended(name: str) -> Recommended:
    """The entry of this name; ModelError that lists all if there is none."""
    for model in RECOMMENDED:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in RECOMMENDED)
    raise ModelError(f"no such model to download: {name}: choose one of {names}")


def pull(model: Recommended, *, progress: OnBytes | None = None, endpoint: str | None = None) -> ModelFile:
    """Download, check size and SHA-256 against the pinned ones, record. A broken one is resumed next time.

    What the hub announces is compared before a byte is downloaded, what came is hashed before it is recorded.
    `endpoint` is the address of the hub (`HF_ENDPOINT` otherwise). No token of the user is sent.
    """
    folder = paths.models_dir()
    part, target = folder / f"{model.name}.part", folder / f"{model.name}.gguf"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _open_part(part, model) as file:
            _fetch(model, file, progress, endpoint)
        if part.stat().st_size != model.size or file_sha256(part) != model.sha256:
            part.unlink()
            raise ModelError(f"download: {model.file}: not the pinned file: it was deleted, pull again")
        read_header(part)
        part.replace(target)
    except OSError as error:
        raise _explain(error, model) from error
    return record_file(model.name, target, origin="pulled", sha256=model.sha256)


def _open_part(path: Path, model: Recommended) -> BinaryIO:
    """What came so far, locked against a second download, with the position at its end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    file = os.fdopen(descriptor, "r+b")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ModelError(f"download: {model.name}: it is being downloaded already: wait for that") from None
    if file.seek(0, os.SEEK_END) > model.size:
        file.truncate(0)
        file.seek(0)
    return file


def _fetch(model: Recommended, file: BinaryIO, progress: OnBytes | None, endpoint: str | None) -> None:
    """Append what is missing. `hf_hub_download` would begin anew each time."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
    from huggingface_hub.utils import logging as hub_logging

    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # what fails is told in one line, by us
    # The errors of the HTTP library are no OSErrors; the hub's own error derives from their base class.
    transport_error: type[BaseException] = HfHubHTTPError.__bases__[0]
    try:
        url = hf_hub_url(model.repo, model.file, revision=model.revision, endpoint=endpoint)
        announced = get_hf_file_metadata(url, token=False, endpoint=endpoint)
        _compare(model, announced.size, announced.etag)
        there = file.tell()
        _check_space(paths.models_dir(), model.size - there)
        http_get(
            url,
            file,
            resume_size=there,
            headers=build_hf_headers(token=False),
            expected_size=model.size,
            tqdm_class=_bar(progress, model.size),
        )
    except transport_error as error:
        raise _explain(error, model) from error


def _compare(model: Recommended, size: int | None, etag: str | None) -> None:
    """What the hub announces must be what is pinned; for large files its etag is the SHA-256."""
    if size is not None and size != model.size:
        raise ModelError(
            f"download: {model.file}: the hub has {size} bytes, pinned are {model.size}: refused"
        )
    if etag is not None and len(etag) == len(model.sha256) and etag != model.sha256:
        raise ModelError(
            f"download: {model.file}: the hub has SHA-256 {etag[:12]}, pinned is {model.sha256[:12]}: refused"
        )


def _check_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise StorageError(f"download: {folder}: {size >> 20} MiB needed, {free >> 20} free: free some space")


def _bar(progress: OnBytes | None, size: int) -> type[Any]:
    """A class with the interface of tqdm's bar that tells `progress` and prints nothing."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class Quiet(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)  # of the hub's own bars
            super().__init__(*args, **{**options, "disable": True})
            self.n = options.get("initial") or 0
            self._tell()

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            self._tell()
            return None

        def _tell(self) -> None:
            if progress is not None:
                progress(int(self.n), size)

    return Quiet


def _explain(error: BaseException, model: Recommended) -> ModelError | StorageError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        return StorageError(f"download: {model.file}: {error.strerror}: free some space or check the folder")
    lines = str(error).strip().splitlines()
    return ModelError(
        f"download: {model.repo}: {lines[0][:160] if lines else type(error).__name__}: check the network; "
        "a second pull goes on where this one stopped"
    )
