"""The real console command in a process of its own, on a small real repository, with the embedded model."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repocoder.cli import main

FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": '''"""Prices and taxes."""

from __future__ import annotations

from dataclasses import dataclass

TAX_RATES = {"book": 0.07, "toy": 0.19}


@dataclass(frozen=True)
class Money:
    """An amount in cents of a currency."""

    cents: int
    currency: str = "EUR"

    def plus(self, other: Money) -> Money:
        return Money(self.cents + other.cents, self.currency)


def price_with_tax(net: Money, kind: str) -> Money:
    """The gross price of something of a kind."""
    return Money(round(net.cents * (1 + TAX_RATES[kind])), net.currency)
''',
    "shop/cart.py": '''"""A cart of things to buy."""

from __future__ import annotations

from shop.prices import Money, price_with_tax


class Cart:
    """Collects items and sums them up."""

    def __init__(self) -> None:
        self.items: list[tuple[str, Money]] = []

    def add_item(self, kind: str, net: Money) -> None:
        self.items.append((kind, net))

    def total(self) -> Money:
        total = Money(0)
        for kind, net in self.items:
            gross = price_with_tax(net, kind)
            total = total.plus(gross)
        return total
''',
    "shop/report.py": '''from shop.cart import Cart


def print_receipt(cart: Cart) -> str:
    """The receipt of a cart as text."""
    lines = [f"{kind}: {net.cents}" for kind, net in cart.items]
    lines.append(f"total: {cart.total().cents}")
    return "\\n".join(lines)
''',
    "notes.md": "# Shop\n\nTaxes are rounded for each item.\n",
    ".gitignore": "build/\n",
    "build/out.py": "IGNORED = True\n",
    ".env": "TOKEN=secret\n",
    "empty.py": "",
}


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line of an error."""
        lines = [line for line in self.err.splitlines() if not line.startswith("repocoder: note:")]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("repocoder: ")
        assert self.out == ""
        return lines[0].removeprefix("repocoder: ")


Run = Callable[..., Answer]


def write_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def make_environment(place: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests: own XDG folders, no settings, no terminal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REPOCODER_")}
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(place / name.lower())
    return {**environment, "HOME": str(place), "TERM": "xterm-256color", "PYTHONWARNINGS": "error"}


def make_run(environment: dict[str, str], folder: Path) -> Run:
    def run(*arguments: str, stdin: str | bytes = b"", cwd: Path = folder, **extra: str) -> Answer:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        command = [sys.executable, "-m", "repocoder", *arguments]
        done = subprocess.run(
            command, input=data, cwd=cwd, env={**environment, **extra}, capture_output=True, timeout=120
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def run_here(
    environment: dict[str, str],
    shop: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """The same without a process of its own: several times quicker where nothing is left behind."""

    def run(*arguments: str, cwd: Path = shop) -> Answer:
        monkeypatch.chdir(cwd)
        capfd.readouterr()
        code = main(arguments)
        return Answer(code, *capfd.readouterr())

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    return run


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that the tests of a module share; they do not change it."""
    root = write_files(tmp_path_factory.mktemp("repositories") / "shop", FILES)
    (root / ".git").mkdir()
    return root


@pytest.fixture(scope="module")
def run(environment: dict[str, str], shop: Path) -> Run:
    """Runs `repocoder …` inside the shared repository."""
    return make_run(environment, shop)
