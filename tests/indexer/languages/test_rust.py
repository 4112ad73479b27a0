"""Rust: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
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
