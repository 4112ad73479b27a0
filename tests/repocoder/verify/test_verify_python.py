"""Completions of Python, parsed in their buffer, beside a real index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.snapshot import Snapshot
from repocoder.verify import Fault

Faults = Callable[[Snapshot, str, str], tuple[Fault, ...]]

MONEY = """
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple


@dataclass(frozen=True)
class Price:
    amount: int
    currency: str = "EUR"
    tags: list[str] = field(default_factory=list)
    known: ClassVar[int] = 0

    def times(self, factor: int, *, rounded: bool = False) -> "Price":
        return Price(self.amount * factor, self.currency)


class Rate(NamedTuple):
    value: float


def convert(price: Price, rate: float, /, *extra: int, note: str = "") -> Price:
    return price


async def fetch(name: str) -> Price:
    return Price(1)


class Codes:
    pass


for name in ("red", "green"):
    setattr(Codes, name, name)
"""
STOCK = '''
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from outside import Framework, wrap
from shop.money import Price


class Store:
    """Things and their prices."""

    limit: int = 3

    def __init__(self, name: str, *, size: int = 10) -> None:
        self.name = name
        self.prices: dict[str, Price] = {}
        self.last: Price | None = None
        self.first = Price(1)

    def add(self, key: str, price: Price) -> None:
        self.prices[key] = price

    @property
    def newest(self) -> Price:
        return self.prices["x"]

    @classmethod
    def empty(cls, name: str) -> "Store":
        return cls(name)

    @staticmethod
    def parse(text: str) -> int:
        return int(text)

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        yield

    @wrap
    def wrapped(self, one: int) -> None: ...


class Magic:
    def __getattr__(self, name: str) -> int:
        return 1


class Widget(Framework):
    def draw(self) -> None: ...


class Part:
    def use(self) -> None:
        print(self.brought)


class Whole(Part, Store):
    brought = 1


class Empty:
    pass


class Lookup(Mapping[str, int]):
    def __setstate__(self, state: dict[str, int]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return 0


class Failure(ValueError):
    pass
'''
FILES = {"shop/__init__.py": "", "shop/money.py": MONEY, "shop/stock.py": STOCK}
HEAD = "import json\nfrom shop import money\nfrom shop.money import Codes, Price, Rate, convert, fetch\n" + (
    "from shop.stock import Empty, Failure, Lookup, Magic, Store, Whole, Widget\n\n\n"
)
BODY = (
    HEAD
    + "def work(store: Store, price: 'Price | None', many: list[Price], *rest: Price, magic: Magic) -> None:\n    "
)


@pytest.fixture(scope="module")
def shop(index: Callable[..., Snapshot]) -> Snapshot:
    return index(FILES)


@pytest.mark.parametrize(
    "line",
    [
        "store.add('a', price.times(2))",
        "store.newest.times(1, rounded=True).amount",
        "print(f'{store.name!r} {len(many)}', store.last, store.limit)",
        "many.append(price)",  # not the members of what is in the list
        "rest.count(price)",
        "magic.whatever(1).more",
        "widget = Widget(1, 2)\n    widget.anything(3)",  # a base that nobody knows
        "store.locked(1.0).__enter__()",
        "store.wrapped(1, 2, 3)",  # what the decorator makes of it is not known
        "Store.empty('x').parse('1')",
        "Store.add(store, 'x', price)",
        "other = Store('x', size=3)\n    other.add(key='a', price=price)",
        "other = Store('x')\n    other = json.loads('')\n    other.nothing",  # bound twice
        "other = Store('x') if many else None\n    other.nothing",
        "if isinstance(store, Other):\n        store.nothing()\n",
        "Price(1, tags=['a']).tags",
        "Rate(1.0)._asdict()",
        "Lookup().items(), Lookup().get('x')",
        "Failure('a', 1, 2)",
        "Empty()",
        "convert(price, 1.0, 2, 3, note='x')",
        "convert(*rest)",
        "store.add(**json.loads(''))",
        "fetch('x').nothing",
        "[total for total in many if total.amount]",
        "for one in many:\n        one.nothing",
        "left, other = Store('x')\n    other.nothing",
        "if (other := json.loads('')):\n        other.nothing",
        "other = 1\n    del other\n    other = Store('x')\n    other.nothing",
        "list(map(lambda other: other.nothing, many))",
        "with open('x') as handle:\n        handle.nothing",
        "Codes.red",
        "money.convert(price, 2).amount",
        "Whole('x').brought",
        "store.__dict__, store.__class__",
        "store.extra = 1\n    store.extra",
    ],
)
def test_true_code_raises_no_alarm(shop: Snapshot, faults: Faults, line: str) -> None:
    other = "class Other: ...\n"
    assert faults(shop, "shop/new.py", f"{other}{BODY}«{line}»\n") == ()


@pytest.mark.parametrize(
    ("line", "check", "detail"),
    [
        ("store.remove('a')", "known-members", "`Store` has no `remove`"),
        ("store.newest.value", "known-members", "`Price` has no `value`"),
        ("store.last.value", "known-members", "`Price` has no `value`"),
        ("store.first.value", "known-members", "`Price` has no `value`"),
        ("price.times(2).value", "known-members", "`Price` has no `value`"),
        ("Store('x').remove(1)", "known-members", "`Store` has no `remove`"),
        (
            "other = Store(\n        'x'\n    )\n    other.remove(1)",
            "known-members",
            "`Store` has no `remove`",
        ),
        ("Store.full('x')", "known-members", "`Store` has no `full`"),
        ("Empty().x", "known-members", "`Empty` has no `x`"),
        ("Lookup().entries()", "known-members", "`Lookup` has no `entries`"),
        ("Failure('a').code", "known-members", "`Failure` has no `code`"),
        ("money.exchange(price)", "known-members", "shop/money.py has no `exchange`"),
        ("store.add('a')", "arity", "`Store.add` needs `price`"),
        ("store.add('a', price, 1)", "arity", "`Store.add` takes 2 positional arguments, 3 given"),
        ("store.add('a', cost=price)", "arity", "`Store.add` has no parameter `cost`"),
        ("store.add('a', price, key='b')", "arity", "`Store.add` gets `key` twice"),
        ("Store()", "arity", "`Store` needs `name`"),
        ("Store('x', 3)", "arity", "`Store` takes 1 positional argument, 2 given"),
        ("Price(1, 'EUR', [], 4)", "arity", "`Price` takes 1 to 3 positional arguments, 4 given"),
        ("Price(1, known=2)", "arity", "`Price` has no parameter `known`"),
        ("Empty(1)", "arity", "`Empty` takes 0 positional arguments, 1 given"),
        ("convert(price)", "arity", "`convert` needs `rate`"),
        ("convert(price, rate=1.0)", "arity", "`convert` has no parameter `rate`"),
        ("Store.parse()", "arity", "`Store.parse` needs `text`"),
        ("Store.empty('x', 'y')", "arity", "`Store.empty` takes 1 positional argument, 2 given"),
        ("store.locked()", "arity", "`Store.locked` needs `seconds`"),
        ("frobnicate(store)", "known-names", "nothing here defines `frobnicate`"),
        ("total = somewhere.else_where", "known-names", "nothing here defines `somewhere`"),
    ],
)
def test_what_is_wrong_is_said(shop: Snapshot, faults: Faults, line: str, check: str, detail: str) -> None:
    found = faults(shop, "shop/new.py", f"{BODY}«{line}»\n")
    assert [(fault.check, fault.detail) for fault in found] == [(check, detail)]


def test_a_class_that_is_being_written_knows_itself(shop: Snapshot, faults: Faults) -> None:
    text = (
        "from shop.stock import Store\n\n\nclass Shelf(Store):\n    def __init__(self) -> None:\n"
        "        super().__init__('shelf')\n        self.depth = 1\n\n    def fill(self) -> None:\n        {}\n"
    )
    good = "«self.add('a', self.newest)\n        print(self.depth, super().parse('x'))»"
    assert faults(shop, "shop/shelf.py", text.format(good)) == ()
    bad = faults(shop, "shop/shelf.py", text.format("«self.width = self.height»"))
    assert [fault.detail for fault in bad] == ["`Shelf` has no `height`"]
    bad = faults(shop, "shop/shelf.py", text.format("«super().fill()\n        super().add(1)»"))
    assert [fault.detail for fault in bad] == [
        "the bases of `Shelf` have no `fill`",
        "`Store.add` needs `price`",
    ]


def test_a_mixin_may_ask_for_what_its_heirs_bring(shop: Snapshot, faults: Faults) -> None:
    text = STOCK.replace("print(self.brought)", "print(«self.brought»)")
    assert faults(shop, "shop/stock.py", text) == ()


def test_only_what_the_completion_writes_is_judged(shop: Snapshot, faults: Faults) -> None:
    assert (
        faults(shop, "shop/new.py", BODY + "store.nothing()\n    «store.add('a', price)»\n    nowhere()\n")
        == ()
    )


@pytest.mark.parametrize(
    ("line", "details"),
    [
        ("store.«remove(1)»", ["`Store` has no `remove`"]),
        ("store.re«move(1)»", ["`Store` has no `remove`"]),
        ("store.add(«'a'»)", ["`Store.add` needs `price`"]),
        ("frob«nicate»()", ["nothing here defines `frobnicate`"]),
        ("store.add(«'a', price»)", []),
        ("store.add(«'a', »", []),  # not closed: more may come
        ("print(\n        «store.add('a'»\n    )", []),  # that bracket closes another call
        ("text = '«store.nothing(frobnicate)»'", []),
        ("# «store.nothing(frobnicate)»", []),
    ],
)
def test_what_goes_on_from_before_the_cursor(
    shop: Snapshot, faults: Faults, line: str, details: list[str]
) -> None:
    assert [fault.detail for fault in faults(shop, "shop/new.py", f"{BODY}{line}\n")] == details


def test_long_lines_of_names_are_read_once(shop: Snapshot, faults: Faults) -> None:
    names = ", ".join(f"store.name[{number}] (store)" for number in range(40))
    text = f"{BODY}print({names})\n" + f"    {names}\n" * 100 + "    «store.remove(1)»\n"
    assert [fault.detail for fault in faults(shop, "shop/new.py", text)] == ["`Store` has no `remove`"]


def test_a_local_name_of_another_function_is_unknown_here(shop: Snapshot, faults: Faults) -> None:
    text = "def one() -> None:\n    found = 1\n    print(found)\n\n\ndef two() -> None:\n    {}\n"
    assert [f.name for f in faults(shop, "shop/new.py", text.format("«print(found)»"))] == ["found"]
    assert faults(shop, "shop/new.py", "found = 2\n" + text.format("«print(found)»")) == ()
    assert faults(shop, "shop/new.py", text.format("global found\n    «print(found)»")) == ()
    assert faults(shop, "shop/new.py", "from outside import *\n" + text.format("«print(found)»")) == ()


def test_a_fault_names_the_definition_that_tells_better(shop: Snapshot, faults: Faults) -> None:
    member, arity = faults(shop, "shop/new.py", f"{BODY}«store.remove(1)\n    store.add()»\n")
    assert (member.path, member.qualname) == ("shop/stock.py", "Store")
    assert (arity.path, arity.qualname) == ("shop/stock.py", "Store")
