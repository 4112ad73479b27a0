"""Questions to the graph from the command line, on the small shop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx

from repocoder.cli.graph import text_lines

Run = Callable[..., Any]


def test_the_json_is_what_networkx_reads(run_here: Run) -> None:
    answer = run_here("graph").json
    graph = networkx.node_link_graph(answer, edges="edges")
    assert graph.number_of_nodes() == len(answer["nodes"]) > 5
    assert graph.number_of_edges() == len(answer["edges"]) > 5
    assert {kind for *_, kind in graph.edges(keys=True)} >= {"calls", "contains", "imports"}


def test_around_a_symbol(run_here: Run) -> None:
    near = run_here("graph", "--around", "price_with_tax").json
    names = {node["qualname"]: node["hops"] for node in near["nodes"]}
    assert names["price_with_tax"] == 0
    assert names["Cart.total"] == 1
    by_file = run_here("graph", "--around", "shop/prices.py:price_with_tax").json
    assert by_file == near
    text = run_here("graph", "--around", "price_with_tax", "--format", "text").out
    assert "shop/cart.py:Cart.total calls shop/prices.py:price_with_tax\n" in text
    far = run_here("graph", "--around", "price_with_tax", "--hops", "3").json
    assert len(far["nodes"]) > len(near["nodes"])


def test_around_a_file_from_another_folder(run_here: Run, shop: Path) -> None:
    inside = run_here("graph", "--around", "prices.py", cwd=shop / "shop").json
    assert inside == run_here("graph", "--around", "shop/prices.py").json
    assert {node["path"] for node in inside["nodes"]} >= {"shop/prices.py", "shop/cart.py"}


def test_rank_names_what_a_file_uses(run_here: Run) -> None:
    ranking = run_here("graph", "--rank", "shop/cart.py", "--format", "json", "--top", "3").json
    assert ranking["path"] == "shop/cart.py"
    assert ranking["files"][0]["path"] == "shop/prices.py"
    assert "price_with_tax" in [symbol["qualname"] for symbol in ranking["symbols"]]
    assert len(ranking["files"]) <= 3
    scores = [symbol["score"] for symbol in ranking["symbols"]]
    assert scores == sorted(scores, reverse=True)
    assert "shop/prices.py" in run_here("graph", "--rank", "shop/cart.py").out.splitlines()[1]


def test_impact_names_the_callers(run_here: Run) -> None:
    touched = run_here("graph", "--impact", "price_with_tax", "--format", "json").json["touched"]
    assert ("Cart.total", 1) in [(one["qualname"], one["hops"]) for one in touched]
    assert "Cart.total" in run_here("graph", "--impact", "price_with_tax").out
    assert run_here("graph", "--impact", "TAX_RATES", "--hops", "1").code == 0


def test_errors_say_what_to_do(run_here: Run) -> None:
    for arguments, words in (
        (("--around", "no_such_name"), "no such file or symbol: no_such_name: give a path"),
        (("--impact", "shop/nothing.py:Foo"), "no such file or symbol"),
        (("--rank", "shop/nothing.py"), "not in the index: shop/nothing.py"),
        (("--rank", "shop/cart.py", "--format", "dot"), "written as text or json"),
        (("shop/cart.py", "--around", "Cart"), "more than one of PATH"),
        (("shop/cart.py", "--hops", "2"), "goes with --around or --impact"),
    ):
        answer = run_here("graph", *arguments)
        assert (answer.code, words in answer.line) == (2, True), arguments


def test_names_are_made_visible_in_text() -> None:
    graph = networkx.MultiDiGraph()
    graph.add_node(1, path="a\x1b[31m.py", qualname="f")
    graph.add_node(2, path="b.py", qualname="")
    graph.add_edge(1, 2, key="calls", kind="calls", weight=0.5)
    graph.add_node(3, path="c.py", qualname="alone")
    lines = list(text_lines(graph))
    assert lines[1] == "c.py:alone\n"
    assert "\x1b" not in lines[0]
    assert lines[0].endswith(".py:f calls b.py (0.50)\n")
