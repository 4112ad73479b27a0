"""How soon does the terminal UI answer? The real program in a terminal of ours, real keys, beside a baseline each.

    python -m eval.bench.ui REPO [--large TREE] [--runs 7] [--keys 200] [--only start keys ghost] [--json]

start: a cold process until its first paint and until its first key is answered, index present; beside it an application
of Textual that shows one line, and what of ours is imported by then. keys: from a key to its paint while the index of
TREE is made, and while TREE comes in again and completions are asked for; beside it the same keys on an idle UI. ghost:
from the last key to the suggestion, automatic and warm; beside it the engine alone at the same cursors. Nothing is
written into REPO or TREE: they are copied, and all state is in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eval.bench.terminal import Screen, Terminal, TimeoutExpiredError

PARTS = ("start", "keys", "ghost")
PAINTED = "Quit"  # in the footer
FINDER_KEY, FINDER = "\x10", "Esc leaves"
COMPLETE_KEY = "\x0e"
AUTOMATIC_KEY = "\x1b[19~"  # F8
END_OF_FILE, END_OF_LINE = "\x1b[1;5F", "\x1b[F"
BUSY = re.compile(r"index: (?:not read|looking|parsing|resolving|indexing|publishing)")
READY = re.compile(r"index: [\d,]+ files")
FOUND = re.compile(r"[1-9][\d,]* of [\d,]+ files?")  # in the finder
MODEL_LOADING = "model: loading"

WAIT_S = 120.0
INDEX_S = 1800.0
BETWEEN_KEYS_S = 0.12
"""Of a fluent typist."""

SETTLE_S = 2.0

ASK_EVERY = 8
"""Keys; then a completion is asked for, and the next key comes into the middle of it."""

ASKED_S = 0.2
GHOST_S = 4.0
"""A cursor without a suggestion by then has none."""

WARM = 2  # cursors that come first, and are not counted

NARROW = 99
"""Columns in which the editor has the whole width: a line of the screen is a line of the file."""

LETTERS = "qzxjkvw"  # words of these are in no suggestion

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("Quit")
    def on_key(self, event):
        self.query_one(Static).update("Esc leaves")
Empty().run()
"""
IMPORTS = """
import time
start = time.perf_counter()
import textual.app
textual = time.perf_counter()
import repocoder.cli.edge, repocoder.cli.opening, tui.app
print(1000 * (textual - start), 1000 * (time.perf_counter() - textual))
"""


@dataclass(slots=True)
class Times:
    """Milliseconds of one thing, measured several times."""

    name: str
    values: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")

    def line(self) -> str:
        low, middle, high = self.quantile(0.0), self.quantile(0.5), self.quantile(0.95)
        return f"{self.name:<58} {low:8.0f} {middle:8.0f} {high:8.0f}   {len(self.values)}"


class Bench:
    """Runs the program and keeps the times, in the order in which they were first noted."""

    def __init__(self, scratch: Path, runs: int) -> None:
        self._scratch = scratch
        self._runs = runs
        self.times: dict[str, Times] = {}
        self.notes: list[str] = []
        self.environment = {
            **{
                f"XDG_{name}_HOME": str(scratch / name.lower())
                for name in ("CACHE", "STATE", "CONFIG", "DATA")
            },
            "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",  # compiled once, as an installed package is
        }
        os.environ.update(self.environment)

    def note(self, name: str, seconds: float) -> None:
        self.times.setdefault(name, Times(name)).values.append(1000 * seconds)

    def program(self, root: Path, columns: int = 120) -> Terminal:
        return Terminal([sys.executable, "-m", "repocoder", str(root)], columns=columns)

    # ---- start

    def start(self, repo: Path) -> None:
        """First paint and first key: ours and an empty application in turn, after a run that compiles."""
        subprocess.run(
            [sys.executable, "-m", "repocoder", "index", str(repo)], check=True, capture_output=True
        )
        commands = {
            "repocoder": [sys.executable, "-m", "repocoder", str(repo)],
            "empty Textual application": [sys.executable, "-c", EMPTY_APP],
        }
        for number in range(self._runs + 1):
            for name, command in commands.items():
                with Terminal(command) as terminal:
                    painted = terminal.wait(_shows(PAINTED), WAIT_S)
                    terminal.press(FINDER_KEY if name == "repocoder" else "k")
                    answered = terminal.wait(_shows(FINDER), WAIT_S)
                    if number:
                        self.note(f"{name}: start to first paint", painted - terminal.started)
                        self.note(f"{name}: start to first key answered", answered - terminal.started)
            done = subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True)
            textual, ours = map(float, done.stdout.split())
            if number:
                self.note("imports before the first paint: textual.app", textual / 1000)
                self.note("imports before the first paint: all else", ours / 1000)

    # ---- keys

    def keys(self, tree: Path, count: int) -> None:
        """Keys while the first index of a tree is made, idle, and while the tree comes in a second time."""
        root, more = self._scratch / "large" / tree.name, self._scratch / "more"
        for place in (root, more):
            shutil.copytree(tree, place, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        target = root / "typed_here.py"
        target.write_text("def first():\n    return 1\n" * 100, encoding="utf-8")
        with self.program(root) as terminal:
            terminal.wait(_shows(PAINTED), WAIT_S)
            self._open(terminal, target.name)
            self._type(terminal, count, "key to paint, first index is made", _is_busy)
            terminal.wait(_matches(READY), INDEX_S)
            terminal.press(AUTOMATIC_KEY)  # off: nothing is suggested unasked
            terminal.rest(SETTLE_S)
            self._type(terminal, count, "key to paint, idle", lambda _: True)
            terminal.press(AUTOMATIC_KEY)
            more.rename(root / "again")
            terminal.wait(_is_busy, WAIT_S)
            name = "key to paint, the tree comes in again, completions"
            self._type(terminal, count, name, _is_busy, ask=True)
            self.note("SIGTERM to end, while the index is made", terminal.close())

    def _open(self, terminal: Terminal, name: str, line: int = 1) -> None:
        """Open a file by the finder."""
        terminal.press(FINDER_KEY)
        terminal.wait(_shows(FINDER), WAIT_S)
        terminal.press(f"{name}:{line}")
        terminal.wait(lambda screen: f"{name}:{line}" in screen.text and FOUND.search(screen.text), WAIT_S)
        terminal.press("\r")
        terminal.wait(lambda screen: FINDER not in screen.text and name in screen.text, WAIT_S)
        terminal.rest(1.0)

    def _type(
        self,
        terminal: Terminal,
        count: int,
        name: str,
        goes_on: Callable[[Screen], object],
        *,
        ask: bool = False,
    ) -> None:
        """Type words at the end of the file for as long as the condition holds, `count` keys at most."""
        rng = random.Random(name)  # noqa: S311 - letters, not a secret
        word = ""
        terminal.press(END_OF_FILE)
        terminal.rest(SETTLE_S)  # a key that is bound is carried out later than one that is typed
        for number in range(count):
            if number % (2 * ASK_EVERY) == 0:
                word = f"{LETTERS[:2]}{number}n{len(name)}"  # is nowhere else on the screen
                terminal.press(f"\r{word}")
                terminal.wait(_shows(word), WAIT_S)
                terminal.rest(BETWEEN_KEYS_S)
            if not goes_on(terminal.screen):
                self.notes.append(f"{name}: over after {number} keys")
                return
            if ask and number % ASK_EVERY == ASK_EVERY - 1:
                terminal.press(COMPLETE_KEY)
                terminal.rest(ASKED_S)
            word += rng.choice(LETTERS)
            pressed = terminal.press(word[-1])
            painted = terminal.wait(_shows(word), WAIT_S)
            self.note(name, painted - pressed)
            terminal.rest(BETWEEN_KEYS_S)

    # ---- ghost

    def ghost(self, repo: Path, count: int) -> None:
        """Suggestions after a pause at sampled cursors whose first letter is typed, and the engine at the same."""
        from eval.bench.cursors import Cursor, sample_cursors

        root = self._scratch / "ghost" / repo.name
        shutil.copytree(repo, root, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        cursors: dict[str, Cursor] = {cursor.path: cursor for cursor in sample_cursors(root, count, 1)}
        for cursor in cursors.values():
            (root / cursor.path).write_text(cursor.text, encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "repocoder", "index", str(root)], check=True, capture_output=True
        )
        missing = 0
        with self.program(root, NARROW) as terminal:
            terminal.wait(
                lambda screen: READY.search(screen.text) and MODEL_LOADING not in screen.text, WAIT_S
            )
            for number, cursor in enumerate(cursors.values()):
                for name, enter in (("the cursor rested on the line", ""), ("a line that Enter began", "\r")):
                    seconds = self._time_to_ghost(terminal, cursor, enter)
                    missing += seconds is None
                    if seconds is not None and number >= WARM:
                        self.note(f"key to ghost, with the pause: {name}", seconds)
        self.notes.append(
            f"ghost: {missing} of {2 * len(cursors)} times no suggestion within {GHOST_S:.0f} s"
        )
        self._engine_alone(root, list(cursors.values()))

    def _time_to_ghost(self, terminal: Terminal, cursor: Any, enter: str) -> float | None:
        """Seconds from the first letter of the true line to a suggestion behind it; None if there is none."""
        letter = cursor.truth[0]
        self._open(terminal, cursor.path, cursor.line - len(enter))
        terminal.press(END_OF_LINE)
        terminal.rest(0.5)
        if enter:
            terminal.press(enter)
            terminal.rest(BETWEEN_KEYS_S)
        pressed = terminal.press(letter)
        # A line of the file with a letter and nothing else, and a suggestion, which may begin with a space.
        shown = _matches(re.compile(rf"^\s*{cursor.line}  \s*{re.escape(letter)} ?\S", re.M))
        try:
            return terminal.wait(shown, GHOST_S) - pressed
        except TimeoutExpiredError:
            return None

    def _engine_alone(self, root: Path, cursors: Sequence[Any]) -> None:
        from repocoder.config import load_settings
        from repocoder.engine import Engine
        from repocoder.paths import state_dir
        from repocoder.rates import Rates
        from repocoder.types import CompletionRequest

        settings = load_settings(root).settings
        with Engine(root, settings, rates=Rates(state_dir())) as engine:
            engine.remember()
            engine.warm_up()
            for number, cursor in enumerate(cursors):
                lines = cursor.text.split("\n")
                lines[cursor.line - 1] += cursor.truth[0]
                request = CompletionRequest(
                    path=cursor.path,
                    line=cursor.line,
                    column=cursor.column + 1,
                    text="\n".join(lines),
                    max_tokens=settings.max_tokens,
                    passes=settings.passes,
                )
                first: list[float] = []
                started = time.perf_counter()
                engine.complete(request, on_text=partial(_note_time, first))
                ended = time.perf_counter()
                if number >= WARM:
                    self.note("Engine.complete alone: first text", (first or [ended])[0] - started)
                    self.note("Engine.complete alone: whole", ended - started)


def _note_time(times: list[float], _text: str, _turn: int) -> None:
    times.append(time.perf_counter())


def _shows(text: str, times: int = 1) -> Callable[[Screen], bool]:
    return lambda screen: screen.text.count(text) >= times


def _matches(pattern: re.Pattern[str]) -> Callable[[Screen], bool]:
    return lambda screen: pattern.search(screen.text) is not None


_is_busy = _matches(BUSY)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.ui", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("repo", type=Path, help="a repository for `start` and `ghost`")
    parser.add_argument("--large", type=Path, help="a tree for `keys`: a million lines; by default REPO")
    parser.add_argument("--runs", type=int, default=7, help="cold starts")
    parser.add_argument("--keys", type=int, default=200, help="at most, in each situation")
    parser.add_argument("--cursors", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    repo = options.repo.resolve()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="repocoder-ui-")))
        bench = Bench(scratch, options.runs)
        if "start" in options.only:
            bench.start(repo)
        if "keys" in options.only:
            bench.keys((options.large or repo).resolve(), options.keys)
        if "ghost" in options.only:
            bench.ghost(repo, options.cursors)
    if options.json:
        json.dump(
            {"times": {one.name: one.values for one in bench.times.values()}, "notes": bench.notes},
            sys.stdout,
        )
        print()
        return 0
    load = os.getloadavg()[0]
    print(
        f"{'milliseconds':<58} {'min':>8} {'p50':>8} {'p95':>8}   n     ({os.cpu_count()} cores, load {load:.1f})"
    )
    for one in bench.times.values():
        print(one.line())
    for note in bench.notes:
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
