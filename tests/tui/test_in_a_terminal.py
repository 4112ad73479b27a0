"""The real program in a real terminal with the embedded model: open, complete, accept, undo, search, jump, quit.

tmux is the terminal: it has its own server here, on a socket of its own. Nothing sleeps for a fixed time: each step
waits for what it must bring onto the pane.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WAIT_S = 120.0
"""For one step. Other tests keep the machine busy, and the first completion loads the model."""

FILES = {
    "shop/__init__.py": "",
    "shop/catalog.py": '''"""What the shop sells."""


class Catalog:
    """Items by name."""

    def __init__(self, items):
        self.items = {item.name: item for item in items}

    def find_item(self, name):
        """The item of that name."""
        return self.items[name]
''',
    "shop/orders.py": '''"""Orders of customers."""

from shop.catalog import Catalog


class Order:
    def __init__(self, catalog: Catalog):
        self.catalog = catalog
        self.items = []

    def add_item(self, name):
        self.items.append(self.catalog.find_item(name))

    def find_item(self, name):
        return self.
''',
}
HOLE_LINE, HOLE = 15, "        return self."


class Terminal:
    """A program in a pane of its own tmux server."""

    def __init__(self, folder: Path, socket: str) -> None:
        self._folder = folder
        self._socket = socket
        self._code = Path(socket).with_name("code")

    def start(self, command: list[str], environment: dict[str, str], columns: int, rows: int) -> None:
        size = ["-x", str(columns), "-y", str(rows)]
        given = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
        # tmux forgets now and then how a program ended, so that a shell notes it
        noting = ["sh", "-c", '"$@"; echo $? > "$0"', str(self._code)]
        self._tmux("new-session", "-d", *size, "-c", str(self._folder), *given, *noting, *command)
        self._tmux("set-option", "-g", "remain-on-exit", "on")  # its last words and its exit code stay
        self._tmux("set-option", "-s", "set-clipboard", "on")

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def clipboard(self) -> str:
        """What the program copied by OSC 52."""
        return self._tmux("show-buffer", check=False)

    def ended(self) -> int | None:
        """The exit code, None while the program runs."""
        code = self._code.read_text() if self._code.exists() else ""
        return int(code) if code.endswith("\n") else None

    def wait(self, what: str, condition: Callable[[str], object]) -> str:
        """The screen as soon as the condition holds for it."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            screen = self.screen()
            if condition(screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"not seen within {WAIT_S:.0f} s: {what}\n{self.screen()}")

    def wait_for(self, words: str) -> str:
        return self.wait(words, lambda screen: words in screen)

    def kill(self) -> None:
        self._tmux("kill-server", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-S", self._socket, "-f", os.devnull, *arguments]
        environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert not check or done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def terminal(shop: Path, tmp_path: Path) -> Iterator[Terminal]:
    """The program in the repository, 100 by 30, with folders of its own."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: the program is not driven in a real terminal here")
    environment = {
        f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")
    }
    environment |= {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with tempfile.TemporaryDirectory(prefix="rc") as place:  # a socket's path may have 107 bytes only
        found = Terminal(shop, f"{place}/s")
        try:
            found.start([sys.executable, "-m", "repocoder"], environment, 100, 30)
            yield found
        finally:
            found.kill()


def rest_of_line(screen: str, number: int) -> str:
    """What stands on a line of the file, a suggestion too."""
    found = re.search(rf"(?:^|\s){number}  (.*)$", screen, re.MULTILINE)
    return re.split(r"\s*▏", found.group(1))[0].rstrip() if found else ""


def test_open_complete_accept_undo_search_jump_quit(terminal: Terminal, shop: Path) -> None:
    file = shop / "shop" / "orders.py"
    terminal.wait_for("3 files")  # the index is there
    terminal.wait("the model's name", lambda screen: "model: repocoder" in screen)

    terminal.keys("C-p")
    terminal.wait_for("Open a file")
    terminal.type("orders")
    terminal.wait("one hit", lambda screen: "orders.py" in screen and "1 of " in screen)
    terminal.keys("Enter")
    terminal.wait_for("shop/orders.py  1:1")

    # complete in the hole, and take one word
    terminal.keys("C-End", "Up", "End")
    terminal.wait_for(f"shop/orders.py  {HOLE_LINE}:{len(HOLE) + 1}")
    terminal.keys("C-n")
    screen = terminal.wait("a suggestion", lambda screen: "Tab Accept" in screen and "tokens, " in screen)
    suggested = rest_of_line(screen, HOLE_LINE)
    assert len(suggested) > len(HOLE)
    terminal.keys("C-Right")
    screen = terminal.wait("an unsaved mark", lambda screen: "● shop/orders.py" in screen)
    word = re.match(r"\w+|[^\w\s]+", suggested[len(HOLE) :])
    assert word is not None
    taken = HOLE + word.group()
    terminal.wait_for(f"shop/orders.py  {HOLE_LINE}:{len(taken) + 1}")
    assert rest_of_line(terminal.screen(), HOLE_LINE) == suggested  # the rest is still proposed
    terminal.keys("Escape")
    terminal.wait("only the word", lambda screen: rest_of_line(screen, HOLE_LINE) == taken)
    assert file.read_text() == FILES["shop/orders.py"]  # nothing is written without a key

    # undo, redo, save
    terminal.keys("C-z")
    terminal.wait("the text before", lambda screen: rest_of_line(screen, HOLE_LINE) == HOLE)
    terminal.wait("saved again", lambda screen: "● shop/orders.py" not in screen)
    terminal.keys("C-y")
    terminal.wait("the word again", lambda screen: rest_of_line(screen, HOLE_LINE) == taken)
    terminal.keys("C-s")
    terminal.wait_for("saved shop/orders.py")
    wanted = FILES["shop/orders.py"].replace(f"{HOLE}\n", f"{taken}\n")
    assert file.read_text() == wanted

    # search in the file, copy the match
    terminal.keys("C-f")
    terminal.wait_for("Esc Close")
    terminal.type("find_item")
    terminal.wait_for("1 of 2")
    terminal.keys("Escape")
    terminal.wait("the line of the search is gone", lambda screen: "Esc Close" not in screen)
    terminal.keys("C-c")
    terminal.wait("the match on the clipboard", lambda _: terminal.clipboard() == "find_item")

    # jump to the definition and back
    terminal.keys("F12")
    terminal.wait_for("shop/catalog.py  10:5")
    terminal.keys("F4")
    terminal.wait_for("shop/orders.py  12:")

    terminal.keys("C-q")
    terminal.wait("the end", lambda _: terminal.ended() is not None)
    assert terminal.ended() == 0
    assert "Traceback" not in terminal.screen()
    assert file.read_text() == wanted
    others = {path: path.read_text() for path in sorted(shop.rglob("*.py")) if path != file}
    assert others == {shop / name: text for name, text in sorted(FILES.items()) if shop / name != file}
    assert sorted(path.name for path in shop.iterdir()) == ["shop"]  # nothing of ours is left there


def test_what_is_not_saved_is_asked_about(terminal: Terminal, shop: Path) -> None:
    terminal.wait_for("3 files")
    terminal.keys("C-p")
    terminal.wait_for("Open a file")
    terminal.type("catalog")
    terminal.keys("Enter")  # at once: what was typed ahead counts
    terminal.wait_for("shop/catalog.py  1:1")
    terminal.type("#")
    terminal.wait_for("● shop/catalog.py")
    terminal.keys("C-q")
    terminal.wait_for("Save and quit")
    terminal.keys("Right", "Right", "Enter")  # discard
    terminal.wait("the end", lambda _: terminal.ended() is not None)
    assert terminal.ended() == 0
    assert (shop / "shop" / "catalog.py").read_text() == FILES["shop/catalog.py"]
