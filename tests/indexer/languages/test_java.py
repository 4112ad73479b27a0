"""Java: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol
from indexer.typetext import useful_type

SHOP = """
    package com.acme.shop;

    import java.util.List;
    import com.acme.stock.*;
    import static com.acme.stock.Limits.MAX;
    import static com.acme.stock.Limits.*;

    /**
     * Sells.
     *
     * @param <T> what
     */
    @Entity(name = "shop")
    public abstract class Shop<T extends Item> extends Base<T> implements Runs, pkg.Stops<String> {
        private static final int FEW = 3, MANY = Limits.LOW;
        List<Item>[] items = new ArrayList<>();
        public int items() { return items.length; }

        public Shop(int a, final List<Item> b, String... rest) throws Broken { super(a); this.x = new Thing(a); }

        // Fetches.
        @Override
        protected <R> R get(Map.Entry<K, V> entry) {
            for (Item one : items) one.run();
            var made = new Shop.Inner();
            var told = made.tell(1).more();
            var same = made;
            Shop typed = made.make();
            int count = 0;
            Sorter sorter = Shop::sort;
            sorter = key -> key.low();
            try (Reader reader = open()) { read(); } catch (Broken | Lost error) { error.print(); }
            if (o instanceof Point point && point.x() > 0) { count++; }
            switch (o) { case Square square -> square.side(); default -> { } }
            class Local { void inside() { } }
            run(new Runnable() { public void run() { go("text here"); } });
            run(new Runnable() { public void run() { } });
            label: for (;;) { break label; }
            return (Cast) Outer.Mid.call(this);
        }

        enum Color implements Named { RED(1) { void paint() { } }, GREEN; Color() { } }
        record Point(int x, List<Y> y) implements Named { Point { check(); } }
        @interface Mark { String value() default "x"; int N = 2; }
        interface Shape extends A, B { double area(); int K = 1; }
    }
"""


def facts_of(source: str, path: str = "a.java") -> FileFacts:
    return analyze(path, dedent(source).encode(), budget_s=5).facts


def symbols_of(facts: FileFacts) -> dict[str, Symbol]:
    return {f"{symbol.kind} {symbol.qualname}": symbol for symbol in facts.symbols}


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def test_definitions(shop: FileFacts) -> None:
    assert shop.package == "com.acme.shop"
    assert {name for name in symbols_of(shop) if name != "file "} == {
        "class Shop", "variable Shop.FEW", "variable Shop.MANY", "variable Shop.items", "method Shop.items",
        "method Shop.Shop", "method Shop.get", "class Shop.get.Local", "method Shop.get.Local.inside",
        "class Shop.get.new", "method Shop.get.new.run", "class Shop.get.new2", "method Shop.get.new2.run",
        "class Shop.Color", "variable Shop.Color.RED", "method Shop.Color.paint", "variable Shop.Color.GREEN",
        "method Shop.Color.Color", "class Shop.Point", "variable Shop.Point.x", "variable Shop.Point.y",
        "method Shop.Point.Point", "class Shop.Mark", "method Shop.Mark.value", "variable Shop.Mark.N",
        "class Shop.Shape", "method Shop.Shape.area", "variable Shop.Shape.K",
    }  # fmt: skip


def test_what_stands_at_a_definition(shop: FileFacts) -> None:
    found = symbols_of(shop)
    outer, get = found["class Shop"], found["method Shop.get"]
    assert outer.signature == (
        "public abstract class Shop<T extends Item> extends Base<T> implements Runs, pkg.Stops<String>"
    )
    assert (outer.doc, outer.visibility) == ("Sells.", "public")
    assert outer.decorators == ('@Entity(name = "shop")',)
    assert outer.bases == ("Base<T>", "Runs", "pkg.Stops<String>")
    assert get.signature == "protected <R> R get(Map.Entry<K, V> entry)"
    assert (get.doc, get.decorators, get.visibility) == ("Fetches.", ("@Override",), "protected")
    assert found["variable Shop.items"].visibility == "internal"
    assert found["method Shop.Shape.area"].visibility == "public"
    assert found["class Shop.Shape"].bases == ("A", "B")
    assert found["class Shop.get.new"].bases == ("Runnable",)


def test_imports(shop: FileFacts) -> None:
    assert [(i.module, i.name, i.alias) for i in shop.imports] == [
        ("java.util", "List", "List"),
        ("com.acme.stock", "*", ""),
        ("com.acme.stock.Limits", "MAX", "MAX"),
        ("com.acme.stock.Limits", "*", ""),
    ]


def test_bindings_tell_types(shop: FileFacts) -> None:
    told = {(b.scope, b.name, b.type, b.kind) for b in shop.bindings}
    assert told >= {
        ("Shop", "items", "List", "annotation"),
        ("Shop.Shop", "b", "List", "parameter"),
        ("Shop.get", "return", "R", "return"),
        ("Shop.get", "entry", "Map.Entry", "parameter"),
        ("Shop.get", "one", "Item", "annotation"),
        ("Shop.get", "made", "Shop.Inner", "call"),
        ("Shop.get", "told", "made.tell().more", "call"),
        ("Shop.get", "same", "made", "alias"),
        ("Shop.get", "typed", "Shop", "annotation"),
        ("Shop.get", "reader", "Reader", "annotation"),
        ("Shop.get", "error", "Broken", "annotation"),
        ("Shop.get", "point", "Point", "annotation"),
        ("Shop.get", "square", "Square", "annotation"),
        ("Shop.get", "key", "", "local"),
    }
    assert not {(name, type_name) for _, name, type_name, _ in told} & {("made", "var"), ("count", "int")}


def test_uses(shop: FileFacts) -> None:
    uses = {(r.scope, r.name, r.kind) for r in shop.references}
    assert uses >= {
        ("Shop", "Entity", "call"),
        ("Shop", "Limits.LOW", "name"),
        ("Shop.Shop", "Thing", "call"),
        ("Shop.get", "one.run", "call"),
        ("Shop.get", "Shop.sort", "name"),
        ("Shop.get", "key.low", "call"),
        ("Shop.get", "Outer.Mid.call", "call"),
        ("Shop.get.new.run", "go", "call"),
        ("Shop.Point.Point", "check", "call"),
    }
    names = {r.name for r in shop.references}
    assert not names & {"text", "here", "label", "count", "return", "record", "one", "var", "super"}


# -- where names lead --------------------------------------------------------------------------------------------

WORLD = {
    "src/com/acme/stock/Limits.java": """
        package com.acme.stock;
        public class Limits extends Bounds { public static final int MAX = 3; public static Store open() { } }
    """,
    "src/com/acme/stock/Bounds.java": """
        package com.acme.stock;
        class Bounds { static int low() { return 1; } }
    """,
    "src/com/acme/stock/Store.java": """
        package com.acme.stock;
        import java.util.Optional;
        public class Store<T> {
            public Store(int size) { }
            Store size(int size) { return this; }
            public Optional<Item> find(String name) { return Store.of(name).pick(); }
            static Store of(String name) { return null; }
            Item pick() { return null; }
            public static class Item { void sell() { } }
        }
    """,
    "src/com/acme/shop/Shop.java": """
        package com.acme.shop;
        import com.acme.stock.Store;
        import com.acme.stock.Store.Item;
        import static com.acme.stock.Limits.MAX;
        import static com.acme.stock.Limits.low;
        import java.util.List;
        class Shop extends Base {
            private final Store store = new Store(MAX);
            void run() {
                store.find("x").get().sell();
                new Store(1).size(2).pick();
                var item = store.pick();
                item.sell();
                greet();
                super.greet();
                Near.help();
                com.acme.stock.Limits.open();
                low();
                List.of();
                Runnable go = new Runnable() { public void run() { greet(); } };
            }
        }
    """,
    "src/com/acme/shop/Base.java": """
        package com.acme.shop;
        class Base { void greet() { } }
    """,
    "src/com/acme/shop/Near.java": """
        package com.acme.shop;
        class Near { static void help() { } }
    """,
    "other/List.java": "package other; class List { static void of() { } }",
}
SHOP_PATH = "src/com/acme/shop/Shop.java"


@pytest.fixture(scope="module")
def world() -> dict[str, FileFacts]:
    return {path: facts_of(text, path) for path, text in WORLD.items()}


def targets(world: dict[str, FileFacts], path: str, name: str, scope: str) -> list[str]:
    facts = world[path]
    line = next((r.line for r in facts.references if r.name == name and r.scope == scope), 10**6)
    found = Resolver(FactsTable(world)).resolve_name(facts, name, scope, line)
    return [f"{target.path.rpartition('/')[2]}:{target.qualname}" for target in found]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Store", "Store.java:Store"),
        ("Item", "Store.java:Store.Item"),
        ("MAX", "Limits.java:Limits.MAX"),
        ("low", "Bounds.java:Bounds.low"),  # the static import names a class that inherits it
        ("Near.help", "Near.java:Near.help"),  # of the same package
        ("store.pick", "Store.java:Store.pick"),
        ("store.find().get().sell", "Store.java:Store.Item.sell"),  # through an Optional
        ("Store().size().pick", "Store.java:Store.pick"),
        ("item.sell", "Store.java:Store.Item.sell"),
        ("greet", "Base.java:Base.greet"),  # inherited, named bare
        ("super.greet", "Base.java:Base.greet"),
        ("com.acme.stock.Limits.open", "Limits.java:Limits.open"),
    ],
)
def test_names_lead_to_definitions(world: dict[str, FileFacts], name: str, target: str) -> None:
    assert targets(world, SHOP_PATH, name, "Shop.run") == [target]


def test_what_is_imported_from_outside_is_not_guessed(world: dict[str, FileFacts]) -> None:
    assert targets(world, SHOP_PATH, "List.of", "Shop.run") == []


def test_members_of_the_class_around_an_anonymous_class(world: dict[str, FileFacts]) -> None:
    assert targets(world, SHOP_PATH, "greet", "Shop.run.new.run") == ["Base.java:Base.greet"]


def test_inside_a_class_its_name_is_no_constructor(world: dict[str, FileFacts]) -> None:
    path = "src/com/acme/stock/Store.java"
    assert targets(world, path, "Store", "Store.find") == ["Store.java:Store"]
    assert targets(world, path, "Store.of().pick", "Store.find") == ["Store.java:Store.pick"]


def test_edges(world: dict[str, FileFacts]) -> None:
    edges = Resolver(FactsTable(world)).resolve_file(world[SHOP_PATH]).edges
    found = {(e.source_qualname, e.target_path.rpartition("/")[2], e.target_qualname, e.kind) for e in edges}
    assert found >= {
        ("", "Store.java", "", "imports"),
        ("", "Store.java", "Store.Item", "imports"),
        ("Shop", "Base.java", "Base", "inherits"),
        ("Shop", "Store.java", "Store", "calls"),
        ("Shop.run", "Store.java", "Store.find", "calls"),
    }


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("List<Item>", "List"),
        ("Optional<pkg.Item>", "pkg.Item"),
        ("@Nullable Item[]", "Item"),
        ("CompletableFuture<Optional<Item>>", "Item"),
        ("Map.Entry<K, V>", "Map.Entry"),
        ("? extends Item", "Item"),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "java") == useful


@pytest.mark.parametrize(
    "text",
    [
        "class",
        "class A { void f( ",
        "import a.b.",
        "class A { int x = " + "(" * 5000 + "; }",
        "class A { List<" * 3000,
        "class A { void f() { " + "a." * 20_000 + "b(); } }",
        "class A { " + "Object o = new Object() { " * 1500,
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    facts = facts_of(text)
    assert facts.symbols[0].kind == "file"
    assert facts.chunks
