"""Which models there are: the embedded one, those the user recorded, those worth downloading.

A file is trusted by its SHA-256: pinned in its card for the embedded one, in the code for the recommended ones,
recorded in the user's data folder for the others. Hashing gigabytes at each start is too slow, so a file is hashed
again only if its size, times or inode differ from those at the last hashing; `verify` always hashes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from repocoder import paths
from repocoder.cards import COMPLETION, read_card
from repocoder.errors import ModelError, StorageError
from repocoder.fim import detect, facts_of
from repocoder.gguf import GgufHeader, read_header
from repocoder.records import Entry, Record, Stamp

EMBEDDED = read_card(COMPLETION)
EMBEDDED_NAME = EMBEDDED.name
EMBEDDED_FILE = EMBEDDED.path
EMBEDDED_SHA256 = EMBEDDED.files[EMBEDDED.file]
EMBEDDED_CTX = EMBEDDED.context
"""Tokens of its training samples, where its header may say more."""
EMBEDDED_NOTE = EMBEDDED.note


@dataclass(frozen=True, slots=True)
class Recommended:
    """A model worth downloading. Revision, size and digest are those that several public projects pin."""

    name: str
    repo: str
    file: str
    revision: str  # commit of the repository
    size: int  # bytes
    sha256: str
    note: str


RECOMMENDED = (
    Recommended(
        "qwen2.5-coder-0.5b",
        "ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF",
        "qwen2.5-coder-0.5b-q8_0.gguf",
        "5788aee90e725673490be18f553d234feaa8303d",
        531_068_128,
        "d0f8cd6c49bab52a0abdbe47948518b1f4d9b1a8a2a6825099cea31cea10ac56",
        "for slow machines; Apache-2.0",
    ),
    Recommended(
        "qwen2.5-coder-1.5b",
        "ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF",
        "qwen2.5-coder-1.5b-q8_0.gguf",
        "8be1b8a895a84beea772817caaa71eba6b6e0d07",
        1_646_573_056,
        "29871c94d15727a6e243f79a37113d4ae625a6215b5e800bf41a23af2da32832",
        "for most machines; Apache-2.0",
    ),
    Recommended(
        "qwen2.5-coder-3b",
        "ggml-org/Qwen2.5-Coder-3B-Q8_0-GGUF",
        "qwen2.5-coder-3b-q8_0.gguf",
        "9c1de162ae417c9c3aacde97c729c4128de047d8",
        3_285_476_160,
        "a522a906e299ed34db738b9626b2cd0da9e446c14674468a22fc2eae3dbd344d",
        "for fast machines; Qwen research licence, not for commercial use",
    ),
)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that may be loaded: its header was checked and its digest is the trusted one."""

    name: str
    path: Path
    sha256: str
    header: GgufHeader
    max_ctx: int | None = None  # below what the header says, None to go by the header


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One row of `models list`. `problem` is empty for a usable file."""

    name: str
    path: str
    size: int  # bytes
    sha256: str
    template: str
    n_ctx: int
    origin: str  # embedded | added | linked | pulled
    note: str = ""
    problem: str = ""


def resolve(name_or_path: str | None = None) -> ModelFile:
    """The model of this name or path, the embedded one for None. ModelError: there is none, or it changed."""
    if name_or_path is not None and "://" in name_or_path:
        raise ModelError(
            "remote model: remote models are for `repocoder eval` only: give a name or a GGUF file"
        )
    if name_or_path is None or name_or_path == EMBEDDED_NAME:
        return _open_embedded()
    record = Record(paths.data_dir())
    entry = record.read().get(name_or_path)
    if entry is not None:
        return _open_recorded(entry, record)
    path = Path(name_or_path).expanduser()
    if not path.exists():
        known = any(model.name == name_or_path for model in RECOMMENDED)
        hint = (
            f"`repocoder models pull {name_or_path}` gets it"
            if known
            else "`repocoder models list` shows all"
        )
        raise ModelError(f"no such model: {name_or_path}: {hint}")
    path = path.resolve()
    header = read_header(path)
    sha256 = record.seen(path, Stamp.of(path)) or _hash_and_remember(path, record)
    return ModelFile(path.stem, path, sha256, header, _max_ctx(sha256))


def add(path: Path, *, name: str | None = None, link: bool = False) -> ModelFile:
    """Record a GGUF file under a name (its own, without the ending, by default).

    The file gets a place of its own in the data folder, so that tidying up a download folder does not take
    the model away: a hard link where the file system allows it, which costs nothing, else a copy. `link` only
    notes where the file is. ModelError if the file is not sound or another model has the name.
    """
    source = path.expanduser().resolve()
    read_header(source)
    chosen = name or re.sub(r"[^A-Za-z0-9._-]+", "_", source.stem).strip("._-")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", chosen):
        raise ModelError(f"model name: {chosen!r}: use letters, digits, `.`, `_`, `-`")
    record = Record(paths.data_dir())
    known = record.read().get(chosen)
    if chosen == EMBEDDED_NAME or (known is not None and known.sha256 != file_sha256(source)):
        raise ModelError(f"model name: {chosen}: another model has it: choose one with --name")
    if known is not None and Path(known.path).exists():
        return _open_recorded(known, record)
    target = source if link else _take_in(source, paths.models_dir() / f"{chosen}.gguf")
    return record_file(chosen, target, origin="linked" if link else "added")


def record_file(name: str, path: Path, *, origin: str, sha256: str | None = None) -> ModelFile:
    """Check a file that is in its final place and record it; `sha256` if it was just computed."""
    header = read_header(path)
    before = Stamp.of(path)
    digest = sha256 or file_sha256(path)
    Record(paths.data_dir()).put(Entry(name, str(path), digest, origin, before))
    return ModelFile(name, path, digest, header, _max_ctx(digest))


def list_models() -> tuple[ListedModel, ...]:
    """The embedded model and the recorded ones. Reads headers, hashes nothing; a bad file is a row too."""
    embedded = Entry(EMBEDDED_NAME, str(EMBEDDED_FILE), EMBEDDED_SHA256, "embedded", None)
    entries = sorted(Record(paths.data_dir()).read().values(), key=lambda entry: entry.name)
    return tuple(_row(entry) for entry in (embedded, *entries))


def verify(name: str) -> ModelFile:
    """Hash a model's file again; ModelError if it is not the one that was recorded."""
    if name == EMBEDDED_NAME:
        return _open_embedded()
    record = Record(paths.data_dir())
    entry = record.read().get(name)
    if entry is None:
        raise ModelError(f"no such model: {name}: `repocoder models list` shows all")
    return _open_recorded(entry, record, hash_again=True)


def remove(name: str) -> bool:
    """Forget a model. True if its file was deleted too: a linked file is the user's and stays."""
    if name == EMBEDDED_NAME:
        raise ModelError(f"cannot remove: {name}: it is part of the program")
    entry = Record(paths.data_dir()).drop(name)
    if entry is None:
        raise ModelError(f"no such model: {name}: `repocoder models list` shows all")
    path = Path(entry.path)
    if path.parent != paths.models_dir() or not path.exists():
        return False
    try:
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot delete: {path}: {error.strerror}") from error
    return True


def _open_embedded() -> ModelFile:
    header = read_header(EMBEDDED_FILE)
    if file_sha256(EMBEDDED_FILE) != EMBEDDED_SHA256:
        raise ModelError(
            f"model file: {EMBEDDED_FILE}: not the file of this release: install repocoder again"
        )
    return ModelFile(EMBEDDED_NAME, EMBEDDED_FILE, EMBEDDED_SHA256, header, EMBEDDED_CTX)


def _open_recorded(entry: Entry, record: Record, *, hash_again: bool = False) -> ModelFile:
    path = Path(entry.path)
    header = read_header(path)
    stamp = Stamp.of(path)
    if hash_again or stamp != entry.stamp:
        digest = file_sha256(path)
        if digest != entry.sha256:
            raise ModelError(
                f"model file: {path}: changed since it was recorded (SHA-256 {digest[:12]}, not "
                f"{entry.sha256[:12]}): `repocoder models remove {entry.name}`, add it again if you trust it"
            )
        record.put(Entry(entry.name, entry.path, entry.sha256, entry.origin, stamp))
    return ModelFile(entry.name, path, entry.sha256, header, _max_ctx(entry.sha256))


def _row(entry: Entry) -> ListedModel:
    path = Path(entry.path)
    notes = {model.sha256: model.note for model in RECOMMENDED} | {EMBEDDED_SHA256: EMBEDDED_NOTE}
    try:
        header = read_header(path)
        size = path.stat().st_size
    except (ModelError, OSError) as error:
        return ListedModel(entry.name, entry.path, 0, entry.sha256, "", 0, entry.origin, problem=str(error))
    return ListedModel(
        entry.name,
        entry.path,
        size,
        entry.sha256,
        detect(facts_of(header)).name,
        _max_ctx(entry.sha256) or header.n_ctx,
        entry.origin,
        notes.get(entry.sha256, ""),
    )


def _take_in(source: Path, target: Path) -> Path:
    """A hard link or a copy at `target`, complete or not there at all."""
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.link(source, part)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, part)
        part.replace(target)
    except OSError as error:
        raise StorageError(f"cannot store: {target}: {error.strerror}: free space or use --link") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _hash_and_remember(path: Path, record: Record) -> str:
    stamp = Stamp.of(path)
    digest = file_sha256(path)
    record.note_seen(path, stamp, digest)
    return digest


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; ModelError if it cannot be read or changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise ModelError(f"model file: {path}: {error.strerror}: check the file") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ModelError(f"model file: {path}: changed while it was read: try again")
    return digest


def _max_ctx(sha256: str) -> int | None:
    return EMBEDDED_CTX if sha256 == EMBEDDED_SHA256 else None
