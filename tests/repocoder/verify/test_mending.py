"""A wrong name in a draft: what is there instead, which of it the model takes, and how it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.snapshot import Snapshot
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.local import LocalGenerator, open_generator
from repocoder.mending import Gap, gap_of, likeliest, mend
from repocoder.postprocess import StopRule
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import CompletionRequest
from repocoder.verify import Fault
from retrieval.types import Query

FILES = {
    "shop/__init__.py": "",
    "shop/stock.py": """
        LIMIT = 3
        _SECRET = 4

        class Base:
            def count_all(self) -> int:
                return 0

        class Store(Base):
            def __init__(self) -> None:
                self.shelves: list[int] = []
                self._hidden = 1

            def add_price(self, key: str, price: int) -> None: ...
            def remove_price(self, key: str) -> None: ...
        """,
    "shop/money.ts": "export class Purse { coins = 0; open(): void {} }\n",
    "shop/Till.java": "package shop;\npublic class Till { int drawer; void close() {} }\n",
}
Faults = Callable[[Snapshot, str, str], tuple[Fault, ...]]


@pytest.fixture(scope="module")
def shop(index: Callable[..., Snapshot]) -> Snapshot:
    return index(FILES)


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_generator(threads=1)
    yield generator
    generator.close()


@pytest.mark.parametrize(
    ("path", "marked", "instead"),
    [
        (
            "shop/work.py",
            "from shop.stock import Store\n\ndef work(store: Store) -> None:\n    «store.remove_prize(1)»\n",
            ("remove_price", "add_price", "shelves", "count_all"),
        ),
        ("shop/work.py", "from shop import stock\n\nx = «stock.LIMITS»\n", ("LIMIT", "Store", "Base")),
        (
            "shop/work.ts",
            'import { Purse } from "./money";\nfunction f(purse: Purse) {\n  «purse.opem()»\n}\n',
            ("open", "coins"),
        ),
        (
            "shop/Work.java",
            "package shop;\nclass Work { void f(Till till) {\n    «till.closs();»\n} }\n",
            ("close", "drawer"),
        ),
    ],
)
def test_a_member_that_is_not_there_has_those_that_are(
    shop: Snapshot, faults: Faults, path: str, marked: str, instead: tuple[str, ...]
) -> None:
    (fault,) = faults(shop, path, marked)
    assert fault.instead[0] == instead[0]
    assert set(fault.instead) == set(instead)


def test_of_itself_an_object_has_the_private_members_too(shop: Snapshot, faults: Faults) -> None:
    marked = "class A:\n    def __init__(self):\n        self._size = 1\n\n    def f(self):\n        «self._sise»\n"
    (fault,) = faults(shop, "shop/a.py", marked)
    assert fault.instead[0] == "_size"


def test_a_name_that_is_not_there_has_those_that_are_bound_the_nearest_first(
    shop: Snapshot, faults: Faults
) -> None:
    far = "import os\n\ndef far(x):\n    y = 1\n\n"
    marked = far + "def work(price, rate):\n    total = price\n    return «totl * rate»\n"
    (fault,) = faults(shop, "shop/a.py", marked)
    assert fault.instead[:3] == ("price", "total", "rate")
    assert "os" in fault.instead
    assert not {"y", "return", "def"} & set(fault.instead)


QUERY = Query("a.py", "python", 4, 4, "def f(store, total):\n    ", "\n", "f", ())


def fault(word: str, text: str, *instead: str, typed: str = "") -> Fault:
    return Fault(
        "known-names",
        word,
        "",
        start=len(QUERY.prefix) + text.index(word.removeprefix(typed)) - len(typed),
        instead=instead,
    )


def test_the_gap_is_where_the_first_wrong_name_stands() -> None:
    text = "return totl + nope()"
    known = fault("totl", text, "total", "store")
    assert gap_of(QUERY, text, [fault("nope", text), known]) == Gap("return ", ("total", "store"), " ")
    assert gap_of(QUERY, text, [fault("nope", text)]) is None
    assert gap_of(QUERY, text, [replace(known, check="arity")]) is None
    at_end = "return totl"
    assert gap_of(QUERY, at_end, [fault("totl", at_end, "total")]) == Gap("return ", ("total",), "")


def test_what_is_typed_already_stays() -> None:
    query = replace(QUERY, prefix=QUERY.prefix + "to")
    wrong = Fault("known-names", "totl", "", start=len(QUERY.prefix), instead=("store", "total", "to"))
    assert gap_of(query, "tl + 1", [wrong]) == Gap("", ("tal",), " ")
    assert gap_of(query, "tl", [replace(wrong, instead=("store",))]) is None


def test_the_model_takes_the_likeliest_and_writes_on(model: LocalGenerator) -> None:
    query = replace(QUERY, prefix="import os\n\n\ndef exists(path):\n    ", line=5)
    prompt = build_prompt(query, (), model, budget=PromptBudget.for_model(1024, 32), repo_name="r")
    gap = Gap("return os.", ("path", "zebra_crossing", "qqqq"), ".")
    cancel = threading.Event()
    room = model.vocab.n_ctx - len(prompt.token_ids)
    assert likeliest(gap, prompt, model, room, lambda _: None, cancel) == "path"
    scores = {
        name: sum(model.score(prompt.token_ids, model.tokenize(f"return os.{name}."))) for name in gap.names
    }
    assert max(scores, key=lambda name: scores[name]) == "path"
    mended = mend(
        gap, prompt, model, stop=StopRule(query), max_tokens=32, memory=lambda _: None, cancel=cancel
    )
    assert mended is not None
    assert mended.text.startswith("return os.path")
    assert len(mended.text) > len("return os.path")


def test_without_room_or_when_cancelled_nothing_is_mended(model: LocalGenerator) -> None:
    prompt = build_prompt(QUERY, (), model, budget=PromptBudget.for_model(1024, 32), repo_name="r")
    gap, cancel = Gap("return ", ("store", "total"), ""), threading.Event()
    given = {"stop": StopRule(QUERY), "memory": lambda _: None, "cancel": cancel}
    assert mend(gap, prompt, model, max_tokens=1, **given) is None  # type: ignore[arg-type]
    assert likeliest(gap, prompt, model, 1, lambda _: None, cancel) is None
    cancel.set()
    assert mend(gap, prompt, model, max_tokens=32, **given) is None  # type: ignore[arg-type]


def test_the_engine_mends_what_its_model_invents(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "stock.py").write_text("class Store:\n    def add_price(self, key: str) -> None: ...\n")
    text = "from stock import Store\n\n\ndef work(store: Store) -> None:\n    \n"
    model = FakeGenerator(lambda prompt: "" if prompt.endswith("store.add_price") else "store.add_prise")
    settings = Settings(embedder="none", memory="off", retrieval="always")
    with Engine(root, settings, generator=model, directory=tmp_path / "index") as engine:
        done = engine.complete(CompletionRequest("work.py", 5, 4, text=text, passes=2))
        once = engine.complete(CompletionRequest("work.py", 5, 4, text=text, passes=1))
    assert done.text == "store.add_price"
    assert all(check.passed for check in done.checks)
    assert done.passes[-1].kept
    assert "`Store` has no `add_prise`" in done.passes[-1].reason
    assert once.text == "store.add_prise"
    assert not all(check.passed for check in once.checks)
