"""The loop over the real steps, where the first draft is wrong: what the next prompt holds, and what is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.snapshot import Snapshot
from repocoder import verify
from repocoder.config import Settings
from repocoder.gate.choice import Gates
from repocoder.llm.fake import FakeGenerator
from repocoder.loop import LoopResult, run_loop
from repocoder.steps import EngineSteps
from repocoder.types import CompletionRequest
from retrieval.query import query_at
from retrieval.retriever import RetrievalSettings, Retriever
from retrieval.types import Exclusion

METHODS = "".join(f"    def step_{number}(self, one: int, two: int) -> None: ...\n" for number in range(30))
FILES = {
    "shop/__init__.py": "",
    "shop/stock.py": f"class Store:\n{METHODS}\n    def add(self, key: str, price: int) -> None: ...\n",
    "shop/other.py": "def count(items: list[int]) -> int:\n    return len(items)\n",
}
BUFFER = "from shop.stock import Store\n\n\ndef work(store: Store) -> None:\n    \n"


@pytest.fixture(scope="module")
def shop(index: Callable[..., Snapshot]) -> Snapshot:
    return index(FILES)


def run(
    shop: Snapshot, parse: verify.Parse, drafts: list[str], *exclusions: Exclusion, passes: int = 2
) -> LoopResult:
    left = iter(drafts)
    request = CompletionRequest(
        "shop/work.py", 5, 4, BUFFER, passes=passes, retrieval="always", exclusions=exclusions
    )
    facts = parse("shop/work.py", BUFFER.encode())
    generator = FakeGenerator(lambda _: next(left))
    steps = EngineSteps(
        snapshot=shop,
        retriever=Retriever(shop, settings=RetrievalSettings(channels=("definitions",))),
        generator=generator,
        settings=Settings(),
        request=request,
        repo_name="shop",
        gates=Gates("free", generator, Path(), "shop", "off"),
        parse=parse,
    )
    query = query_at("shop/work.py", BUFFER, 5, 4, facts=facts, exclusions=exclusions)
    return run_loop(steps, query, passes=passes, on_text=None, cancel=threading.Event())


def test_the_class_without_the_member_comes_first_and_the_better_draft_is_kept(
    shop: Snapshot, parse: verify.Parse
) -> None:
    result = run(shop, parse, ["store.add_price(1)", "store.add('a', 1)"])
    assert [report.kept for report in result.passes] == [False, True]
    assert "`Store` has no `add_price`" in result.passes[1].reason
    first = result.turn.prompt.hits[0]
    assert (
        first.path == "shop/stock.py" and "in the draft `Store` has no `add_price`" in first.evidence[0].why
    )
    assert "def add(self, key: str, price: int)" in first.text
    assert result.turn.unknown == ()


def test_a_second_draft_that_is_as_wrong_is_not_kept(shop: Snapshot, parse: verify.Parse) -> None:
    result = run(shop, parse, ["store.add()", "store.add('a')"])
    assert [report.kept for report in result.passes] == [True, False]
    assert [fault.detail for fault in result.turn.unknown] == ["`Store.add` needs `key`, `price`"]


def test_a_true_draft_needs_no_second_pass(shop: Snapshot, parse: verify.Parse) -> None:
    assert len(run(shop, parse, ["store.add('a', 1)"]).passes) == 1


def test_what_is_excluded_is_not_shown_for_a_fault_either(shop: Snapshot, parse: verify.Parse) -> None:
    whole = Exclusion("shop/stock.py", 1, 100)
    result = run(shop, parse, ["store.add_price(1)", "store.add('a', 1)"], whole)
    assert all(hit.path != "shop/stock.py" for hit in result.turn.retrieved.hits)
