"""What CONTRIBUTING.md says of a new language is enough: a row, a query file, rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer import grammar, languages
from indexer.analyze import analyze
from indexer.languages import Language
from indexer.resolve import FactsTable, Resolver
from indexer.resolvers import RULES
from indexer.resolvers.rules import FileView, Place, Rules
from indexer.resolvers.world import World
from indexer.types import Import

QUERY = """
(type_declaration (type_spec name: (type_identifier) @name type: (struct_type) @body)) @definition.class
(function_declaration name: (identifier) @name result: (_)? @returns body: (_) @body) @definition.function
(import_spec path: (interpreted_string_literal) @import.module)
(short_var_declaration
  left: (expression_list (identifier) @binding.call)
  right: (expression_list (call_expression function: (_) @type)))
(comment) @reference.none
(import_declaration) @reference.none
(function_declaration name: (identifier) @reference.none)
(short_var_declaration left: (expression_list (identifier) @reference.local))
"""

SHOP = """package shop

// Basket holds what was chosen.
type Basket struct {
    size int
}

func Open() Basket {
    return Basket{}
}
"""

MAIN = """package main

import "shop"

func run() {
    basket := shop.Open()
    basket.size
}
"""


class ToyRules(Rules):
    """A module is the file of that name beside the one that imports it."""

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        path = f"{file.folder}{entry.module}.toy"
        return (Place(path),) if world.exists(path) else ()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A language of this test, in the grammar of Go."""
    (tmp_path / "toy.scm").write_text(QUERY, encoding="utf-8")
    row = Language("toy", (".toy",), "tree_sitter_go", "toy.scm", "//", block_comment=("/*", "*/"))
    monkeypatch.setattr(grammar, "QUERIES", tmp_path)
    monkeypatch.setitem(languages._BY_EXTENSION, ".toy", row)
    monkeypatch.setitem(languages._BY_LANGUAGE, "toy", row)
    monkeypatch.setitem(RULES, "toy", ToyRules)


@pytest.mark.usefixtures("toy")
def test_a_row_and_a_query_make_symbols_and_chunks() -> None:
    facts = analyze("shop.toy", SHOP.encode(), budget_s=10.0).facts
    assert (facts.language, facts.degraded) == ("toy", "")
    symbols = [(symbol.qualname, symbol.kind, symbol.doc) for symbol in facts.symbols if symbol.qualname]
    assert symbols == [("Basket", "class", "Basket holds what was chosen."), ("Open", "function", "")]
    long = SHOP.replace("size int", "size int\n" * 200).replace(
        "    return", "    step()\n" * 200 + "    return"
    )
    chunks = analyze("shop.toy", long.encode(), budget_s=10.0).facts.chunks
    assert {(chunk.kind, chunk.name) for chunk in chunks} >= {("class", "Basket"), ("function", "Open")}


@pytest.mark.usefixtures("toy")
def test_rules_lead_names_across_files() -> None:
    sources = {"shop.toy": SHOP, "main.toy": MAIN}
    table = FactsTable({p: analyze(p, text.encode(), budget_s=10.0).facts for p, text in sources.items()})
    main = table.facts("main.toy")
    assert main is not None
    resolved = Resolver(table).resolve_file(main)
    edges = {(e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in resolved.edges}
    assert ("", "shop.toy", "", "imports") in edges
    assert ("run", "shop.toy", "Open", "calls") in edges
    found = Resolver(table).resolve_type(main, "basket", "run", 7)
    assert [(target.path, target.qualname) for target in found] == [("shop.toy", "Basket")]


@pytest.mark.usefixtures("toy")
def test_without_rules_names_of_the_same_file_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "toy")
    facts = analyze("shop.toy", SHOP.encode(), budget_s=10.0).facts
    found = Resolver(FactsTable({"shop.toy": facts})).resolve_name(facts, "Basket", "Open", 9)
    assert [target.qualname for target in found] == ["Basket"]
