"""Definitions, uses and neighbours of a name, over a real index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.snapshot import Snapshot
from repocoder import navigation
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator

FILES = {
    "prices.py": """def add_tax(amount):
    return amount * 1.2


class Discount:
    def apply(self, amount):
        return amount


class Coupon(Discount):
    def apply(self, amount):
        return super().apply(amount) - 1
""",
    "cart.py": """from prices import Discount, add_tax as taxed
import prices


class Cart:
    def total(self):
        first = taxed(1)
        return first + taxed(2)

    def reduced(self, discount: Discount):
        return prices.add_tax(self.total())


def lonely(thing):
    return thing.apply(3)
""",
    "main.py": "from cart import Cart\n\n\ndef main():\n    return Cart().total()\n",
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    root = tmp_path_factory.mktemp("repository")
    for name, text in FILES.items():
        (root / name).write_text(text)
    settings = Settings(embedder="none", workers=1)
    place = tmp_path_factory.mktemp("index")
    with Engine(root, settings, generator=FakeGenerator(), directory=place) as engine:
        engine.index()
        with engine.snapshot() as opened:
            yield opened


@pytest.mark.parametrize(
    ("path", "line", "word", "wanted"),
    [
        ("cart.py", 7, "taxed", ["prices.py:add_tax"]),  # an alias of an import
        ("cart.py", 11, "add_tax", ["prices.py:add_tax"]),
        ("cart.py", 11, "total", ["cart.py:Cart.total"]),
        ("cart.py", 11, "prices", ["prices.py:"]),  # a module
        ("cart.py", 10, "Discount", ["prices.py:Discount"]),
        ("prices.py", 10, "Discount", ["prices.py:Discount"]),
        ("main.py", 5, "Cart", ["cart.py:Cart"]),
        ("prices.py", 1, "add_tax", ["prices.py:add_tax"]),  # where it is defined
    ],
)
def test_the_graph_resolves_a_name(
    snapshot: Snapshot, path: str, line: int, word: str, wanted: list[str]
) -> None:
    found = navigation.definitions_of(snapshot, path, line, word)
    assert [f"{symbol.path}:{symbol.qualname}" for symbol in found.symbols] == wanted
    assert found.resolved


def test_what_is_not_resolved_is_found_by_its_name_and_says_so(snapshot: Snapshot) -> None:
    found = navigation.definitions_of(snapshot, "cart.py", 15, "apply")
    assert not found.resolved
    assert [symbol.qualname for symbol in found.symbols] == ["Discount.apply", "Coupon.apply"]


def test_a_name_that_is_defined_nowhere(snapshot: Snapshot) -> None:
    assert navigation.definitions_of(snapshot, "cart.py", 7, "nowhere").symbols == ()
    assert navigation.definitions_of(snapshot, "gone.py", 1, "nowhere").symbols == ()


def test_uses_are_lines_with_their_code(snapshot: Snapshot) -> None:
    (add_tax,) = snapshot.symbols_named("add_tax")
    uses = navigation.uses_of(snapshot, add_tax)
    lines = {(use.path, use.line): use.text for use in uses}
    assert lines["cart.py", 1] == "from prices import Discount, add_tax as taxed"
    assert lines["cart.py", 7] == "first = taxed(1)"
    assert lines["cart.py", 11] == "return prices.add_tax(self.total())"
    assert {use.path for use in uses} == {"cart.py"}


def test_neighbours_and_members(snapshot: Snapshot) -> None:
    (total,) = snapshot.symbols_named("total")
    assert [one.symbol.qualname for one in navigation.used_by(snapshot, total)] == ["add_tax"]
    users = {one.symbol.qualname: one for one in navigation.users_of(snapshot, total)}
    assert set(users) == {"Cart.reduced", "main"}
    assert users["main"].kinds == ("calls",)
    assert users["main"].line == 5
    (cart,) = snapshot.symbols_named("Cart")
    assert [one.qualname for one in navigation.members_of(snapshot, cart)] == ["Cart.total", "Cart.reduced"]


@pytest.mark.parametrize(
    ("column", "word"), [(0, "ab"), (1, "ab"), (2, "ab"), (3, "_c1"), (6, "_c1"), (7, ""), (99, "")]
)
def test_the_word_that_the_cursor_touches(column: int, word: str) -> None:
    assert navigation.word_at("ab _c1  + 9", column) == word


def test_the_definition_around_a_line(snapshot: Snapshot) -> None:
    around = navigation.enclosing(snapshot, "cart.py", 8)
    assert around is not None
    assert around.qualname == "Cart.total"
    assert navigation.enclosing(snapshot, "cart.py", 2) is None
