"""A change resolves anew the files whose edges it can change, and hardly any other."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver, add_change, interface
from indexer.resolvers.keys import Changed
from indexer.types import FileFacts


def parse(path: str, text: str) -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


def touched(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The files that are resolved anew because others changed; all edges are as if all were."""
    old = {path: parse(path, text) for path, text in before.items()}
    new = {path: parse(path, text) for path, text in after.items()}
    resolver = Resolver(FactsTable(old))
    resolved = {path: resolver.resolve_file(facts) for path, facts in old.items()}
    changed = Changed()
    for path in old.keys() | new.keys():
        was, now = old.get(path), new.get(path)
        if was != now:
            add_change(changed, path, interface(was) if was else None, interface(now) if now else None)
    same = [path for path in new if old.get(path) == new[path]]
    found = {path for path in same if changed.add_closure(path, resolved[path].closure)}
    found |= {path for path in same if changed.touches(resolved[path].consulted)}
    resolver = Resolver(FactsTable(new))
    stale = [
        path
        for path in same
        if path not in found
        and frozenset(resolver.resolve_file(new[path]).edges) != frozenset(resolved[path].edges)
    ]
    assert stale == []
    return found


SHOP = {
    "shop/__init__.py": "from .goods import *\nfrom .prices import tax\n",
    "shop/goods.py": """
        from .prices import Price
        class Item:
            def __init__(self, name: str):
                price = Price(name)
                self.price = price
            def cost(self) -> Price:
                return self.price
        def pick() -> Item: ...
    """,
    "shop/prices.py": "class Price:\n    def total(self): ...\ndef tax(): ...\n",
    "uses_item.py": "from shop import Item\ndef f(i: Item):\n    i.price.total()\n",
    "uses_pick.py": "from shop.goods import pick\npick()\n",
    "uses_tax.py": "import shop\nshop.tax()\n",
    "uses_missing.py": "from shop import late\nlate()\n",
}


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("shop/goods.py", "return self.price", "print(self)\n                return self.price", set()),
        ("shop/goods.py", "def pick() ->", "# moved\n        def pick() ->", set()),
        ("shop/goods.py", "def pick()", "def pick(x)", {"uses_pick.py"}),
        ("shop/goods.py", "def cost(", "def price_of(", {"uses_item.py"}),
        ("shop/goods.py", "price = Price(name)", "price = pick()", {"uses_item.py"}),
        ("shop/goods.py", "def pick()", "def late(): ...\n        def pick()", {"uses_missing.py"}),
        ("shop/prices.py", "def tax()", "def late(): ...\ndef tax()", set()),
        ("shop/prices.py", "def tax()", "def tax(x)", {"uses_tax.py", "shop/__init__.py"}),
    ],
)
def test_only_who_looked_at_the_name_is_resolved_anew(
    path: str, old: str, new: str, expected: set[str]
) -> None:
    assert old in SHOP[path]
    assert touched(SHOP, {**SHOP, path: SHOP[path].replace(old, new, 1)}) == expected


def test_a_file_that_appears_finds_who_missed_it() -> None:
    before = {**SHOP, "other.py": "import shop.extra\nfrom shop import extra\nextra.run()\n"}
    assert "other.py" in touched(before, {**before, "shop/extra.py": "def run(): ...\n"})


def test_a_file_that_goes_finds_who_used_it() -> None:
    after = {path: text for path, text in SHOP.items() if path != "shop/prices.py"}
    assert {"uses_tax.py", "uses_item.py", "shop/goods.py"} <= touched(SHOP, after)


def test_new_stars_are_seen_by_who_looked_through_the_file() -> None:
    before = {**SHOP, "more.py": "def late(): ...\n"}
    text = f"{SHOP['shop/__init__.py']}from more import *\n"
    assert "uses_missing.py" in touched(before, {**before, "shop/__init__.py": text})


def test_a_change_far_down_the_stars_reaches_the_top() -> None:
    chain = {f"m{n}.py": f"from m{n + 1} import *\n" for n in range(8)}
    before = {**chain, "m8.py": "def one(): ...\n", "top.py": "from m0 import one, two\none()\ntwo()\n"}
    assert touched(before, {**before, "m8.py": "def one(): ...\ndef other(): ...\n"}) == set()
    assert touched(before, {**before, "m8.py": "def one(): ...\ndef two(): ...\n"}) == {"top.py"}
    assert "top.py" in touched(
        before, {**before, "m8.py": "from new import *\n", "new.py": "def two(): ...\n"}
    )


def test_circles_of_stars_take_linear_time() -> None:
    count = 60
    sources = {
        f"p/m{n}.py": "".join(f"from .m{other} import *\n" for other in range(count) if other != n)
        + f"class C{n}(C{(n + 1) % count}): ...\ndef f{n}(x: C{(n + 7) % count}):\n    missing{n}(x.name)\n"
        for n in range(count)
    }
    table = FactsTable({path: parse(path, text) for path, text in sources.items()})
    resolver = Resolver(table)
    for path in sources:
        facts = table.facts(path)
        assert facts is not None
        assert any(edge.kind == "inherits" for edge in resolver.resolve_file(facts).edges)


def test_overrides_lead_to_the_nearest_base() -> None:
    sources = {
        "base.py": "class A:\n    def run(self): ...\n    def stop(self): ...\nclass B(A):\n    def run(self): ...\n",
        "heir.py": "from base import B\nclass C(B):\n    def run(self): ...\n    def stop(self): ...\n"
        "    def own(self): ...\n",
    }
    table = FactsTable({path: parse(path, text) for path, text in sources.items()})
    facts = table.facts("heir.py")
    assert facts is not None
    edges = Resolver(table).resolve_file(facts).edges
    found = {(e.source_qualname, e.target_qualname) for e in edges if e.kind == "overrides"}
    assert found == {("C.run", "B.run"), ("C.stop", "A.stop")}


def test_assignments_to_itself_keep_the_type() -> None:
    lines = "".join("    query = query.only()\n" for _ in range(300))
    text = f"class Query:\n    def only(self): ...\ndef f():\n    query = Query()\n{lines}    query.only()\n"
    facts = parse("a.py", text)
    edges = Resolver(FactsTable({"a.py": facts})).resolve_file(facts).edges
    assert ("f", "Query.only", "calls") in {(e.source_qualname, e.target_qualname, e.kind) for e in edges}
