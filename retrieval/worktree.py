"""Which lines git sees as changed since the last commit, asked in the background and kept for some seconds.

A repository is not trusted, and git runs programs that its `.git/config` names: filters, monitors, drivers. So git is
not given that folder. It gets one of our own, with two lines of configuration and the commit that `HEAD` stands for,
and only the objects and the index of the repository.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexer.reading import UnreadableError, read_file
from retrieval.leak import Lines

REFRESH_S = 5.0
"""An answer counts for so long; then the next one is asked for, and the old one serves until it is there."""

FIRST_WAIT_S = 0.15
"""How long the very first question waits for its answer: a call on 2,000 files takes 20 ms."""

TIMEOUT_S = 3.0
PAUSE_S = 300.0
"""After git took too long or failed: a repository of that size would cost a core all the time."""

MAX_OUTPUT_BYTES = 4 << 20
MAX_STRETCHES = 500  # of changed lines: more is a rewrite, which says nothing about the hole

_MAX_POINTER_BYTES = 4096  # of `.git` as a file, of HEAD, of a ref
_MAX_PACKED_BYTES = 16 << 20

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/[\w./+@-]+")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

_ARGUMENTS = (
    *("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false", "-c", "core.bigFileThreshold=1m"),
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all"),
    *("--ignore-cr-at-eol", "--unified=0", "--diff-filter=AM", "--src-prefix=a/", "--dst-prefix=b/"),
    *("HEAD", "--"),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Lines that differ from the last commit, by path. `number` is another one when they are."""

    lines: Mapping[str, tuple[Lines, ...]] = field(default_factory=dict)
    number: int = 0


class Worktree:
    """The working tree of one repository. Several threads may ask; only the first waits for git, and that shortly."""

    def __init__(
        self, root: Path, *, refresh_s: float = REFRESH_S, first_wait_s: float = FIRST_WAIT_S
    ) -> None:
        """Nothing is run before the first question."""
        self._root = root
        self._refresh_s = refresh_s
        self._first_wait_s = first_wait_s
        self._changes = Changes()
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None
        self._next = 0.0  # on the monotonic clock
        self._asked = False

    def changes(self) -> Changes:
        """The last answer. Where it is old, the next one is asked for meanwhile."""
        with self._lock:
            first, self._asked = not self._asked, True
            if time.monotonic() >= self._next and self._running is None:
                self._running = threading.Thread(target=self._ask, name="git", daemon=True)
                self._running.start()
            running = self._running
        if first and running is not None:
            running.join(self._first_wait_s)
        return self._changes

    def settle(self) -> None:
        """Wait for an answer that is on its way."""
        running = self._running
        if running is not None:
            running.join()

    def _ask(self) -> None:
        try:
            lines = changed_lines(self._root)
        except OSError:
            lines = None
        with self._lock:
            if lines is not None and lines != self._changes.lines:
                self._changes = Changes(lines, self._changes.number + 1)
            self._next = time.monotonic() + (PAUSE_S if lines is None else self._refresh_s)
            self._running = None


def changed_lines(root: Path) -> dict[str, tuple[Lines, ...]] | None:
    """Lines of tracked files that differ from the last commit; of removed lines, the line that follows them.

    {} where there is no commit or nothing changed, None where git is not there, fails or takes too long. Raises
    OSError for a temporary folder that cannot be written.
    """
    folder = _git_folder(root)
    git = shutil.which("git")
    if folder is None or git is None or not Path(git).is_absolute():
        return None
    common = _common_folder(folder)
    commit = _head(folder, common)
    if commit is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="repocoder-git-") as own:
        _make_git_folder(Path(own), commit)
        output = _run([git, *_ARGUMENTS], root, _environment(root, Path(own), folder, common))
    return None if output is None else parse(output)


def parse(diff: bytes) -> dict[str, tuple[Lines, ...]]:
    """The changed lines of a diff without context. Paths that git puts in quotes are left out."""
    found: defaultdict[str, tuple[Lines, ...]] = defaultdict(tuple)
    path, skip, stretches = "", 0, 0
    for line in diff.split(b"\n"):
        if skip:
            skip -= not line.startswith(b"\\")  # "No newline at end of file" is not counted
        elif line.startswith(b"+++ "):
            path = os.fsdecode(line[6:].rstrip(b"\t")) if line.startswith(b"+++ b/") else ""
        elif (match := _HUNK.match(line)) and stretches < MAX_STRETCHES:
            removed, start, added = (int(part) if part is not None else 1 for part in match.groups())
            skip = removed + added
            stretches += 1
            if path:
                first = max(1, start)
                found[path] += ((first, max(first, start + added - 1)),)
    return dict(found)


def _git_folder(root: Path) -> Path | None:
    """The `.git` of the repository: a folder, or where a file of that name points to."""
    place = root / ".git"
    if place.is_dir() and not place.is_symlink():
        return place
    text = _text(root, ".git", _MAX_POINTER_BYTES)
    if text is None or not text.startswith("gitdir: "):
        return None
    folder = root / text.removeprefix("gitdir: ").strip()
    return folder if folder.is_dir() else None


def _common_folder(folder: Path) -> Path:
    """Where objects and branches are: another folder in a linked working tree."""
    text = _text(folder, "commondir", _MAX_POINTER_BYTES)
    return folder if text is None else folder / text.strip()


def _head(folder: Path, common: Path) -> str | None:
    """The commit that is checked out; None before the first one."""
    head = (_text(folder, "HEAD", _MAX_POINTER_BYTES) or "").strip()
    name = head.removeprefix("ref: ").strip()
    if name == head:
        return head if _COMMIT.fullmatch(head) else None
    if not _REF.fullmatch(name) or ".." in name:
        return None
    commit = (_text(common, name, _MAX_POINTER_BYTES) or "").strip()
    if _COMMIT.fullmatch(commit):
        return commit
    for line in (_text(common, "packed-refs", _MAX_PACKED_BYTES) or "").splitlines():
        packed, _, ref = line.partition(" ")
        if ref == name and _COMMIT.fullmatch(packed):
            return packed
    return None


def _make_git_folder(own: Path, commit: str) -> None:
    """What git needs to believe that it is in a repository, and nothing that it could run."""
    (own / "refs").mkdir()
    (own / "HEAD").write_text(f"{commit}\n")
    hashes = "\trepositoryformatversion = 0\n"
    if len(commit) == 64:
        hashes = "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    (own / "config").write_text(f"[core]\n\tbare = false\n{hashes}")


def _environment(root: Path, own: Path, folder: Path, common: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_DIR": str(own),
        "GIT_WORK_TREE": str(root),
        "GIT_INDEX_FILE": str((folder / "index").absolute()),
        "GIT_OBJECT_DIRECTORY": str((common / "objects").absolute()),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
    }


def _run(command: list[str], root: Path, environment: dict[str, str]) -> bytes | None:
    """What the command writes, at most MAX_OUTPUT_BYTES; None if it fails or takes longer than TIMEOUT_S."""
    until = time.monotonic() + TIMEOUT_S
    pieces: list[bytes] = []
    size = 0
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        file = process.stdout.fileno()
        while size < MAX_OUTPUT_BYTES and (left := until - time.monotonic()) > 0:
            if select.select([file], [], [], left)[0]:
                piece = os.read(file, 1 << 16)
                if not piece:
                    return b"".join(pieces) if process.wait(max(0.1, left)) == 0 else None
                pieces.append(piece)
                size += len(piece)
        process.kill()
    return b"".join(pieces) if size >= MAX_OUTPUT_BYTES else None


def _text(folder: Path, name: str, max_bytes: int) -> str | None:
    """A small regular file as text; None for anything else."""
    try:
        return os.fsdecode(read_file(folder, name, max_bytes)[0])
    except UnreadableError:
        return None
