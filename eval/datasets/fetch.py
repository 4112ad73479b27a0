"""Downloads the official archives from the repositories of their authors: what `repocoder eval fetch` does.

Each archive is pinned by repository, revision, path and git's own id of its content in that revision (`git ls-tree`),
which is the SHA-1 of a header with the size, and the content. None of the archives has a published SHA-256, and they
were not at hand to compute one, so no SHA-256 is pinned: one that cannot be shown to be right would be an invention.
The id proves that what came is what the authors committed; the SHA-256 of what was accepted is returned with it.

This module has the only network code of the evaluation, and loads it when something is really fetched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from eval.datasets.archives import benchmarks_dir, sha256, unpacked
from repocoder.errors import LockedError, StorageError, UsageError

Progress = Callable[[str, int, int], None]
"""Called with the name of the archive, the bytes that are there and the bytes that will be (0: not announced)."""

SERVER = "https://raw.githubusercontent.com"
TIMEOUT_S = 30.0  # without a byte
MAX_BYTES = 128 << 20  # GitHub takes no file above 100 MiB that is committed as it is
SPARE_BYTES = 256 << 20  # left free on the disk

_BLOCK = 1 << 18
_AGAIN = "try again: what came is kept; or name a copy with --data DIR"


@dataclass(frozen=True, slots=True)
class Pin:
    """One archive, and where it is kept in the folder of benchmarks."""

    repository: str
    revision: str  # commit
    path: str
    blob: str  # git's id of the content
    place: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Fetched:
    """An archive that is the pinned one."""

    path: Path
    size: int
    sha256: str


_CODET = ("microsoft/CodeT", "35f54d60b152cc31d134b788e702878ad613d9f7")
_CCEVAL = ("amazon-science/cceval", "25f9cab757f5607695a4e7cbe7c4fee09d423d4c")

_TASKS = Pin(
    *_CODET,
    "RepoCoder/datasets/datasets.zip",
    "0f8a50199e2a3c38ab5322302138ac026f6255a6",
    "repoeval/datasets/datasets.zip",
)
_LINE_AND_API = Pin(
    *_CODET,
    "RepoCoder/repositories/line_and_api_level.zip",
    "90b701a8c1106365465b398b15a844aec7f3da36",
    "repoeval/repositories/line_and_api_level.zip",
)
_FUNCTION = Pin(
    *_CODET,
    "RepoCoder/repositories/function_level.zip",
    "7dfc4a9f6ccf5ff84864359050b1eb5c65572ced",
    "repoeval/repositories/function_level.zip",
)
_CROSSCODEEVAL = Pin(
    *_CCEVAL,
    "data/crosscodeeval_data.tar.xz",
    "d838b2795a5b314fb7580c652c4df98f4c61d2c9",
    "crosscodeeval/crosscodeeval_data.tar.xz",
)

ARCHIVES = {
    "repoeval-line": (_TASKS, _LINE_AND_API),
    "repoeval-api": (_TASKS, _LINE_AND_API),
    "repoeval-function": (_TASKS, _FUNCTION),
    "crosscodeeval-python": (_CROSSCODEEVAL,),
    "crosscodeeval-java": (_CROSSCODEEVAL,),
    "crosscodeeval-typescript": (_CROSSCODEEVAL,),
    "crosscodeeval-csharp": (_CROSSCODEEVAL,),
}
"""Name of the benchmark -> the archives that it needs."""


def fetch(
    names: Sequence[str], folder: Path | None = None, progress: Progress | None = None
) -> tuple[Fetched, ...]:
    """Download and unpack what the benchmarks `names` need; what is there already is checked and kept.

    `folder`: where the archives go, the cache if None; it can be given to `load`. Raises UsageError for a name that is
    no benchmark, LockedError if another process fetches the same archive, StorageError if the network or the disk
    fails or if what came is not what is pinned, which is then deleted.
    """
    pins: dict[str, Pin] = {}
    for name in names:
        if name not in ARCHIVES:
            raise UsageError(f"fetch: {name}: no such benchmark: choose of {', '.join(ARCHIVES)}")
        pins.update({pin.place: pin for pin in ARCHIVES[name]})
    root = benchmarks_dir() if folder is None else folder
    fetched = tuple(fetch_archive(pin, root, progress) for pin in pins.values())
    for archive in fetched:
        unpacked(archive.path)
    return fetched


def fetch_archive(
    pin: Pin, folder: Path, progress: Progress | None = None, *, server: str = SERVER
) -> Fetched:
    """One archive, whole and checked. `server` is for tests: only HTTPS and this very machine are allowed."""
    target = folder / pin.place
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked_part(part, pin) as file:
            if not _is_pinned(target, pin):
                if not _is_pinned(part, pin):  # it is, if the process was killed just before the end
                    _download(pin, file, progress, server)
                if not _is_pinned(part, pin):
                    raise StorageError(
                        f"fetch: {pin.name}: not the pinned content: it was deleted, try again"
                    )
                part.replace(target)
        return Fetched(target, target.stat().st_size, sha256(target))
    except OSError as error:
        raise StorageError(
            f"fetch: {target}: {error.strerror or error}: free some space, or make the folder writable"
        ) from error


def _is_pinned(path: Path, pin: Pin) -> bool:
    return path.is_file() and git_blob_id(path) == pin.blob


def git_blob_id(path: Path) -> str:
    """Git's name for the content of a file: SHA-1 of `blob <size>`, a zero byte and the bytes."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _locked_part(part: Path, pin: Pin) -> Iterator[BinaryIO]:
    """What came so far, for one process only; it stays after an interruption, and goes after anything else."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"fetch: {pin.name}: another process fetches it: wait for it") from error
        try:
            yield file
        except _Interrupted as error:
            if not part.stat().st_size:
                part.unlink()
            raise StorageError(f"fetch: {pin.name}: {error}: {_AGAIN}") from error
        except Exception:
            part.unlink(missing_ok=True)
            raise
        part.unlink(missing_ok=True)  # nothing was missing


class _Interrupted(Exception):  # noqa: N818 # not an error of ours: it becomes one, with the archive's name
    """The network failed; what came is good as far as it goes."""


def _download(pin: Pin, file: BinaryIO, progress: Progress | None, server: str) -> None:
    """Append what is missing to what came before."""
    there = file.seek(0, os.SEEK_END)
    url = f"{server}/{pin.repository}/{pin.revision}/{pin.path}"
    with _open(url, there) as (stream, start, size):
        file.seek(start)
        file.truncate()
        if size > MAX_BYTES:
            raise StorageError(
                f"fetch: {pin.name}: the server has {size} bytes of it: refused, none is so large"
            )
        if shutil.disk_usage(file.fileno()).free < size - start + SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = start
        while block := _read(stream):
            file.write(block)
            done += len(block)
            if done > MAX_BYTES:
                raise StorageError(f"fetch: {pin.name}: more than {MAX_BYTES >> 20} MiB came: refused")
            if progress is not None:
                progress(pin.name, done, size)
        file.flush()
        os.fsync(file.fileno())
    if done < size:
        raise _Interrupted(f"the connection ended after {done} of {size} bytes")


@contextlib.contextmanager
def _open(url: str, there: int) -> Iterator[tuple[IO[bytes], int, int]]:
    """The answer of the server: its bytes, the offset they begin at, and the size of the whole (0: not told)."""
    from http import HTTPStatus
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class SafeRedirects(HTTPRedirectHandler):
        """Follows none from HTTPS to anything else."""

        def redirect_request(
            self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
        ) -> Request | None:
            try:
                _check_address(newurl, local=False)
            except StorageError:
                fp.close()
                raise
            return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]

    _check_address(url, local=True)
    request = Request(url, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310 # checked above
    try:
        answer = build_opener(SafeRedirects).open(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and there:
            raise StorageError(
                f"fetch: {url}: what came before does not fit: it was deleted, try again"
            ) from error
        raise _Interrupted(f"{url}: the server answers {error.code} {error.reason}") from error
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise _Interrupted(f"no answer from {url} ({reason})") from error
    with contextlib.closing(answer):
        length = int(answer.headers.get("Content-Length") or 0)
        part = answer.status == HTTPStatus.PARTIAL_CONTENT
        start = there if part and answer.headers.get("Content-Range", "").startswith(f"bytes {there}-") else 0
        if part and not start:
            raise StorageError(f"fetch: {url}: the server sent another part than was asked for: try again")
        yield answer, start, start + length if length else 0


def _read(stream: IO[bytes]) -> bytes:
    from http.client import HTTPException

    try:
        return stream.read(_BLOCK)
    except (HTTPException, OSError) as error:
        raise _Interrupted(f"the connection broke ({error})") from error


def _check_address(url: str, *, local: bool) -> None:
    """HTTPS only; the server of a test, on this very machine, has no certificate."""
    if not url.startswith("https://") and not (local and url.startswith("http://127.0.0.1:")):
        raise StorageError(f"fetch: {url}: not HTTPS: refused")
