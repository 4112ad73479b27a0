"""A small repository with a real index, and the application over a real engine that writes nothing by a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from tui.app import RepocoderApp

FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": '''"""Prices and what is taken off them."""

RATE = 0.2


def add_tax(amount):
    """The price with tax on it."""
    return amount * (1 + RATE)


class Discount:
    """Takes a share off a price."""

    def __init__(self, share):
        self.share = share

    def apply(self, amount):
        return amount * (1 - self.share)


class Coupon(Discount):
    def apply(self, amount):
        return super().apply(amount) - 1
''',
    "shop/cart.py": """from shop.prices import Discount, add_tax


class Cart:
    def __init__(self):
        self.items = []

    def total(self):
        total = sum(self.items)
        return add_tax(total)

    def reduced(self, discount: Discount):
        return add_tax(discount.apply(self.total()))


def empty_cart():
    return Cart()
""",
    "shop/report.py": """from shop.cart import Cart, empty_cart


def print_total(cart: Cart):
    print(cart.total())


def main():
    print_total(empty_cart())
""",
    "web/cart.js": "function addItem(cart, item) {\n  cart.push(item);\n  return cart;\n}\n",
    "notes/read me.md": "# Cart\n\nHow a cart is emptied.\n",
    ".env": "SECRET=1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The repository, of this test alone."""
    place = tmp_path / "store"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


@pytest.fixture
def engine(root: Path, tmp_path: Path) -> Iterator[Engine]:
    settings = Settings(embedder="none", workers=1)
    with Engine(root, settings, generator=FakeGenerator("x"), directory=tmp_path / "index") as made:
        made.index()
        yield made


@pytest.fixture
def shop(engine: Engine) -> RepocoderApp:
    """The application on the repository above."""
    return RepocoderApp(engine)


class Guide:
    """What tests of finding do with a pilot, again and again."""

    async def wait(self, pilot: Any, condition: Any, seconds: float = 30.0) -> None:
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await pilot.pause(0.02)
        assert condition()

    async def ready(self, pilot: Any) -> Any:
        """The workspace, once the files are listed and the index is read."""
        workspace = pilot.app.workspace
        await self.wait(pilot, lambda: workspace.is_mounted and workspace.finding.listing.reasons)
        await self.wait(pilot, lambda: " files, " in self.text(pilot, workspace, "#status-ground"))
        return workspace

    async def open(self, pilot: Any, path: str, line: int | None = None, column: int | None = None) -> Any:
        """The editor of a file, opened as a choice in the tree does."""
        from tui.messages import FileChosen

        workspace = await self.ready(pilot)
        workspace.post_message(FileChosen(path, line, column))
        await self.wait(pilot, lambda: workspace.area.current and workspace.area.current.file.path == path)
        await pilot.pause()
        return workspace.area.current

    async def press(self, pilot: Any, key: str, kind: type) -> Any:
        """The screen that a key opens, once its first answer is there."""
        await pilot.press(key)
        await self.wait(pilot, lambda: isinstance(pilot.app.screen, kind))
        screen = pilot.app.screen
        await self.answered(pilot, screen)
        return screen

    async def answered(self, pilot: Any, screen: Any) -> None:
        await self.wait(pilot, lambda: screen.is_mounted and screen._answered == screen._number > 0)
        await pilot.pause()

    async def type(self, pilot: Any, text: str) -> list[str]:
        """Type into the screen on top; what it lists then."""
        screen = pilot.app.screen
        await pilot.press(*["space" if letter == " " else letter for letter in text])
        await pilot.pause()
        await self.answered(pilot, screen)
        return self.listed(pilot)

    def listed(self, pilot: Any) -> list[str]:
        return [str(option.prompt) for option in pilot.app.screen._list.options]

    def text(self, pilot: Any, screen: Any, selector: str) -> str:
        return str(screen.query_one(selector).render())

    def painted(self, pilot: Any) -> str:
        strips = pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@pytest.fixture
def guide() -> Guide:
    return Guide()
