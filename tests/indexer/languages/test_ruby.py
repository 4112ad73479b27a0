"""Ruby: what its files say, and where its names lead over open classes."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts

CART = """
    require "shop/line"
    require_relative "../base"

    module Shop
      VERSION = "1"
      # A cart.
      class Cart < Base::Store
        include Countable
        attr_reader :items, :total
        LIMIT, STEP = 3, 1
        Error = Class.new(StandardError)
        Point = Struct.new(:x, :y) do
          def far; end
        end

        def initialize(items = [], owner: nil)
          @items = Items.new(items)
          @owner ||= Owner.new
        end

        def add!(item, *rest, &block)
          @items.push item
          @owner.notify(:added, key: item)
          log "added #{item.name} twice"
          helper
          line = Line.new(item)
          line.save
          rest.each { |one| one.touch }
          checkout
        rescue Shop::Broken => error
          error.report
        end

        def self.open(path) = new(path)
        def ==(other) = true
        def name=(text); end
        alias push add!
        alias_method :put, :add!

        class << self
          def build; end
        end
      end

      module Countable
        def count; end
      end
    end

    def Shop.start; end

    class Shop::Admin::Panel; end
"""

LINE = """
    module Shop
      class Line
        def save; end
      end
      class Items
        def push(item); end
      end
      class Cart
        def checkout; end
      end
    end
"""

BASE = """
    module Base
      class Store
        def log(text); end
      end
    end
"""


def facts_of(text: str, path: str = "lib/shop/cart.rb") -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


@pytest.fixture(scope="module")
def cart() -> FileFacts:
    return facts_of(CART)


def test_definitions(cart: FileFacts) -> None:
    assert {(found.kind, found.qualname) for found in cart.symbols[1:]} == {
        ("namespace", "Shop"),
        ("variable", "Shop.VERSION"),
        ("class", "Shop.Cart"),
        ("variable", "Shop.Cart.items"),
        ("variable", "Shop.Cart.total"),
        ("variable", "Shop.Cart.LIMIT"),
        ("variable", "Shop.Cart.STEP"),
        ("class", "Shop.Cart.Error"),
        ("class", "Shop.Cart.Point"),
        ("method", "Shop.Cart.Point.far"),
        ("method", "Shop.Cart.initialize"),
        ("method", "Shop.Cart.add!"),
        ("method", "Shop.Cart.open"),
        ("method", "Shop.Cart.=="),
        ("method", "Shop.Cart.name="),
        ("variable", "Shop.Cart.push"),
        ("variable", "Shop.Cart.put"),
        ("method", "Shop.Cart.build"),
        ("class", "Shop.Countable"),
        ("method", "Shop.Countable.count"),
        ("method", "Shop.start"),
        ("class", "Shop.Admin.Panel"),
    }


def test_bases_headers_and_comments(cart: FileFacts) -> None:
    found = {symbol.qualname: symbol for symbol in cart.symbols}
    assert found["Shop.Cart"].bases == ("Base::Store", "Countable")
    assert found["Shop.Cart"].doc == "A cart."
    assert found["Shop.Cart.Error"].bases == ("StandardError",)
    assert found["Shop.Cart.add!"].signature == "def add!(item, *rest, &block)"


def test_files_that_are_required(cart: FileFacts) -> None:
    assert [(one.module, one.level, one.name) for one in cart.imports] == [
        ("shop/line", 0, "*"),
        ("../base", 1, "*"),
    ]


def test_fields_and_locals_have_the_type_of_what_they_are_made_of(cart: FileFacts) -> None:
    found = {
        (one.scope.rpartition(".")[2], one.name, one.type, one.kind) for one in cart.bindings if one.type
    }
    assert found - {("Error", "Error", "Class.new", "call"), ("Point", "Point", "Struct.new", "call")} == {
        ("initialize", "self.@items", "Items.new", "call"),
        ("initialize", "self.@owner", "Owner.new", "call"),
        ("add!", "line", "Line.new", "call"),
        ("add!", "error", "Shop.Broken", "annotation"),
    }


def test_uses_need_no_parentheses_and_are_no_keys(cart: FileFacts) -> None:
    found = {one.name for one in cart.references if one.scope == "Shop.Cart.add!"}
    assert found == {
        "self.@items.push",
        "self.@owner.notify",
        "log",
        "item.name",
        "helper",
        "Line.new",
        "line.save",
        "rest.each",
        "one.touch",
        "checkout",
        "Shop.Broken",
        "error.report",
    }


@pytest.mark.parametrize(
    "text", ["class A", "def", "module A; " * 200, "x = <<EOS\n", "%w[", "a&.", "@", "::"]
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    assert facts_of(text).symbols[0].kind == "file"


FILES = {"lib/shop/cart.rb": CART, "lib/shop/line.rb": LINE, "lib/base.rb": BASE}


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("line.save", [("lib/shop/line.rb", "Shop.Line.save")]),
        ("self.@items.push", [("lib/shop/line.rb", "Shop.Items.push")]),
        ("Line.new", [("lib/shop/line.rb", "Shop.Line")]),
        ("log", [("lib/base.rb", "Base.Store.log")]),
        ("checkout", [("lib/shop/line.rb", "Shop.Cart.checkout")]),
        ("count", [("lib/shop/cart.rb", "Shop.Countable.count")]),
        ("LIMIT", [("lib/shop/cart.rb", "Shop.Cart.LIMIT")]),
        ("VERSION", [("lib/shop/cart.rb", "Shop.VERSION")]),
        ("Base.Store", [("lib/base.rb", "Base.Store")]),
        ("Shop.Line", [("lib/shop/line.rb", "Shop.Line")]),
        ("item.each", []),
    ],
)
def test_names_lead_to_open_classes(name: str, targets: list[tuple[str, str]]) -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    found = Resolver(FactsTable(facts)).resolve_name(
        facts["lib/shop/cart.rb"], name, "Shop.Cart.add!", 1_000_000
    )
    assert [(target.path, target.qualname) for target in found] == targets


def test_naming_a_method_calls_it() -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    edges = Resolver(FactsTable(facts)).resolve_file(facts["lib/shop/cart.rb"]).edges
    found = {(edge.source_qualname, edge.kind, edge.target_path, edge.target_qualname) for edge in edges}
    assert ("Shop.Cart.add!", "calls", "lib/shop/line.rb", "Shop.Line.save") in found
    assert ("Shop.Cart", "inherits", "lib/base.rb", "Base.Store") in found
    assert ("", "imports", "lib/shop/line.rb", "") in found
    assert ("", "imports", "lib/base.rb", "") in found
