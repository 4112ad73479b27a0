"""The graph for users, its arrays, and ranking around a file."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest

from indexer.adjacency import KINDS, Adjacency
from indexer.graph import find_symbols, neighbourhood, to_networkx
from indexer.ranking import BACKWARD, KIND_WEIGHTS, Ranker, rank, rank_files
from indexer.types import Edge, Span, Symbol


def symbol(number: int, path: str, qualname: str, kind: str = "") -> Symbol:
    span = Span(1, 4, 0, 10)
    name = qualname.rpartition(".")[2]
    return Symbol(
        name, qualname, kind or ("function" if name else "file"), span, "", "", (), id=number, path=path
    )


class Source:
    """A graph in memory."""

    def __init__(self, symbols: list[Symbol], edges: list[Edge]) -> None:
        self._symbols = {one.id: one for one in symbols}
        self._adjacency = Adjacency.of(symbols, edges)

    def adjacency(self) -> Adjacency:
        return self._adjacency

    def symbols(self, ids: Iterable[int]) -> list[Symbol]:
        return [self._symbols[number] for number in ids]

    def symbols_named(self, name: str) -> tuple[Symbol, ...]:
        return tuple(one for one in self._symbols.values() if one.name == name)


@pytest.fixture
def small() -> Source:
    """Three files: `a` uses `b`, `b` uses `c`; `d` stands alone. Ids are not positions."""
    places = [(1, "a.py", ""), (20, "a.py", "f"), (3, "b.py", ""), (40, "b.py", "G"), (5, "c/c.py", "")]
    edges = [
        Edge(1, 20, "contains", 1.0, 1),
        Edge(20, 40, "calls", 1.0, 3),
        Edge(20, 40, "references", 0.5, 2),
        Edge(3, 40, "contains", 1.0, 1),
        Edge(40, 5, "imports", 1.0, 2),
    ]
    return Source([*(symbol(*place) for place in places), symbol(6, "d.py", "")], edges)


def chance_graph(seed: int) -> tuple[list[Symbol], list[Edge]]:
    chance = random.Random(seed)
    symbols = [symbol(7 * n + 1, f"f{n % 5}.py", f"s{n}") for n in range(40)]
    edges = {}
    for _ in range(150):
        one, other = chance.choice(symbols).id, chance.choice(symbols).id
        kind = chance.choice(KINDS)
        edges[one, other, kind] = Edge(
            one, other, kind, chance.choice([0.25, 0.5, 1.0]), chance.randrange(90)
        )
    return symbols, list(edges.values())


# ---- networkx


def test_the_whole_graph_has_all_nodes_and_parallel_edges(small: Source) -> None:
    graph = to_networkx(small)
    assert sorted(graph.nodes) == [1, 3, 5, 6, 20, 40]
    assert graph.nodes[40] == {
        "path": "b.py",
        "qualname": "G",
        "kind": "function",
        "start_line": 1,
        "end_line": 4,
    }
    assert set(graph[20][40]) == {"calls", "references"}
    assert graph[20][40]["references"] == {"kind": "references", "weight": 0.5, "line": 2}


def test_the_graph_of_a_file_or_folder_has_its_neighbours(small: Source) -> None:
    assert sorted(to_networkx(small, "b.py").nodes) == [3, 5, 20, 40]
    assert sorted(to_networkx(small, "c").nodes) == [5, 40]
    assert sorted(to_networkx(small, "none.py").nodes) == []


def test_a_neighbourhood_grows_by_hops(small: Source) -> None:
    assert sorted(neighbourhood(small, [1], 0).nodes) == [1]
    assert sorted(neighbourhood(small, [20], 1).nodes) == [1, 20, 40]
    two = neighbourhood(small, [20], 2)
    assert {number: data["hops"] for number, data in two.nodes(data=True)} == {20: 0, 1: 1, 40: 1, 3: 2, 5: 2}
    assert two.number_of_edges() == 5


def test_hops_do_not_go_down_into_other_files() -> None:
    """`use` calls `g.one`: its file is near, the other members of that file are not."""
    symbols = [
        symbol(1, "u.py", "use"),
        symbol(2, "g.py", ""),
        symbol(3, "g.py", "one"),
        symbol(4, "g.py", "two"),
    ]
    edges = [Edge(1, 3, "calls", 1.0, 1), Edge(2, 3, "contains", 1.0, 1), Edge(2, 4, "contains", 1.0, 2)]
    source = Source(symbols, edges)
    assert sorted(neighbourhood(source, [1], 4).nodes) == [1, 2, 3]
    assert sorted(neighbourhood(source, [2], 1).nodes) == [2, 3, 4]


def test_symbols_are_found_as_users_name_them() -> None:
    places = [
        (1, "a.py", ""),
        (2, "a.py", "Foo.run"),
        (3, "b.py", "run"),
        (4, "c.py", "Foo.run"),
        (5, "b.py", "rerun"),
    ]
    source = Source([symbol(*place) for place in places], [])
    found = {
        text: [one.id for one in find_symbols(source, text)]
        for text in (
            "run",
            "Foo.run",
            "a.py:Foo.run",
            "c.py::run",
            "a.py",
            "oo.run",
            "nothing",
            "b.py:Foo.run",
            ":",
        )
    }
    assert found == {
        "run": [3],
        "Foo.run": [2, 4],
        "a.py:Foo.run": [2],
        "c.py::run": [4],
        "a.py": [1],
        "oo.run": [],
        "nothing": [],
        "b.py:Foo.run": [],
        ":": [],
    }


# ---- arrays


@pytest.mark.parametrize("seed", range(4))
def test_arrays_say_what_the_edges_say(seed: int) -> None:
    symbols, edges = chance_graph(seed)
    graph = Adjacency.of(random.Random(seed).sample(symbols, len(symbols)), edges)
    for one in symbols:
        ahead = sorted((e.target, KINDS.index(e.kind), e) for e in edges if e.source == one.id)
        back = sorted((e.source, KINDS.index(e.kind), e) for e in edges if e.target == one.id)
        assert list(graph.edges_from(one.id)) == [edge for *_, edge in ahead]
        assert list(graph.edges_to(one.id)) == [edge for *_, edge in back]
        assert graph.paths[graph.files[graph.position(one.id)]] == one.path
    assert graph.edges_from(5) == graph.edges_to(5) == ()
    assert (len(graph), graph.n_edges) == (len(symbols), len(edges))


def test_a_step_of_many_symbols_is_the_steps_of_each() -> None:
    symbols, edges = chance_graph(9)
    graph = Adjacency.of(symbols, edges)
    rows = np.array([3, 0, 17, 3], dtype=np.int64)
    owner, others, numbers = graph.step(graph.into, rows)
    for at, row in enumerate(rows.tolist()):
        expected = graph.edges_to(int(graph.ids[row]))
        mine = owner == at
        assert [int(graph.ids[other]) for other in others[mine]] == [edge.source for edge in expected]
        assert [KINDS[kind] for kind in graph.kinds[numbers[mine]]] == [edge.kind for edge in expected]


def test_edges_of_unknown_symbols_are_left_out() -> None:
    graph = Adjacency.of([symbol(1, "a.py", "")], [Edge(1, 2, "calls", 1.0, 1), Edge(1, 1, "calls", 1.0, 1)])
    assert graph.edges_from(1) == (Edge(1, 1, "calls", 1.0, 1),)
    nothing = Adjacency.of([], [])
    assert (len(nothing), nothing.edges_from(1), list(nothing.below("a"))) == (0, (), [])
    assert nothing.around(np.empty(0, dtype=np.int64), 3) == {}


def test_users_are_found_through_others_and_members() -> None:
    """`K` holds `m`; `f` calls `m`, `g` calls `f` by a guess of 0.4, `h` calls `g`; `x` is only used by them."""
    names = ["K", "K.m", "f", "g", "h", "x"]
    symbols = [symbol(number, "a.py", name) for number, name in enumerate(names, 1)]
    edges = [
        Edge(1, 2, "contains", 1.0, 1),
        Edge(3, 2, "calls", 0.5, 1),
        Edge(4, 3, "calls", 0.4, 1),
        Edge(5, 4, "references", 1.0, 1),
        Edge(3, 6, "calls", 1.0, 1),
    ]
    graph = Adjacency.of(symbols, edges)
    found = [(one.id, one.hops, round(one.weight, 6)) for one in graph.users([1], 3)]
    assert found == [(3, 1, 0.5), (4, 2, 0.2), (5, 3, 0.2)]
    assert [one.id for one in graph.users([1], 1)] == [3]
    assert graph.users([5], 3) == []
    assert graph.users([99], 3) == []


def test_who_calls_the_overridden_method_may_be_touched() -> None:
    names = ["Base.run", "Child.run", "main", "other"]
    symbols = [symbol(number, "a.py", name) for number, name in enumerate(names, 1)]
    edges = [
        Edge(2, 1, "overrides", 1.0, 1),
        Edge(3, 1, "calls", 1.0, 1),
        Edge(4, 2, "calls", 1.0, 1),
    ]
    graph = Adjacency.of(symbols, edges)
    assert [one.id for one in graph.users([2], 1)] == [3, 4]
    assert [one.id for one in graph.users([1], 1)] == [2, 3]


# ---- ranking


def test_rank_prefers_what_is_near_and_sums_to_one(small: Source) -> None:
    found = rank_files(small.adjacency(), {"a.py": 1.0})
    assert found["b.py"] > found["c/c.py"] > found["d.py"] == 0.0
    assert sum(found.values()) == pytest.approx(1.0)
    assert rank_files(small.adjacency(), {"zzz.py": 1.0}) == {}


def test_rank_agrees_with_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    pytest.importorskip("scipy")
    links = {("a", "b"): 4.0, ("b", "c"): 1.0, ("c", "a"): 9.0, ("a", "c"): 1.0, ("d", "a"): 1.0}
    expected = networkx.pagerank(
        both_ways(networkx, links), personalization={"a": 1.0}, tol=1e-12, max_iter=500
    )
    assert rank("abcd", links, {"a": 1.0}) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_ranks_of_files_and_symbols_agree_with_networkx(seed: int) -> None:
    networkx = pytest.importorskip("networkx")
    pytest.importorskip("scipy")
    symbols, edges = chance_graph(seed)
    graph = Adjacency.of(symbols, edges)
    path_of = {one.id: one.path for one in symbols}
    between_files: dict[tuple[str, str], float] = {}
    between_symbols: dict[tuple[int, int], float] = {}
    for edge in edges:
        weight = edge.weight * KIND_WEIGHTS[edge.kind]
        files = path_of[edge.source], path_of[edge.target]
        if files[0] != files[1]:
            between_files[files] = between_files.get(files, 0.0) + weight
        if edge.source != edge.target:
            pair = edge.source, edge.target
            between_symbols[pair] = between_symbols.get(pair, 0.0) + weight
    ranker = Ranker(graph)
    start = {"f1.py": 2.0, "f3.py": 1.0}
    drawn = both_ways(networkx, between_files)
    expected = networkx.pagerank(drawn, personalization=start, tol=1e-12, max_iter=500)
    assert ranker.files(start) == pytest.approx(expected, abs=1e-4)
    members = [one.id for one in symbols if one.path == "f1.py"]
    drawn = both_ways(networkx, between_symbols)
    drawn.add_nodes_from(path_of)
    alike = networkx.pagerank(drawn, personalization=dict.fromkeys(members, 1.0), tol=1e-12, max_iter=500)
    found = dict(zip(graph.ids.tolist(), ranker.symbols({"f1.py": 1.0}).tolist(), strict=True))
    assert found == pytest.approx(alike, abs=1e-4)


def both_ways(networkx, links):  # type: ignore[no-untyped-def]
    """Links as the ranking walks them: roots of the weights ahead, a part of them back."""
    graph = networkx.DiGraph()
    for (source, target), weight in links.items():
        for one, other, flow in ((source, target, weight**0.5), (target, source, BACKWARD * weight**0.5)):
            known = graph.get_edge_data(one, other, {"weight": 0.0})["weight"]
            graph.add_edge(one, other, weight=known + flow)
    return graph


def test_rank_does_not_depend_on_order_and_ignores_strangers() -> None:
    links = {("a", "b"): 1.0, ("b", "c"): 2.0}
    turned = dict(reversed(links.items()))
    assert rank("abc", links, {"a": 1.0}) == rank("cba", turned, {"a": 1.0, "zzz": 5.0})
    assert rank("abc", links, {"zzz": 1.0}) == {}
    assert rank("", {}, {}) == {}


def test_a_graph_without_links_keeps_the_walk_at_its_start(small: Source) -> None:
    graph = Adjacency.of([symbol(1, "a.py", ""), symbol(2, "b.py", "")], [])
    assert rank_files(graph, {"b.py": 3.0}) == {"a.py": 0.0, "b.py": 1.0}
    assert Ranker(graph).symbols({"none.py": 1.0}).tolist() == [0.0, 0.0]
