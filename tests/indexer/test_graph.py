"""The graph for users, and ranking around a file."""

from __future__ import annotations

import pytest

from indexer.graph import rank, rank_files, to_networkx
from indexer.types import Edge, Span, Symbol


class Small:
    """Three files: `a` uses `b`, `b` uses `c`; `d` stands alone."""

    def all_symbols(self) -> list[Symbol]:
        span = Span(1, 4, 0, 10)
        places = [
            (1, "a.py", ""),
            (2, "a.py", "f"),
            (3, "b.py", ""),
            (4, "b.py", "G"),
            (5, "c/c.py", ""),
            (6, "d.py", ""),
        ]
        return [
            Symbol(name, name, "function" if name else "file", span, "", "", (), number, path)
            for number, path, name in places
        ]

    def all_edges(self) -> list[Edge]:
        return [
            Edge(1, 2, "contains", 1.0, 1),
            Edge(2, 4, "calls", 1.0, 3),
            Edge(2, 4, "references", 0.5, 2),
            Edge(3, 4, "contains", 1.0, 1),
            Edge(4, 5, "imports", 1.0, 2),
        ]


def test_the_whole_graph_has_all_nodes_and_parallel_edges() -> None:
    graph = to_networkx(Small())
    assert sorted(graph.nodes) == [1, 2, 3, 4, 5, 6]
    assert graph.nodes[4] == {
        "path": "b.py",
        "qualname": "G",
        "kind": "function",
        "start_line": 1,
        "end_line": 4,
    }
    assert set(graph[2][4]) == {"calls", "references"}
    assert graph[2][4]["references"] == {"kind": "references", "weight": 0.5, "line": 2}


def test_the_graph_of_a_file_or_folder_has_its_neighbours() -> None:
    assert sorted(to_networkx(Small(), "b.py").nodes) == [2, 3, 4, 5]
    assert sorted(to_networkx(Small(), "c").nodes) == [4, 5]
    assert sorted(to_networkx(Small(), "none.py").nodes) == []


def test_rank_prefers_what_is_near_and_sums_to_one() -> None:
    found = rank_files(Small(), {"a.py": 1.0})
    assert found["b.py"] > found["c/c.py"] > found["d.py"] == 0.0
    assert sum(found.values()) == pytest.approx(1.0)


def test_rank_agrees_with_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    pytest.importorskip("scipy")
    links = {("a", "b"): 4.0, ("b", "c"): 1.0, ("c", "a"): 9.0, ("a", "c"): 1.0, ("d", "a"): 1.0}
    graph = networkx.DiGraph()
    for (source, target), weight in links.items():
        for one, other, flow in ((source, target, weight**0.5), (target, source, 0.3 * weight**0.5)):
            known = graph.get_edge_data(one, other, {"weight": 0.0})["weight"]
            graph.add_edge(one, other, weight=known + flow)
    expected = networkx.pagerank(graph, personalization={"a": 1.0}, tol=1e-12, max_iter=500)
    assert rank("abcd", links, {"a": 1.0}) == pytest.approx(expected, abs=1e-4)


def test_rank_does_not_depend_on_order_and_ignores_strangers() -> None:
    links = {("a", "b"): 1.0, ("b", "c"): 2.0}
    turned = dict(reversed(links.items()))
    assert rank("abc", links, {"a": 1.0}) == rank("cba", turned, {"a": 1.0, "zzz": 5.0})
    assert rank("abc", links, {"zzz": 1.0}) == {}
    assert rank("", {}, {}) == {}
