"""When was a line last changed? Asked of git, which is run so that nothing in the repository can make it run a program.

What a hostile `.git/config` could name is switched off: file system monitors, hooks, filters and text conversion (only
committed bytes are read), signature checks, remotes (a partial clone must not fetch), pagers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from repocoder.errors import UsageError

BLAME_S = 60.0
"""Wall seconds for the history of one file; a file that takes longer is left out."""

LOG_S = 300.0
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.bareRepository=explicit",
    "-c", "log.showSignature=false", "-c", "blame.ignoreRevsFile=",
    "--no-optional-locks", "--no-pager", "--literal-pathspecs",
)  # fmt: skip
_BLAME = ("blame", "--porcelain", "--no-textconv", "-w", "-M", "-C", "HEAD", "--")
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")  # GIT_DIR and the like would point elsewhere


def parse_date(text: str) -> datetime:
    """A day (its beginning in UTC) or a moment, ISO 8601. Raises UsageError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"--since: {text!r}: is no date: write it as 2024-05-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class History:
    """The dates of the lines of one repository."""

    def __init__(self, root: Path, since: datetime) -> None:
        """Raises UsageError where there is no git, or `root` is in no repository of it with a commit."""
        self._root = root
        self._since = since.timestamp()
        git = shutil.which("git")
        if git is None or not Path(git).is_absolute():
            raise UsageError("--since: git: is not installed: install it, or leave --since out")
        self._git = git
        self._files = self._changed_files()

    def fresh_lines(self, path: str, data: bytes) -> frozenset[int]:
        """Lines (1-based) of a file that were last written after the date, by both dates that git keeps.

        A line that was only moved or indented among the files of its commit keeps its older date. Empty where the file
        on disk (`data`) is not the committed one, or git cannot tell.
        """
        if path not in self._files:
            return frozenset()
        try:
            answer = self._run(BLAME_S, *_BLAME, path)
        except subprocess.TimeoutExpired:
            return frozenset()
        if answer.returncode != 0:
            return frozenset()
        committed, stamps = _read_porcelain(answer.stdout)
        on_disk = [line.rstrip(b"\r") for line in data.split(b"\n")]
        if on_disk[-1:] == [b""]:
            on_disk.pop()
        if on_disk != committed:
            return frozenset()
        return frozenset(number for number, stamp in enumerate(stamps, 1) if stamp >= self._since)

    def _changed_files(self) -> frozenset[str]:
        """The files that commits after the date touched."""
        moment = datetime.fromtimestamp(self._since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        command = (
            "log",
            f"--since={moment}",
            "--name-only",
            "--relative",
            "-z",
            "--format=",
            "-m",
            "--no-renames",
        )
        try:
            answer = self._run(LOG_S, *command, "--no-ext-diff", "--no-textconv", "HEAD", "--", ".")
        except subprocess.TimeoutExpired:
            raise UsageError(f"--since: {self._root}: git takes too long: leave --since out") from None
        if answer.returncode != 0:
            raise UsageError(
                f"--since: {self._root}: has no git history that can be read, so its lines have no dates:"
                " leave --since out"
            )
        return frozenset(
            os.fsdecode(name.strip(b"\n")) for name in answer.stdout.split(b"\0") if name.strip()
        )

    def _run(self, seconds: float, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return subprocess.run(
            [self._git, *_SAFE, "-C", str(self._root), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**environment, **_ENVIRONMENT},
            cwd="/",
            timeout=seconds,
            check=False,
        )


def _read_porcelain(output: bytes) -> tuple[list[bytes], list[float]]:
    """The committed lines, and for each the earlier of its author's and its committer's seconds."""
    lines: list[bytes] = []
    stamps: list[float] = []
    times: dict[bytes, float] = {}
    commit = b""
    for row in output.split(b"\n"):
        if row.startswith(b"\t"):
            lines.append(row[1:].rstrip(b"\r"))
            stamps.append(times.get(commit, 0.0))
            commit = b""
        elif not commit:
            commit = row.partition(b" ")[0]
        elif row.startswith((b"author-time ", b"committer-time ")):
            stamp = float(row.rpartition(b" ")[2])
            times[commit] = min(stamp, times.get(commit, stamp))
    return lines, stamps
