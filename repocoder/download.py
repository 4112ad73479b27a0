"""Download of the recommended models: the only code that uses a network, when the user asks for it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    staging = paths.models_dir() / ".staging" / model.name
    target = paths.models_dir() / f"{model.name}.gguf"
    try:
        staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = _fetch(model, staging, progress, endpoint)
        if path.stat().st_size != model.size or file_sha256(path) != model.sha256:
            shutil.rmtree(staging)
            raise ModelError(f"download: {model.file}: not the pinned file: it was deleted, pull again")
        read_header(path)
        path.replace(target)
        shutil.rmtree(staging)
    except OSError as error:
        raise _explain(error, model) from error
    return record_file(model.name, target, origin="pulled", sha256=model.sha256)


def _fetch(model: Recommended, staging: Path, progress: OnBytes | None, endpoint: str | None) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    # The errors of the HTTP library are no OSErrors; the hub's own error derives from their base class.
    transport_error: type[BaseException] = HfHubHTTPError.__bases__[0]
    try:
        url = hf_hub_url(model.repo, model.file, revision=model.revision, endpoint=endpoint)
        announced = get_hf_file_metadata(url, token=False, endpoint=endpoint)
        _compare(model, announced.size, announced.etag)
        _check_space(staging, model.size)
        return Path(
            hf_hub_download(
                model.repo,
                model.file,
                revision=model.revision,
                local_dir=staging,
                token=False,
                endpoint=endpoint,
                tqdm_class=_bar(progress, model.size),
            )
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
    there = sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())
    if free + there < size + SPARE_BYTES:
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
