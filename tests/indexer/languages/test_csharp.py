"""C#: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.csharp_directives import hide_directives
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol
from indexer.typetext import useful_type

SHOP = """
    global using System.Text;
    using System;
    using static Acme.Limits;
    using Crate = Acme.Stock.Box;
    [assembly: Mark]

    namespace Acme.Shop.Inner
    {
        using Acme.Stock;

        /// <summary>Sells things.</summary>
        [Serializable, Entity(Name = "shop")]
        public partial class Shop<T> : Base<T>, IRuns, pkg.IStops where T : class, INamed, new()
        {
            public const int Few = 3, Many = Limits.Low;
            private readonly List<Item> items = new List<Item>();
            public string Name { get; set; } = "x";
            public Item Best => Pick();
            internal Item Next { get { return items.First(); } }
            public event EventHandler<Args> Changed;
            public delegate void Handler(int a, Item b);
            public Shop(int a, params string[] rest) : base(a) { this.x = new Thing(a); }
            ~Shop() { }

            protected async Task<Item> GetAsync<R>(Item? first, out int n, ref pkg.Key key)
            {
                foreach (Item one in items) one.Run();
                foreach (var (a, b) in pairs) { }
                var made = new Shop.Inner();
                Item typed = made.Make();
                var told = await made.TellAsync(1);
                var same = made.Best;
                var cast = told as Crate;
                Item fresh = new() { Size = 1 };
                int Local(int z) => z;
                first?.Box!.Open();
                if (o is Point p && p.X > 0) { }
                try { } catch (Broken error) when (error.Bad) { }
                Call(name: 3, out var oo);
                Func<int, int> sorter = key2 => key2.Low();
                var text = $"in text\\r{told.Label()}";
                Gen<Item>.Make<int>(3);
                global::Acme.Top.Go();
                return o switch { Circle c => c.R, Square { Side: var s } => s, _ => null };
            }

            void IRuns.Run() { }
        }

        public struct Size { public int X; }
        public record Pair(int A, Item B) : IRuns { }
        interface IShape : IOther { void M(); int P { get; } }
        enum Level : byte { Low = 1, High }
        static class Extra { public static int Len(this string s, int x) => 1; }
        class Short(int a, Item b) : Base(a) { }
    }
"""


def facts_of(source: str, path: str = "a.cs") -> FileFacts:
    return analyze(path, dedent(source).encode(), budget_s=5).facts


def symbols_of(facts: FileFacts) -> dict[str, Symbol]:
    return {f"{s.kind} {s.qualname.removeprefix('Acme.Shop.Inner.')}": s for s in facts.symbols}


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def test_definitions(shop: FileFacts) -> None:
    assert shop.package == ""
    assert {name for name in symbols_of(shop) if name != "file "} == {
        "namespace Acme.Shop.Inner", "class Shop", "variable Shop.Few", "variable Shop.Many",
        "variable Shop.items", "variable Shop.Name", "method Shop.Best", "method Shop.Next",
        "variable Shop.Changed", "class Shop.Handler", "method Shop.Shop", "method Shop.GetAsync",
        "function Shop.GetAsync.Local", "method Shop.Run", "class Size", "variable Size.X", "class Pair",
        "variable Pair.A", "variable Pair.B", "class IShape", "method IShape.M", "variable IShape.P",
        "class Level", "variable Level.Low", "variable Level.High", "class Extra", "method Extra.Len",
        "class Short",
    }  # fmt: skip


def test_what_stands_at_a_definition(shop: FileFacts) -> None:
    found = symbols_of(shop)
    outer, get = found["class Shop"], found["method Shop.GetAsync"]
    assert outer.signature == (
        "public partial class Shop<T> : Base<T>, IRuns, pkg.IStops where T : class, INamed, new()"
    )
    assert (outer.doc, outer.visibility) == ("Sells things.", "public")
    assert outer.decorators == ('[Serializable, Entity(Name = "shop")]',)
    assert outer.bases == ("Base<T>", "IRuns", "pkg.IStops")
    assert get.signature == "protected async Task<Item> GetAsync<R>(Item? first, out int n, ref pkg.Key key)"
    assert get.visibility == "protected"
    assert found["method Shop.Best"].signature == "public Item Best"
    assert found["method Shop.Run"].visibility == "private"
    assert found["method IShape.M"].visibility == "public"
    assert found["class Level"].visibility == "internal"


def test_a_namespace_of_the_whole_file() -> None:
    facts = facts_of(
        "namespace Acme.Stock;\nusing A.B;\nvar x = new Foo();\nvoid Top(int a) {}\nclass Z {}\n"
    )
    assert facts.package == "Acme.Stock"
    assert [s.qualname for s in facts.symbols if s.kind != "file"] == ["Top", "Z"]


def test_base_types_of_some_builds() -> None:
    source = "class A\n#if ASYNC\n    : IRuns\n#endif\n{\n    void F() { }\n}\n"
    found = symbols_of(facts_of(source))
    assert set(found) == {"file ", "class A", "method A.F"}
    assert found["class A"].bases == ("IRuns",)
    assert len(hide_directives(source.encode())) == len(source)


def test_imports(shop: FileFacts) -> None:
    assert [(i.module, i.level, i.name, i.alias) for i in shop.imports] == [
        ("System.Text", 1, "*", ""),
        ("System", 0, "*", ""),
        ("Acme.Limits", 0, "*", ""),
        ("Acme.Stock", 0, "Box", "Crate"),
        ("Acme.Stock", 0, "*", ""),
    ]


def test_bindings_tell_types(shop: FileFacts) -> None:
    told = {(b.scope.removeprefix("Acme.Shop.Inner."), b.name, b.type, b.kind) for b in shop.bindings}
    assert told >= {
        ("Shop", "items", "List", "annotation"),
        ("Shop.Best", "return", "Item", "return"),
        ("Shop.Next", "return", "Item", "return"),
        ("Shop", "Changed", "EventHandler", "annotation"),
        ("Shop.GetAsync", "return", "Item", "return"),  # of the Task
        ("Shop.GetAsync", "first", "Item", "parameter"),
        ("Shop.GetAsync", "key", "pkg.Key", "parameter"),
        ("Shop.GetAsync", "one", "Item", "annotation"),
        ("Shop.GetAsync", "made", "Shop.Inner", "call"),
        ("Shop.GetAsync", "typed", "Item", "annotation"),
        ("Shop.GetAsync", "told", "made.TellAsync", "call"),
        ("Shop.GetAsync", "same", "made.Best", "alias"),
        ("Shop.GetAsync", "cast", "Crate", "annotation"),
        ("Shop.GetAsync", "fresh", "Item", "annotation"),
        ("Shop.GetAsync", "p", "Point", "annotation"),
        ("Shop.GetAsync", "error", "Broken", "annotation"),
        ("Shop.GetAsync", "c", "Circle", "annotation"),
        ("Pair", "B", "Item", "parameter"),
        ("Short", "b", "Item", "parameter"),
    }


def test_uses(shop: FileFacts) -> None:
    uses = {(r.scope.removeprefix("Acme.Shop.Inner."), r.name, r.kind) for r in shop.references}
    assert uses >= {
        ("Shop", "Entity", "call"),
        ("Shop", "Serializable", "call"),
        ("Shop.Best", "Pick", "call"),
        ("Shop.Next", "items.First", "call"),
        ("Shop.Shop", "Thing", "call"),
        ("Shop.GetAsync", "one.Run", "call"),
        ("Shop.GetAsync", "first.Box.Open", "call"),
        ("Shop.GetAsync", "told.Label", "call"),
        ("Shop.GetAsync", "Gen.Make", "call"),
        ("Shop.GetAsync", "key2.Low", "call"),
        ("Shop.GetAsync", "Call", "call"),
    }
    names = {r.name for r in shop.references}
    assert not names & {
        "text",
        "Name",
        "Size",
        "Side",
        "name",
        "base",
        "assembly",
        "record",
        "oo",
        "s",
        "r",
        "_",
    }


# -- where names lead --------------------------------------------------------------------------------------------

WORLD = {
    "src/Stock/Stock.csproj": '<Project><ItemGroup><Using Include="Acme.Tools" /></ItemGroup></Project>',
    "src/Stock/GlobalUsings.cs": "global using Acme.Extra;\n",
    "src/Stock/Store.cs": """
        namespace Acme.Stock;
        public partial class Store : Depot
        {
            private readonly Box box = new Box();
            public Level Level { get; set; }
            public Store With(int size) { return this; }
            void Check() { Level.Name(); Fill(); base.Clear(); box.Open(); Hammer.Hit(); Deep.Down(); }
            [Bold] void Bad() { }
        }
    """,
    "src/Stock/Store.More.cs": """
        namespace Acme.Stock { partial class Store { public Task<Item> FindAsync() { return null; } void Fill() { } } }
    """,
    "src/Stock/Items.cs": """
        namespace Acme.Stock
        {
            public class Item { public void Sell() { } }
            public class Box { public void Open() { } }
            public class Depot { protected void Clear() { } }
            public class Level { public void Name() { } }
            public class BoldAttribute { }
        }
    """,
    "src/Tools/Hammer.cs": "namespace Acme.Tools { static class Hammer { public static void Hit() { } } }",
    "src/Extra/Deep.cs": "namespace Acme.Extra { static class Deep { public static void Down() { } } }",
    "src/Top.cs": "namespace Acme { class Top { } }",
    "src/Shop/Shop.cs": """
        using Acme.Stock;
        using static Acme.Extra.Deep;
        using Crate = Acme.Stock.Box;
        namespace Acme.Shop
        {
            class Shop
            {
                private Store store;
                async Task Run()
                {
                    var item = await store.FindAsync();
                    item.Sell();
                    store.FindAsync().Result.Sell();
                    new Store().With(1).Paint(2);
                    new Crate().Open();
                    Down();
                    Top.Go();
                    other.Paint(3);
                }
            }
            static class Painter { public static Store Paint(this Store store, int n) => store; }
        }
    """,
}
SHOP_PATH = "src/Shop/Shop.cs"
STORE_PATH = "src/Stock/Store.cs"


@pytest.fixture(scope="module")
def world() -> FactsTable:
    files = {path: facts_of(text, path) for path, text in WORLD.items()}
    return FactsTable(files, {path: text.encode() for path, text in WORLD.items()})


def targets(world: FactsTable, path: str, name: str, scope: str) -> list[str]:
    facts = world.facts(path)
    assert facts is not None
    found = Resolver(world).resolve_name(facts, name, scope, 10**6)
    return [f"{target.path.rpartition('/')[2]}:{target.qualname}" for target in found]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Store", "Store.cs:Store"),
        ("store.With", "Store.cs:Store.With"),
        ("store.FindAsync", "Store.More.cs:Acme.Stock.Store.FindAsync"),  # in another part of the class
        ("item.Sell", "Items.cs:Acme.Stock.Item.Sell"),
        ("store.FindAsync().Result.Sell", "Items.cs:Acme.Stock.Item.Sell"),
        ("Store().With().Paint", "Shop.cs:Acme.Shop.Painter.Paint"),  # an extension
        ("Crate", "Items.cs:Acme.Stock.Box"),
        ("Down", "Deep.cs:Acme.Extra.Deep.Down"),  # `using static`
        ("Top", "Top.cs:Acme.Top"),  # of a namespace around
    ],
)
def test_names_lead_to_definitions(world: FactsTable, name: str, target: str) -> None:
    assert targets(world, SHOP_PATH, name, "Acme.Shop.Shop.Run") == [target]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Fill", "Store.More.cs:Acme.Stock.Store.Fill"),
        ("base.Clear", "Items.cs:Acme.Stock.Depot.Clear"),
        ("box.Open", "Items.cs:Acme.Stock.Box.Open"),
        ("Level.Name", "Items.cs:Acme.Stock.Level.Name"),  # a property that is called like its type
        ("Hammer.Hit", "Hammer.cs:Acme.Tools.Hammer.Hit"),  # opened by the project file
        ("Deep.Down", "Deep.cs:Acme.Extra.Deep.Down"),  # opened for the whole project
        ("Bold", "Items.cs:Acme.Stock.BoldAttribute"),
    ],
)
def test_names_of_a_project(world: FactsTable, name: str, target: str) -> None:
    assert targets(world, STORE_PATH, name, "Store.Check") == [target]


def test_an_extension_of_something_unknown_is_less_sure(world: FactsTable) -> None:
    facts = world.facts(SHOP_PATH)
    assert facts is not None
    found = Resolver(world).resolve_name(facts, "other.Paint", "Acme.Shop.Shop.Run", 10**6)
    assert [(target.qualname, target.weight) for target in found] == [("Acme.Shop.Painter.Paint", 0.6)]


def test_edges(world: FactsTable) -> None:
    facts = world.facts(STORE_PATH)
    assert facts is not None
    edges = Resolver(world).resolve_file(facts).edges
    found = {(e.source_qualname, e.target_path.rpartition("/")[2], e.target_qualname, e.kind) for e in edges}
    assert found >= {
        ("Store", "Items.cs", "Acme.Stock.Depot", "inherits"),
        ("Store", "Items.cs", "Acme.Stock.Box", "calls"),
        ("Store.Check", "Store.More.cs", "Acme.Stock.Store.Fill", "calls"),
    }


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("List<Item>", "List"),
        ("Task<pkg.Item>", "pkg.Item"),
        ("Item?[]", "Item"),
        ("ValueTask<Lazy<Item>>", "Item"),
        ("global::Acme.Item", "Acme.Item"),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "csharp") == useful


@pytest.mark.parametrize(
    "text",
    [
        "class",
        "namespace A { class B { void F( ",
        "using A.B.",
        "using X = ",
        "class A { int x = " + "(" * 5000 + "; }",
        "namespace A { " * 2000,
        "class A { void F() { " + "a?." * 20_000 + "B(); } }",
        "class A {\n#if X\n" * 500,
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    facts = facts_of(text)
    assert facts.symbols[0].kind == "file"
    assert facts.chunks
