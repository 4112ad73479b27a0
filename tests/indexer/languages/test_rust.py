"""Rust: what its files say, and where its names lead."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol
from indexer.typetext import useful_type

SHOP = """
    //! Sells.
    use std::collections::HashMap;
    use crate::store::{self, Pool, Item as Thing, parts::{Bolt, *}};
    pub use self::price::Price;
    extern crate serde_json as json;

    pub mod price;
    #[path = "odd_name.rs"]
    mod odd;

    /// Serves customers.
    ///
    /// At length.
    #[derive(Debug, Clone)]
    #[serde(rename = "shop")]
    pub struct Shop<T: Named> where T: Clone {
        pub name: T,
        next: Option<Box<Shop<T>>>,
    }

    struct Pair(u8, Bolt);

    pub(crate) enum Level {
        Low,
        High(Bolt),
        Odd { depth: u8 },
    }

    pub union Bits { whole: u32 }

    pub trait Run: Named + other::Stop<u8> + 'static {
        type Out;
        const FAST: bool;
        fn run(&self, bolt: &mut Bolt) -> Self::Out;
        fn twice(&self) { self.run(); }
    }

    impl<'a, T> Run for &'a Shop<T> where T: Clone {
        type Out = u8;
        const FAST: bool = true;
        fn run(&self, bolt: &mut Bolt) -> u8 { self.next.run(bolt); Self::helper::<u8>() }
    }

    impl<T> Shop<T> {
        pub const SIZE: usize = 3;

        pub async fn open(name: T, mut pools: Vec<Pool>) -> Result<Self, Error> {
            for pool in &pools { pool.fill(name); }
            Ok(Self { name, next: None })
        }
    }

    impl Named for price::Price {}

    type Index = HashMap<String, Shop<u8>>;
    const LIMIT: usize = 3;
    static mut FIRST: Shop<u8> = Shop::empty();

    macro_rules! sell { ($x:expr) => { ring($x) }; }

    pub fn main(run: impl Run) {
        let shop = Shop::open("x", vec![Bolt::new()]);
        const INNER: u8 = 1;
        fn inside() {}
        sell!(shop.name);
        println!("{}", assert_eq!(shop.level(), Level::Low));
        match shop.level() {
            Level::High(bolt) => bolt.turn(),
            Level::Odd { depth } => drop(depth),
            other => other.stop(),
        }
        'outer: loop { break 'outer; }
    }

    mod inner {
        use super::*;

        pub(super) fn deep() -> Shop<u8> { todo!() }
    }
"""


def facts_of(text: str, path: str = "src/shop.rs", *, every_use: bool = False) -> FileFacts:
    data = dedent(text).lstrip("\n").encode()
    return analyze(path, data, budget_s=30.0, every_use=every_use).facts


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def symbol(facts: FileFacts, qualname: str) -> Symbol:
    return next(found for found in facts.symbols if found.qualname == qualname)


def test_definitions_have_their_kinds_and_owners(shop: FileFacts) -> None:
    kinds = {found.qualname: found.kind for found in shop.symbols}
    assert kinds == {
        "": "file",
        "Shop": "class",
        "Shop.name": "variable",
        "Shop.next": "variable",
        "Pair": "class",
        "Level": "class",
        "Level.Low": "variable",
        "Level.High": "variable",
        "Level.Odd": "variable",
        "Bits": "class",
        "Bits.whole": "variable",
        "Run": "class",
        "Run.Out": "class",
        "Run.FAST": "variable",
        "Run.run": "method",
        "Run.twice": "method",
        "Shop.Out": "class",
        "Shop.FAST": "variable",
        "Shop.run": "method",
        "Shop.SIZE": "variable",
        "Shop.open": "method",
        "Index": "class",
        "LIMIT": "variable",
        "FIRST": "variable",
        "sell": "function",
        "main": "function",
        "main.inside": "function",
        "inner": "namespace",
        "inner.deep": "function",
    }


@pytest.mark.parametrize(
    ("qualname", "signature", "doc", "visibility"),
    [
        ("Shop", "pub struct Shop<T: Named> where T: Clone", "Serves customers.", "public"),
        ("Shop.next", "next: Option<Box<Shop<T>>>", "", "private"),
        ("Level", "pub(crate) enum Level", "", "internal"),
        ("Run", "pub trait Run: Named + other::Stop<u8> + 'static", "", "public"),
        ("Run.run", "fn run(&self, bolt: &mut Bolt) -> Self::Out;", "", "public"),
        (
            "Shop.open",
            "pub async fn open(name: T, mut pools: Vec<Pool>) -> Result<Self, Error>",
            "",
            "public",
        ),
        ("LIMIT", "const LIMIT: usize = 3;", "", "private"),
        ("inner.deep", "pub(super) fn deep() -> Shop<u8>", "", "internal"),
    ],
)
def test_headers(shop: FileFacts, qualname: str, signature: str, doc: str, visibility: str) -> None:
    found = symbol(shop, qualname)
    assert (found.signature, found.doc, found.visibility) == (signature, doc, visibility)


def test_traits_are_bases_and_attributes_decorators(shop: FileFacts) -> None:
    assert symbol(shop, "Shop").bases == ("Run",)
    assert symbol(shop, "Run").bases == ("Named", "other::Stop<u8>")
    assert symbol(shop, "Index").bases == ("HashMap<String, Shop<u8>>",)
    assert symbol(shop, "Shop").decorators == ("#[derive(Debug, Clone)]", '#[serde(rename = "shop")]')
    assert symbol(shop, "Shop").span.start_line == 14  # with its attributes
    assert symbol(shop, "Pair").decorators == ()


def test_imports(shop: FileFacts) -> None:
    assert [(i.module, i.level, i.name, i.alias, i.scope) for i in shop.imports] == [
        ("std.collections", 0, "HashMap", "HashMap", ""),
        ("crate", 0, "store", "store", ""),
        ("crate.store", 0, "Pool", "Pool", ""),
        ("crate.store", 0, "Item", "Thing", ""),
        ("crate.store.parts", 0, "Bolt", "Bolt", ""),
        ("crate.store.parts", 0, "*", "", ""),
        ("self.price", 0, "Price", "Price", ""),
        ("", 0, "serde_json", "json", ""),
        ("self", 0, "price", "price", ""),
        ("odd_name.rs", 1, "", "odd", ""),
        ("self", 0, "odd", "odd", ""),
        ("super", 0, "*", "", "inner"),
    ]


def test_bindings_tell_types(shop: FileFacts) -> None:
    told = {(b.scope, b.name, b.type, b.kind) for b in shop.bindings}
    assert told >= {
        ("Shop", "next", "Shop", "annotation"),
        ("Run.run", "bolt", "Bolt", "parameter"),
        ("Run.run", "return", "Self.Out", "return"),
        ("Shop.open", "return", "Self", "return"),
        ("Shop.open", "pools", "Pool", "parameter"),
        ("Shop.open", "pool", "pools", "alias"),
        ("", "FIRST", "Shop", "annotation"),
        ("main", "run", "Run", "parameter"),
        ("main", "shop", "Shop.open", "call"),
    }


@pytest.mark.parametrize(
    ("statement", "type_name", "kind"),
    [
        ("let x = make();", "make", "call"),
        ("let mut x = a::b::make(1)?;", "a.b.make", "call"),
        ("let x = make().await?;", "make", "call"),
        ("let x = Box3::<u8>::make();", "Box3.make", "call"),
        ("let x = a::Box3 { size };", "a.Box3", "call"),
        ("let x: Option<&mut a::Box3> = y;", "a.Box3", "annotation"),
        ("let x = y.z;", "y.z", "alias"),
        ("let x = &mut y;", "y", "alias"),
        ("let x = &y.z[0];", "y.z", "alias"),
        ("if let Some(x) = y.z {}", "y.z", "alias"),
        ("while let Some(x) = y.next() {}", "y.next", "call"),
        ("for x in y.all() {}", "y.all", "call"),
        ("let f = |x: Box3| x;", "Box3", "parameter"),
    ],
)
def test_every_way_to_bind(statement: str, type_name: str, kind: str) -> None:
    facts = facts_of(f"fn f() {{ {statement} }}")
    assert ("x", type_name, kind) in {(b.name, b.type, b.kind) for b in facts.bindings}


def test_uses_are_what_others_may_define(shop: FileFacts) -> None:
    uses = {(r.scope, r.name, r.kind) for r in shop.references}
    assert uses >= {
        ("Shop.run", "self.next.run", "call"),
        ("Shop.run", "Self.helper", "call"),
        ("Shop.open", "pool.fill", "call"),
        ("main", "Shop.open", "call"),
        ("main", "vec", "call"),
        ("main", "Bolt.new", "call"),  # inside of a macro
        ("main", "sell", "call"),
        ("main", "shop.level", "call"),
        ("main", "Level.Low", "name"),
        ("main", "Level.High", "call"),
        ("main", "bolt.turn", "call"),
        ("sell", "ring", "call"),
        ("inner.deep", "Shop", "name"),
        ("inner.deep", "todo", "call"),
    }
    names = {r.name for r in shop.references}
    # fields, locals, parameters, lifetimes, attributes, keywords and the language's own names are none
    hidden = {
        "next",
        "depth",
        "shop",
        "name",
        "other",
        "outer",
        "a",
        "static",
        "x",
        "Debug",
        "serde",
        "u8",
        "Ok",
    }
    assert not names & hidden


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("&mut Option<Box<ns::Foo<T>>>", "ns.Foo"),
        ("&'a Foo", "Foo"),
        ("Result<Self, Error>", "Self"),
        ("Arc<Mutex<State>>", "State"),
        ("impl Iterator<Item = Foo>", "Foo"),
        ("Box<dyn Foo + Send>", "Foo"),
        ("[Foo; 3]", "Foo"),
        ("HashMap<String, Vec<Foo>>", "Foo"),
        ("Cow<'a, Foo>", "Foo"),
        ("Foo<Bar>", "Foo"),
        ("*const Foo", "Foo"),
        ("(A, B)", ""),
        ("Box<", "Box"),
        ("Box<" * 100 + "Foo" + ">" * 100, ""),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "rust") == useful


@pytest.mark.parametrize(
    "text",
    [
        "fn f(",
        "struct",
        "impl for {}",
        "use a::{b::{c",
        "use " + "a::{" * 3000,
        "fn f() { let x: " + "Vec<" * 5000 + " = 1; }",
        "fn f() { " + "x." * 20_000 + "y }",
        "fn f() { " + "m!(" * 3000 + " }",
        "\x00mod",
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    facts = facts_of(text)
    assert facts.symbols[0].kind == "file"
    assert facts.chunks


# -- where names lead ------------------------------------------------------------------------------------------

REPOSITORY = {
    "Cargo.toml": """
        [package]
        name = "my-shop"

        [dependencies]
        regex = "1"
        tools = { package = "shop-tools", path = "crates/tools" }

        [workspace]
        members = ["crates/*"]
    """,
    "crates/tools/Cargo.toml": """
        [package]
        name = "shop-tools"

        [lib]
        path = "code/root.rs"
    """,
    "crates/tools/code/root.rs": "pub mod saw;\n",
    "crates/tools/code/saw.rs": "pub fn cut() {}\n",
    "src/lib.rs": """
        #[macro_use]
        mod macros;
        pub mod store;
        mod shared;
        #[path = "odd_name.rs"]
        mod odd;

        pub use self::store::parts::Bolt;
        pub use crate::shared::*;

        pub fn top() { odd::strange(); }
    """,
    "src/odd_name.rs": "pub fn strange() {}\n",
    "src/macros.rs": "macro_rules! ring { () => {}; }\n",
    "src/shared.rs": "pub struct Shared;\n\nimpl Shared { pub fn share(&self) {} }\n",
    "src/store/mod.rs": """
        pub mod parts;
        use self::parts::{Bolt, Kind};
        use std::collections::HashMap;

        /// Holds.
        pub struct Store {
            pub bolts: Vec<Bolt>,
            index: HashMap<String, Bolt>,
            next: Option<Box<Store>>,
        }

        impl Store {
            pub fn open() -> Result<Self, Error> { Self::prepare(); super::top(); unimplemented!() }
            fn prepare() {}
            fn all(&self) {
                self.next.as_ref().unwrap().all();
                for bolt in self.bolts.iter() { bolt.turn(); }
                if let Some(found) = self.index.get("x") { found.turn(); }
                match kind() { Kind::Round => ring!(), Kind::Flat(_) => {} }
                parts::count();
            }
        }

        fn kind() -> Kind { Kind::Round }

        #[cfg(test)]
        mod tests {
            use super::*;

            fn check() { let store = Store::open().unwrap(); store.all(); }
        }
    """,
    "src/store/parts.rs": """
        use super::Store;
        use crate::shared::Shared;

        pub trait Turn { fn turn(&self); fn twice(&self) { self.turn(); } }

        pub struct Bolt { pub shared: Shared }

        impl Turn for Bolt {
            fn turn(&self) { self.shared.share(); self.twice(); }
        }

        pub enum Kind { Round, Flat(Bolt) }

        pub fn count() {}

        impl Store { pub fn extra(&self) {} }
    """,
    "src/main.rs": """
        use my_shop::{store::Store, Bolt, Shared as Common};

        fn main() {
            let store = Store::open().expect("a store");
            store.extra();
            Bolt::turn();
            let common: Common = make();
            common.share();
            tools::saw::cut();
            regex::Regex::new("x");
        }
    """,
    "tests/it.rs": "mod common;\n\nfn it() { common::setup(); }\n",
    "tests/common/mod.rs": "pub fn setup() { my_shop::top(); }\n",
}


def edges_of(sources: Mapping[str, str], path: str) -> set[tuple[str, str, str, str]]:
    contents = {name: dedent(text).lstrip("\n").encode() for name, text in sources.items()}
    facts = {name: analyze(name, data, budget_s=30.0).facts for name, data in contents.items()}
    edges = Resolver(FactsTable(facts, contents)).resolve_file(facts[path]).edges
    return {
        (e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in edges if e.kind != "contains"
    }


def test_a_program_uses_the_library_and_other_crates() -> None:
    assert edges_of(REPOSITORY, "src/main.rs") == {
        ("", "src/lib.rs", "", "imports"),
        ("", "src/store/mod.rs", "", "imports"),
        ("", "src/store/mod.rs", "Store", "imports"),
        ("", "src/store/parts.rs", "Bolt", "imports"),
        ("", "src/shared.rs", "Shared", "imports"),
        ("main", "src/store/mod.rs", "Store.open", "calls"),
        ("main", "src/store/parts.rs", "Store.extra", "calls"),
        ("main", "src/store/parts.rs", "Bolt.turn", "calls"),
        ("main", "src/shared.rs", "Shared", "references"),
        ("main", "src/shared.rs", "Shared.share", "calls"),
        ("main", "crates/tools/code/saw.rs", "cut", "calls"),
    }


def test_names_lead_through_modules_types_and_wrappers() -> None:
    edges = edges_of(REPOSITORY, "src/store/mod.rs")
    assert edges >= {
        ("", "src/store/parts.rs", "", "imports"),
        ("", "src/store/parts.rs", "Bolt", "imports"),
        ("Store", "src/store/parts.rs", "Bolt", "references"),
        ("Store.open", "src/store/mod.rs", "Store.prepare", "calls"),
        ("Store.open", "src/lib.rs", "top", "calls"),
        ("Store.all", "src/store/parts.rs", "Bolt.turn", "calls"),
        ("Store.all", "src/store/parts.rs", "Kind.Round", "references"),
        ("Store.all", "src/store/parts.rs", "Kind.Flat", "calls"),
        ("Store.all", "src/macros.rs", "ring", "calls"),
        ("Store.all", "src/store/parts.rs", "count", "calls"),
        ("Store.all", "src/store/mod.rs", "kind", "calls"),
        ("tests.check", "src/store/mod.rs", "Store.open", "calls"),
        ("tests.check", "src/store/mod.rs", "Store.all", "calls"),
    }


def test_traits_are_inherited_from() -> None:
    edges = edges_of(REPOSITORY, "src/store/parts.rs")
    assert edges >= {
        ("Bolt", "src/store/parts.rs", "Turn", "inherits"),
        ("Bolt.turn", "src/store/parts.rs", "Turn.turn", "overrides"),
        ("Bolt.turn", "src/shared.rs", "Shared.share", "calls"),
        ("Bolt.turn", "src/store/parts.rs", "Turn.twice", "calls"),
        ("", "src/store/mod.rs", "Store", "imports"),
    }


def test_modules_at_other_places() -> None:
    assert ("top", "src/odd_name.rs", "strange", "calls") in edges_of(REPOSITORY, "src/lib.rs")
    assert ("it", "tests/common/mod.rs", "setup", "calls") in edges_of(REPOSITORY, "tests/it.rs")
    assert ("setup", "src/lib.rs", "top", "calls") in edges_of(REPOSITORY, "tests/common/mod.rs")


def test_super_means_another_module_in_each_scope() -> None:
    sources = {
        "Cargo.toml": '[package]\nname = "a"\n',
        "src/lib.rs": "mod deep;\npub fn outer() {}\n",
        "src/deep.rs": """
            use super::outer as above;

            pub fn here() { above(); }

            mod first {
                mod second {
                    use super::super::here;
                    fn f() { here(); super::g(); crate::outer(); self::f(); }
                }
                fn g() {}
            }
        """,
    }
    edges = edges_of(sources, "src/deep.rs")
    assert edges >= {
        ("here", "src/lib.rs", "outer", "calls"),
        ("first.second.f", "src/deep.rs", "here", "calls"),
        ("first.second.f", "src/deep.rs", "first.g", "calls"),
        ("first.second.f", "src/lib.rs", "outer", "calls"),
    }


def test_what_is_outside_is_not_guessed() -> None:
    sources = {
        "Cargo.toml": '[package]\nname = "a"\n[dependencies]\nregex = "1"\n',
        "src/lib.rs": """
            mod b;

            fn f(known: regex::Regex, unknown: Odd) {
                known.only_one();
                regex::build().only_one();
                std::fs::read("x").only_one();
                only_one();
            }

            fn g() { let x = (|| 1)(); x.only_one(); }
        """,
        "src/b.rs": "struct T;\n\nimpl T { fn only_one(&self) {} }\n",
    }
    edges = {edge for edge in edges_of(sources, "src/lib.rs") if edge[3] == "calls"}
    assert edges == {("g", "src/b.rs", "T.only_one", "calls")}


@pytest.mark.parametrize(
    "text",
    [
        "[package",
        "package = 1\nlib = 2",
        "[package]\nname = 3\n",
        "a = " + "[" * 5000,
        "\x00",
        "[lib]\npath = 4\n",
    ],
)
def test_broken_manifests_lead_nowhere(text: str) -> None:
    sources = {"Cargo.toml": text, "src/lib.rs": "use a::b;\nfn f() { b::c(); super::d(); crate::e(); }\n"}
    assert edges_of(sources, "src/lib.rs") == set()
