"""Pictures of the real application for the README.

    python tools/pictures.py [FOLDER]     default: docs/pictures

A small repository is made, indexed and completed in by the real engine with the embedded model; the
application runs without a terminal and exports what it paints.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from repocoder.config import Settings
from repocoder.engine import Engine
from tui.app import RepocoderApp
from tui.messages import FileChosen

HOLE = "HOLE"
FILES = {
    "shop/__init__.py": "",
    "shop/catalog.py": '''"""What the shop sells."""

from dataclasses import dataclass


@dataclass
class Item:
    """One thing on the shelf; the price is in cents."""

    name: str
    price: int
    stock: int = 0


class Catalog:
    """Items by name."""

    def __init__(self, items: list[Item]) -> None:
        self.items = {item.name: item for item in items}

    def find_item(self, name: str) -> Item:
        """The item of that name; KeyError if there is none."""
        return self.items[name]

    def items_below(self, price: int) -> list[Item]:
        """Items that cost less than `price` cents."""
        return [item for item in self.items.values() if item.price < price]
''',
    "shop/pricing.py": '''"""Prices after reductions."""

from shop.catalog import Item


def discounted_price(item: Item, percent: int) -> int:
    """Price of one item, reduced by `percent`."""
    return item.price * (100 - percent) // 100


def total_price(items: list[Item], percent: int = 0) -> int:
    """Sum of the prices of all items."""
    return sum(discounted_price(item, percent) for item in items)
''',
    "shop/orders.py": '''"""Orders of customers."""

from shop.catalog import Catalog, Item
from shop.pricing import total_price


class Order:
    """What one customer wants."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.items: list[Item] = []

    def add_item(self, name: str) -> None:
        """Put an item into the order."""
        self.items.append(self.catalog.find_item(name))

    def find_item(self, name: str) -> Item:
        HOLE

    def total(self, percent: int = 0) -> int:
        """What the customer pays."""
        return total_price(self.items, percent)
''',
    "README.md": "# A shop\n",
}
PATH, ROW, COLUMN = "shop/orders.py", 18, 8
SIZES = {"workspace": (120, 34), "compact": (80, 24)}
WAIT_S = 60.0


def make_repository(root: Path) -> Path:
    for path, text in FILES.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(HOLE, ""))
    return root


async def take(root: Path, size: tuple[int, int]) -> str:
    """Open the hole, ask, wait for the answer, and return the SVG of the screen."""
    with Engine(root, Settings()) as engine:
        app = RepocoderApp(engine)
        async with app.run_test(size=size) as pilot:

            async def wait(condition: Callable[[], object]) -> None:
                for _ in range(int(WAIT_S / 0.05)):
                    if condition():
                        return
                    await pilot.pause(0.05)
                raise TimeoutError("the application did not get ready")

            workspace = app.workspace
            await wait(lambda: "files" in str(workspace.query_one("#status-ground").render()))
            workspace.post_message(FileChosen(PATH))
            await wait(lambda: workspace.area.current is not None)
            editor = workspace.area.current
            assert editor is not None
            editor.move_cursor((ROW, COLUMN))
            for _ in range(2):  # the first one waits for the model, which no user sees twice
                await pilot.press("escape", "ctrl+n")
                await wait(lambda: not workspace.completing.running)
            editor.cursor_blink = False
            await pilot.pause(0.5)
            return clean(app.export_screenshot(title="repocoder"))


def clean(svg: str) -> str:
    """Without the reference to a font on a server: a picture must not make anybody's browser call out."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_CACHE_HOME"] = f"{place}/cache"
        root = make_repository(Path(place) / "shop")
        for name, size in SIZES.items():
            target = folder / f"{name}.svg"
            target.write_text(asyncio.run(take(root, size)), encoding="utf-8")
            sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "docs" / "pictures"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
