"""C++: what its files say, and where its names lead over headers, bodies and namespaces."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts
from indexer.typetext import useful_type

TABLE = """
    #include "base.h"
    #include <vector>

    namespace shop {
    using std::string;
    using namespace other::deep;
    namespace files = std::filesystem;

    // A table.
    class PUBLIC_API Table final : public Base<int>, private deep::Other {
     public:
      explicit Table(Env* env) : env_(env) {}
      ~Table() override = default;
      Table& operator=(const Table&) = delete;
      bool operator==(const Table& other) const { return id_ == other.id_; }
      Status Put(const Slice& key, int times = 1) LOCKS_EXCLUDED(mutex_);
      virtual const Slice& name() const = 0;
      template <class U> void Visit(U visitor) {}
      static Table* Open(Env* env);
      enum Mode { kRead, kWrite };
      enum class Color : int { kRed };
      using Pointer = Table*;
      struct Inner { int depth; };
     private:
      std::unique_ptr<Env> env_;
      int id_ = 3, count_;
      static constexpr int kMax{3};
    };

    template <typename T> T largest(const std::vector<T>& all);
    namespace detail::more { int hidden; }
    namespace { void local() {} }
    }  // namespace shop
    template <> struct std::hash<shop::Table> { int seed; };
"""

BODIES = """
    #include "table.h"
    namespace shop {
    Table* Table::Open(Env* env) {
      Table* opened = new Table(env);
      auto made = std::make_unique<Table>(env);
      Inner inner;
      Writer writer(env);
      env_->Run();
      this->id_ = kWrite;
      opened->Put(name());
      return opened;
    }
    Status Table::Put(const Slice& key, int times) { return Check(key); }
    int Table::Inner::grow() { return depth; }
    }
    int shop::Table::total = 0;
"""

BASE = """
    #pragma once
    namespace shop {
    class Slice { public: int size() const; };
    class Env { public: virtual void Run(); };
    template <typename T> class Base { protected: int shared_; void Touch(); };
    Slice Check(const Slice& key);
    }
"""


def facts_of(text: str, path: str = "shop/table.h") -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


@pytest.fixture(scope="module")
def table() -> FileFacts:
    return facts_of(TABLE)


def test_definitions(table: FileFacts) -> None:
    assert table.language == "cpp"
    assert {(found.kind, found.qualname) for found in table.symbols[1:]} == {
        ("namespace", "shop"),
        ("variable", "shop.files"),
        ("class", "shop.Table"),
        ("method", "shop.Table.Table"),
        ("method", "shop.Table.~Table"),
        ("method", "shop.Table.operator="),
        ("method", "shop.Table.operator=="),
        ("method", "shop.Table.Put"),
        ("method", "shop.Table.name"),
        ("method", "shop.Table.Visit"),
        ("method", "shop.Table.Open"),
        ("class", "shop.Table.Mode"),
        ("variable", "shop.Table.kRead"),
        ("variable", "shop.Table.kWrite"),
        ("class", "shop.Table.Color"),
        ("variable", "shop.Table.Color.kRed"),
        ("variable", "shop.Table.Pointer"),
        ("class", "shop.Table.Inner"),
        ("variable", "shop.Table.Inner.depth"),
        ("variable", "shop.Table.env_"),
        ("variable", "shop.Table.id_"),
        ("variable", "shop.Table.count_"),
        ("variable", "shop.Table.kMax"),
        ("function", "shop.largest"),
        ("namespace", "shop.detail.more"),
        ("variable", "shop.detail.more.hidden"),
        ("function", "shop.local"),
        ("class", "std.hash"),
        ("variable", "std.hash.seed"),
    }


def test_members_outside_their_class_have_its_name() -> None:
    found = {one.qualname: one.kind for one in facts_of(BODIES, "shop/table.cc").symbols[1:]}
    assert found == {
        "shop": "namespace",
        "shop.Table.Open": "method",
        "shop.Table.Put": "method",
        "shop.Table.Inner.grow": "method",
        "shop.Table.total": "variable",
    }


def test_bases_headers_and_comments(table: FileFacts) -> None:
    found = {symbol.qualname: symbol for symbol in table.symbols}
    assert found["shop.Table"].bases == ("Base", "deep::Other")
    assert found["shop.Table"].doc == "A table."
    assert found["shop.Table.Open"].signature == "static Table* Open(Env* env);"


def test_includes_and_using(table: FileFacts) -> None:
    assert [(one.module, one.level, one.name, one.alias, one.scope) for one in table.imports] == [
        ("base.h", 1, "*", "", ""),
        ("vector", 0, "*", "", ""),
        ("std", 0, "string", "string", "shop"),
        ("other.deep", 0, "*", "", "shop"),
    ]


def test_bindings() -> None:
    facts = facts_of(BODIES, "shop/table.cc")
    assert {(one.name, one.type, one.kind) for one in facts.bindings if one.scope == "shop.Table.Open"} == {
        ("return", "Table", "return"),
        ("env", "Env", "parameter"),
        ("opened", "Table", "annotation"),
        ("made", "std.make_unique", "call"),
        ("inner", "Inner", "annotation"),
        ("writer", "Writer", "annotation"),
    }


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("const std::unique_ptr<ns::Env>&", "ns.Env"),
        ("std::vector<const Foo*>", "Foo"),
        ("std::map<std::string, Foo>", "Foo"),
        ("Foo<int>", "Foo"),
        ("std::string", "std.string"),
        ("struct node *", "node"),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "cpp") == useful


@pytest.mark.parametrize(
    "text", ["class A {", "a<" * 300, "template <", "void A::", "namespace {" * 50, "~ operator"]
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    assert facts_of(text, "a.cc").symbols[0].kind == "file"


FILES = {"shop/table.h": TABLE, "shop/table.cc": BODIES, "shop/base.h": BASE, "shop/base.cc": """
    #include "base.h"
    namespace shop {
    Slice Check(const Slice& key) { return key; }
    void Env::Run() {}
    }
"""}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("env_.Run", [("shop/base.cc", "shop.Env.Run"), ("shop/base.h", "shop.Env.Run")]),
        ("this.id_", [("shop/table.h", "shop.Table.id_")]),
        ("kWrite", [("shop/table.h", "shop.Table.kWrite")]),
        ("Color.kRed", [("shop/table.h", "shop.Table.Color.kRed")]),
        ("opened.Put", [("shop/table.cc", "shop.Table.Put"), ("shop/table.h", "shop.Table.Put")]),
        ("Put", [("shop/table.cc", "shop.Table.Put")]),
        ("inner.depth", [("shop/table.h", "shop.Table.Inner.depth")]),
        ("name().size", [("shop/base.h", "shop.Slice.size")]),
        ("Check", [("shop/base.cc", "shop.Check"), ("shop/base.h", "shop.Check")]),
        ("shared_", [("shop/base.h", "shop.Base.shared_")]),
        ("shop.Slice", [("shop/base.h", "shop.Slice")]),
        ("std.make_unique", []),
    ],
)
def test_names_lead_to_members_and_namespaces(name: str, targets: list[tuple[str, str]]) -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    resolver = Resolver(FactsTable(facts))
    found = resolver.resolve_name(facts["shop/table.cc"], name, "shop.Table.Open", 9)
    assert [(target.path, target.qualname) for target in found] == targets
