"""A program in a real terminal of ours: its keys go in, what it paints is kept as text, with the time of each paint."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from unicodedata import east_asian_width

READ_BYTES = 1 << 16
END_S = 5.0
"""A program that was told to end is killed after so long."""

# A control sequence (its private mark, numbers and final byte), a string that ends with ST or BEL, or another escape.
_ESCAPE = re.compile(
    r"\x1b(?:\[([<-?]?)([0-9;:]*)[ -/]*([@-~])|[\]P_^X].*?(?:\x1b\\|\x07)|[ -/]*[0-Z\\^-~])", re.DOTALL
)
_LONGEST_ESCAPE = 1 << 20


class TimeoutExpiredError(Exception):
    """What was waited for was not painted. The message has the screen as it was."""


class Screen:
    """The characters of a terminal, as far as full-screen programs use it: places, text and erasing, no colours."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._rest = ""  # of a sequence whose end has not come

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join("".join(line) for line in self._cells)

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def feed(self, text: str) -> None:
        """Take in what a program wrote."""
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            start = text.find("\x1b", at)
            self._write(text[at : start if start >= 0 else len(text)])
            if start < 0:
                return
            found = _ESCAPE.match(text, start)
            if found is None:
                self._rest = text[start:] if len(text) - start < _LONGEST_ESCAPE else ""
                return
            if found[3] and not found[1]:
                self._control(found[3], [int(one) if one.isdigit() else 0 for one in found[2].split(";")])
            at = found.end()

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._row = min(self._row + 1, self.rows - 1)
            elif character == "\b":
                self._column = max(0, self._column - 1)
            elif character >= " " and self._column < self.columns:
                self._cells[self._row][self._column] = character
                self._column += 1
                if east_asian_width(character) in "WF" and self._column < self.columns:
                    self._cells[self._row][self._column] = ""
                    self._column += 1

    def _control(self, final: str, numbers: list[int]) -> None:
        one = numbers[0] or 1
        if final in "Hf":
            self._row = min(one, self.rows) - 1
            self._column = min((numbers[1] if len(numbers) > 1 else 0) or 1, self.columns) - 1
        elif final in "AB":
            self._row = min(max(self._row + (one if final == "B" else -one), 0), self.rows - 1)
        elif final in "CD":
            self._column = min(max(self._column + (one if final == "C" else -one), 0), self.columns - 1)
        elif final == "G":
            self._column = min(one, self.columns) - 1
        elif final in "JK":
            self._erase(final, numbers[0])

    def _erase(self, final: str, which: int) -> None:
        here = self._cells[self._row]
        if which in (0, 2):
            here[self._column if which == 0 else 0 :] = [" "] * (
                self.columns - (self._column if which == 0 else 0)
            )
        if which == 1:
            here[: self._column + 1] = [" "] * (self._column + 1)
        if final == "J":
            others = range(self._row) if which == 1 else range(self._row + 1 if which == 0 else 0, self.rows)
            for row in others:
                self._cells[row] = [" "] * self.columns


class Terminal:
    """A program that was started in a terminal. Times are seconds of `time.perf_counter`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        columns: int = 120,
        rows: int = 36,
    ) -> None:
        self.screen = Screen(columns, rows)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid

    def press(self, keys: str) -> float:
        """Write keys as a terminal sends them; returns when."""
        now = time.perf_counter()
        os.write(self._ours, keys.encode())
        return now

    def wait(self, condition: Callable[[Screen], object], seconds: float) -> float:
        """Read until the screen fulfils the condition; returns when the bytes came that made it true.

        Raises TimeoutExpiredError, also when the program ends.
        """
        now = time.perf_counter()
        end = now + seconds
        while not condition(self.screen):
            if not select.select([self._ours], [], [], max(0.0, end - time.perf_counter()))[0]:
                raise TimeoutExpiredError(
                    f"not painted within {seconds:.0f} s; the screen:\n{self.screen.text}"
                )
            try:
                data = os.read(self._ours, READ_BYTES)
            except OSError:  # the other side was closed
                data = b""
            now = time.perf_counter()
            if not data:
                raise TimeoutExpiredError(f"the program has ended; the screen:\n{self.screen.text}")
            self.screen.feed(self._decoder.decode(data))
        return now

    def rest(self, seconds: float) -> None:
        """Take in what is painted for so long."""
        end = time.perf_counter() + seconds
        try:
            self.wait(lambda _: time.perf_counter() >= end, seconds)
        except TimeoutExpiredError:
            return

    def close(self) -> float:
        """End the program by SIGTERM; returns how many seconds it took to be gone. May be called again."""
        started = time.perf_counter()
        if self._ours < 0:
            return 0.0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            while self._process.poll() is None and time.perf_counter() - started < END_S:
                if select.select([self._ours], [], [], 0.005)[0]:
                    try:
                        os.read(self._ours, READ_BYTES)  # or it could not write its last words
                    except OSError:
                        time.sleep(0.005)
        self._process.kill()
        self._process.wait()
        ended = time.perf_counter()
        os.close(self._ours)
        self._ours = -1
        return ended - started

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
