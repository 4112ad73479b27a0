"""Pictures of the real application for the README.

    python tools/pictures.py [FOLDER]     default: docs/pictures

A small repository is made and indexed, and the embedded model completes in it. Its answer, with what was retrieved and
the times, is kept beside the pictures (`completion.json`). The application paints that without a terminal, here and in
the test that compares: a picture differs when the program paints another one, not when a machine is slower.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.types import Completion, CompletionRequest, ModelInfo
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
PICTURES = {"workspace": (132, 36), "compact": (80, 24)}
RECORDED = "completion.json"
TRIES = 4
WAIT_S = 120.0
ENDLESS = {"watch", "disk"}  # groups of workers that run as long as the application


class Replayed(Engine):
    """The engine of the repository, with a completion that was recorded. No model is loaded."""

    def __init__(self, root: Path, completion: Completion, directory: Path) -> None:
        settings = Settings(embedder="none", workers=1, automatic="off")
        super().__init__(root, settings, directory=directory)
        self._completion = completion

    def complete(
        self,
        request: CompletionRequest,
        *,
        on_text: Callable[[str, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        return self._completion

    def model_info(self) -> ModelInfo:
        return self._completion.model

    def warm_up(self) -> None:
        return None


def make_repository(root: Path) -> Path:
    for path, text in FILES.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(HOLE, ""))
    return root


def record(root: Path, directory: Path) -> Completion:
    """What the embedded model makes of the hole, when it is warm and nothing else keeps the machine busy."""
    with Engine(root, Settings(workers=1), directory=directory) as engine:
        engine.index()
        request = CompletionRequest(path=PATH, line=ROW + 1, column=COLUMN, text=(root / PATH).read_text())
        answers = [engine.complete(request) for _ in range(TRIES)]
    return min(answers, key=lambda answer: answer.timings.total_ms)


def load(folder: Path) -> Completion:
    """The completion that the pictures in a folder show."""
    return msgspec.json.decode((folder / RECORDED).read_bytes(), type=Completion)


async def take(root: Path, completion: Completion, directory: Path, size: tuple[int, int]) -> str:
    """Open the hole, ask, and return the SVG of the screen, once it has come to rest."""
    with Replayed(root, completion, directory) as engine:
        engine.index()
        app = RepocoderApp(engine)
        async with app.run_test(size=size) as pilot:
            app.theme = "textual-dark"
            workspace = app.workspace
            await _wait(pilot, lambda: " files" in str(workspace.query_one("#status-ground").render()))
            await _wait(
                pilot, lambda: completion.model.name in str(workspace.query_one("#status-ground").render())
            )
            workspace.post_message(FileChosen(PATH))
            await _wait(pilot, lambda: workspace.area.current is not None)
            editor = workspace.area.current
            assert editor is not None
            editor.move_cursor((ROW, COLUMN))
            await pilot.press("ctrl+n")
            await _wait(pilot, lambda: editor.ghost is not None and not workspace.completing.running)
            painted: list[Any] = []
            await _wait(pilot, lambda: _rests(app, painted))
            return clean(app.export_screenshot(title="repocoder"))


def _rests(app: RepocoderApp, painted: list[Any]) -> bool:
    """Is no worker at work, and the screen as it was when this was asked before?"""
    busy = any(not worker.is_finished and worker.group not in ENDLESS for worker in app.workers)
    for editor in app.workspace.area.editors:
        editor.cursor_blink = False  # a cursor that blinks is there or not by chance
        editor._line_cache.clear()
        editor.refresh()
    painted.append(None if busy else [list(strip) for strip in app.screen._compositor.render_strips()])
    return painted[-1] is not None and painted[-1:] == painted[-2:-1]


async def _wait(pilot: Any, condition: Callable[[], object]) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    raise TimeoutError("the application did not get ready")


def clean(svg: str) -> str:
    """Without the reference to a font on a server: a picture must not make anybody's browser call out."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for name in ("CACHE", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = f"{place}/{name.lower()}"
        root, directory = make_repository(Path(place) / "shop"), Path(place) / "index"
        (folder / RECORDED).write_bytes(
            msgspec.json.format(msgspec.json.encode(record(root, directory))) + b"\n"
        )
        for name, size in PICTURES.items():
            target = folder / f"{name}.svg"
            target.write_text(asyncio.run(take(root, load(folder), directory, size)), encoding="utf-8")
            sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "docs" / "pictures"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
