"""Kotlin: what its files say, and where its names lead, to Java and back."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.kotlin_lines import mark_newlines
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol

SHOP = """
    @file:JvmName("Shops")
    package com.acme.shop

    import com.acme.stock.Store
    import com.acme.stock.*
    import com.acme.stock.Box as Crate

    /** Sells things. */
    @Serializable(with = Plain::class)
    open class Shop<T : Item>(@Named("q") val size: Int, private var best: Item?, late: Clock) : Base<T>(size), Runs {
      val many: Int = 3
      var store = Store(many)
      val lazyStore by lazy { Store(1) }
      lateinit var box: pkg.Box
      val next: Item get() = pick()
      private var level: Level = Level.LOW
        private set(value) { field = check(value) }

      constructor(text: String) : this(text.toInt()) { start() }
      init { prepare() }

      override fun <R> get(entry: Map.Entry<K, V>, vararg more: Item): R? {
        for (one: Item in more) one.run()
        val made = Shop.Inner()
        val same = made.store
        val cast = same as? Crate
        items.map { a -> a.low() }
        forEach { it.go() }
        first?.box!!.open()
        fun local(k: Int): Int = k
        when (val found = find()) { is Circle -> found.radius; else -> 3 }
        try { read() } catch (error: pkg.Broken) { error.print() }
        call(name = 3, other = Thing())
        val plain = object : Runnable, Task(1) {
          override fun run() { inside() }
        }
        val text = "said $best and ${made.label()} here\\r"
        return this@Shop.many as R
      }

      companion object {
        const val MAX = 1
        fun make() = Shop(1)
      }

      enum class Color(val r: Int) : Named {
        RED(1),
        GREEN;
        fun paint() {}
      }
    }

    object Single : Base() { val q = 1 }
    data class Pair(val x: Int)
    typealias Handler = Shop
    fun Store.shout(): Item = pick()
    fun <T> pkg.Box<T>.ext(x: T?) {}
    val Store.len: Int get() = size
    fun `two words`() {}
"""


def facts_of(source: str, path: str = "a.kt") -> FileFacts:
    return analyze(path, dedent(source).encode(), budget_s=5).facts


def symbols_of(facts: FileFacts) -> dict[str, Symbol]:
    return {f"{symbol.kind} {symbol.qualname}": symbol for symbol in facts.symbols}


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def test_definitions(shop: FileFacts) -> None:
    assert shop.package == "com.acme.shop"
    assert {name for name in symbols_of(shop) if name != "file "} == {
        "class Shop", "variable Shop.size", "variable Shop.best", "variable Shop.many", "variable Shop.store",
        "variable Shop.lazyStore", "variable Shop.box", "method Shop.next", "method Shop.level",
        "method Shop.constructor", "method Shop.get", "function Shop.get.local", "class Shop.get.object",
        "method Shop.get.object.run", "variable Shop.MAX", "method Shop.make", "class Shop.Color",
        "variable Shop.Color.r", "variable Shop.Color.RED", "variable Shop.Color.GREEN",
        "method Shop.Color.paint", "class Single", "variable Single.q", "class Pair", "variable Pair.x",
        "class Handler", "method Store.shout", "method pkg.Box.ext", "method Store.len", "function two words",
    }  # fmt: skip


def test_what_stands_at_a_definition(shop: FileFacts) -> None:
    found = symbols_of(shop)
    outer = found["class Shop"]
    assert outer.signature.startswith("open class Shop<T : Item>(")
    assert outer.signature.endswith(": Base<T>(size), Runs")
    assert (outer.doc, outer.visibility) == ("Sells things.", "public")
    assert outer.decorators == ("@Serializable(with = Plain::class)",)
    assert outer.bases == ("Base<T>", "Runs")
    assert found["variable Shop.best"].visibility == "private"
    assert found["method Shop.get.object.run"].signature == "override fun run()"
    assert found["class Shop.get.object"].bases == ("Runnable", "Task")
    assert found["class Handler"].bases == ("Shop",)


def test_imports(shop: FileFacts) -> None:
    assert [(i.module, i.name, i.alias) for i in shop.imports] == [
        ("com.acme.stock", "Store", "Store"),
        ("com.acme.stock", "*", ""),
        ("com.acme.stock", "Box", "Crate"),
    ]


def test_bindings_tell_types(shop: FileFacts) -> None:
    told = {(b.scope, b.name, b.type, b.kind) for b in shop.bindings}
    assert told >= {
        ("Shop", "best", "Item", "parameter"),
        ("Shop", "late", "Clock", "parameter"),
        ("Shop", "store", "Store", "call"),
        ("Shop", "lazyStore", "Store", "call"),
        ("Shop", "box", "pkg.Box", "annotation"),
        ("Shop.next", "return", "Item", "return"),
        ("Shop.get", "entry", "Map.Entry", "parameter"),
        ("Shop.get", "more", "Item", "parameter"),
        ("Shop.get", "one", "Item", "annotation"),
        ("Shop.get", "made", "Shop.Inner", "call"),
        ("Shop.get", "same", "made.store", "alias"),
        ("Shop.get", "cast", "Crate", "annotation"),
        ("Shop.get", "found", "find", "call"),
        ("Shop.get", "error", "pkg.Broken", "annotation"),
        ("Store.shout", "return", "Item", "return"),
    }


def test_uses(shop: FileFacts) -> None:
    uses = {(r.scope, r.name, r.kind) for r in shop.references}
    assert uses >= {
        ("Shop", "Serializable", "call"),
        ("Shop", "prepare", "call"),
        ("Shop.next", "pick", "call"),
        ("Shop.level", "check", "call"),
        ("Shop.get", "one.run", "call"),
        ("Shop.get", "items.map", "call"),  # with a lambda
        ("Shop.get", "forEach", "call"),
        ("Shop.get", "first.box.open", "call"),
        ("Shop.get", "made.label", "call"),
        ("Shop.get.object.run", "inside", "call"),
        ("Shop.make", "Shop", "call"),
    }
    names = {r.name for r in shop.references}
    assert not names & {
        "said",
        "here",
        "name",
        "other",
        "open",
        "data",
        "override",
        "a",
        "k",
        "com.acme.shop",
    }


@pytest.mark.parametrize(
    ("source", "qualname"),
    [
        ("class A {\n  companion object { fun make() = 1 }\n}\n", "A.make"),
        ("fun interface Go { fun go() }\n", "Go.go"),
        ("actual class B\ninternal actual constructor(val data: Int) : C {\n  fun f() {}\n}\n", "B.f"),
        ("@OptIn(X::class)\nactual class D {\n  fun f() {}\n}\n", "D.f"),
        ("import a.b\n\n@Target(FUNCTION) public annotation class Mark\n", "Mark"),
    ],
)
def test_ways_of_writing_that_the_grammar_does_not_know(source: str, qualname: str) -> None:
    assert qualname in {symbol.qualname for symbol in facts_of(source).symbols}
    assert len(mark_newlines(source.encode())) == len(source.encode())


def test_strings_keep_their_braces() -> None:
    text = b'val a = "class A { b }" // class B { c }\n'
    assert mark_newlines(text) == text


# -- where names lead --------------------------------------------------------------------------------------------

WORLD = {
    "stock/Store.kt": """
        package com.acme.stock
        import com.acme.base.Depot
        class Store(private val box: Box) : Depot() {
          val item: Item get() = box.open()
          fun fill(): Store = apply { box.open() }
          companion object {
            fun make(): Store = Store(Box())
            fun String.toStore(): Store = make()
          }
        }
        class Box {
          fun open(): Item = Item()
        }
        class Item {
          fun sell() {}
        }
        fun refill(store: Store) {}
    """,
    "stock/Extra.kt": """
        package com.acme.extra
        import com.acme.stock.Store
        fun Store.shout(): Store = fill()
        fun Store.twice() = shout()
    """,
    "base/Depot.java": """
        package com.acme.base;
        import com.acme.stock.Store;
        import com.acme.stock.StoreKt;
        public class Depot { void clear() { StoreKt.refill(Store.Companion.make()); } }
    """,
    "shop/Shop.kt": """
        package com.acme.shop
        import com.acme.extra.shout
        import com.acme.stock.Item
        import com.acme.stock.Store
        import com.acme.stock.Store.Companion.toStore
        import com.acme.stock.refill as again
        class Shop(val store: Store) {
          private val made = Store.make()
          fun run() {
            store.item.sell()
            store.shout().fill()
            made.clear()
            again(store)
            "x".toStore().fill()
            local.toStore()
            help()
          }
        }
    """,
    "shop/Near.kt": "package com.acme.shop\nfun help() {}\n",
}


@pytest.fixture(scope="module")
def world() -> dict[str, FileFacts]:
    return {path: facts_of(text, path) for path, text in WORLD.items()}


def targets(world: dict[str, FileFacts], path: str, name: str, scope: str) -> list[str]:
    found = Resolver(FactsTable(world)).resolve_name(world[path], name, scope, 10**6)
    return [f"{target.path.rpartition('/')[2]}:{target.qualname}" for target in found]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("store.item.sell", "Store.kt:Item.sell"),  # through a property with code
        ("store.shout", "Extra.kt:Store.shout"),  # an extension
        ("store.shout().fill", "Store.kt:Store.fill"),
        ("made.clear", "Depot.java:Depot.clear"),  # inherited from Java
        ("again", "Store.kt:refill"),
        ("local.toStore", "Store.kt:Store.toStore"),  # of the companion, of something unknown
        ("help", "Near.kt:help"),
        ("Store.make", "Store.kt:Store.make"),
    ],
)
def test_names_lead_to_definitions(world: dict[str, FileFacts], name: str, target: str) -> None:
    assert targets(world, "shop/Shop.kt", name, "Shop.run") == [target]


def test_an_extension_sees_the_members_of_its_class(world: dict[str, FileFacts]) -> None:
    assert targets(world, "stock/Extra.kt", "fill", "Store.shout") == ["Store.kt:Store.fill"]
    assert targets(world, "stock/Extra.kt", "this.fill", "Store.shout") == ["Store.kt:Store.fill"]
    assert targets(world, "stock/Extra.kt", "shout", "Store.twice") == ["Extra.kt:Store.shout"]


def test_java_sees_kotlin(world: dict[str, FileFacts]) -> None:
    assert targets(world, "base/Depot.java", "StoreKt.refill", "Depot.clear") == ["Store.kt:refill"]
    assert targets(world, "base/Depot.java", "Store.Companion.make", "Depot.clear") == ["Store.kt:Store.make"]


def test_edges(world: dict[str, FileFacts]) -> None:
    edges = Resolver(FactsTable(world)).resolve_file(world["stock/Store.kt"]).edges
    found = {(e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in edges}
    assert found >= {
        ("", "base/Depot.java", "Depot", "imports"),
        ("Store", "base/Depot.java", "Depot", "inherits"),
        ("Store.item", "stock/Store.kt", "Box.open", "calls"),
        ("Box.open", "stock/Store.kt", "Item", "calls"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "class",
        "fun f( ",
        "import a.b.",
        "class A { val x = " + "(" * 5000 + " }",
        "class A {\n" * 2000,
        "fun f() { " + "a?." * 20_000 + "b() }",
        "class A { " + "} " * 20_000,
        "class A" + "\n constructor" * 200,
        ") actual " * 20_000,
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    facts = facts_of(text)
    assert facts.symbols[0].kind == "file"
    assert facts.chunks
