"""JavaScript: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol

SHOP = """
    // Sells things.
    import Store, { Item as Thing, price } from "./store.js";
    import * as units from "./units";
    import "./polyfill";
    const path = require("path");
    const { join, sep: slash } = require("path");
    const log = require("./log").write;
    export { Item } from "./store.js";
    export { Item as Ware, default as Warehouse } from "./store.js";
    export * from "./units";
    export * as helpers from "./helpers";

    /**
     * The most of anything.
     * @type {number}
     */
    export const LIMIT = 3, start = Date.now();
    let { first, second: other } = settings;

    // Doubles.
    export const double = (x) => x * 2;
    const half = async function (x) { return x / 2; };
    var one = 1, two = function () { return one; };

    /** A cart. */
    export class Cart extends units.Base {
        static size = 10;
        #secret = new Thing();
        constructor(owner) {
            super(owner);
            this.owner = owner;
            this.store = new Store();
        }
        get total() { return this.#secret.price(); }
        static of(...items) { return new Cart(items); }
        add = (item) => { this.store.put(item); };
        async *walk() { yield price(this); }
        [Symbol.iterator]() {}
    }

    const Basket = class extends Cart {};

    export const api = {
        get(url) { return url; },
        post: (url) => api.get(url),
        plain: 1,
    };

    function* numbers() { function inner() {} return inner; }
    const cart = new Cart(), loaded = await Store.load(), alias = cart.store;

    items.map(function each(item) { return item; });

    export default Cart;
"""
OLD = """
    var Base = require('./base');
    module.exports = Tree;
    module.exports.make = function () { return new Tree(); };
    exports.grow = grow;
    exports.DEPTH = 3;
    exports.leaf = require('./leaf');

    function Tree() { this.height = 0; }
    Tree.prototype.climb = function (steps) { return this.sway(steps); };
    Tree.prototype.sway = (steps) => steps;
    Tree.plant = function () { return new Tree(); };
    Tree.root.water = function () {};
    Bush.prototype = { trim() {}, shape: function () {} };
    function grow(tree) { return tree; }
"""


def facts_of(text: str, path: str = "src/shop.js", *, every_use: bool = False) -> FileFacts:
    found = analyze(path, dedent(text).lstrip("\n").encode(), budget_s=10, every_use=every_use).facts
    assert not found.degraded
    return found


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def symbol(facts: FileFacts, qualname: str) -> Symbol:
    return next(one for one in facts.symbols if one.qualname == qualname)


def kinds(facts: FileFacts) -> dict[str, str]:
    return {one.qualname: one.kind for one in facts.symbols[1:]}


def test_definitions_have_their_kinds_and_owners(shop: FileFacts) -> None:
    assert kinds(shop) == {
        "LIMIT": "variable", "start": "variable", "first": "variable", "other": "variable",
        "double": "function", "half": "function", "one": "variable", "two": "function",
        "Cart": "class", "Cart.size": "variable", "Cart.secret": "variable", "Cart.constructor": "method",
        "Cart.owner": "variable", "Cart.store": "variable", "Cart.total": "method", "Cart.of": "method",
        "Cart.add": "method", "Cart.walk": "method", "Basket": "class",
        "api": "variable", "api.get": "method", "api.post": "method",
        "numbers": "function", "numbers.inner": "function",
        "cart": "variable", "loaded": "variable", "alias": "variable", "each": "function",
    }  # fmt: skip


def test_old_ways_to_define() -> None:
    assert kinds(facts_of(OLD)) == {
        "make": "function", "grow": "function", "DEPTH": "variable", "leaf": "variable", "Tree": "function",
        "Tree.climb": "method", "Tree.sway": "method", "Tree.plant": "method", "Tree.root.water": "method",
        "Bush.trim": "method", "Bush.shape": "method",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "qualname", "kind"),
    [
        ("export default function () {}", "default", "function"),
        ("export default () => 1", "default", "function"),
        ("export default class {}", "default", "class"),
        ("export default class Named {}", "Named", "class"),
        ("export default { run() {} }", "run", "function"),
        ("module.exports = function () {}", "exports", "function"),
        ("module.exports = function named() {}", "named", "function"),
        ("module.exports = class {}", "exports", "class"),
        ("module.exports = { run: function () {}, size: 1 }", "run", "function"),
        ("module.exports.Part = class {}", "Part", "class"),
        ("exports.list = async () => []", "list", "function"),
        ("if (x) { var late = () => 1 }", "late", "function"),
        ("const Named = class Inner { run() {} }", "Named.run", "method"),
    ],
)
def test_every_way_to_define(statement: str, qualname: str, kind: str) -> None:
    assert kinds(facts_of(statement))[qualname] == kind


@pytest.mark.parametrize(
    ("qualname", "signature", "doc", "visibility", "line"),
    [
        ("LIMIT", "export const LIMIT = 3", "The most of anything.", "public", 17),
        ("double", "double = (x)", "Doubles.", "public", 21),
        ("half", "half = async function (x)", "", "public", 22),
        ("Cart", "class Cart extends units.Base", "A cart.", "public", 26),
        ("Cart.secret", "#secret = new Thing()", "", "private", 28),
        ("Cart.of", "static of(...items)", "", "public", 35),
        ("Cart.add", "add = (item)", "", "public", 36),
        ("Cart.walk", "async *walk()", "", "public", 37),
    ],
)
def test_headers(
    shop: FileFacts, qualname: str, signature: str, doc: str, visibility: str, line: int
) -> None:
    found = symbol(shop, qualname)
    assert (found.signature, found.doc, found.visibility, found.span.start_line) == (
        signature,
        doc,
        visibility,
        line,
    )


def test_bases(shop: FileFacts) -> None:
    assert symbol(shop, "Cart").bases == ("units.Base",)
    assert symbol(shop, "Basket").bases == ("Cart",)


def test_imports(shop: FileFacts) -> None:
    assert sorted((one.module, one.name, one.alias) for one in shop.imports) == [
        ("./helpers", "", "helpers"),
        ("./log", "write", "log"),
        ("./polyfill", "", ""),
        ("./store.js", "Item", "Item"),
        ("./store.js", "Item", "Thing"),
        ("./store.js", "Item", "Ware"),
        ("./store.js", "default", "Store"),
        ("./store.js", "default", "Warehouse"),
        ("./store.js", "price", "price"),
        ("./units", "", "units"),
        ("./units", "*", ""),
        ("path", "", "path"),
        ("path", "join", "join"),
        ("path", "sep", "slash"),
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('import x, * as all from "m"', {("m", "default", "x"), ("m", "", "all")}),
        ('const m = await import("./m")', {("./m", "", "m"), ("./m", "", "")}),
        ('const { a: b } = await import("./m")', {("./m", "a", "b"), ("./m", "", "")}),
        ('const Page = lazy(() => import("./page"))', {("./page", "", "")}),
        ('app.use(require("./routes"))', {("./routes", "", "")}),
        ('require("./side")', {("./side", "", "")}),
        ('module.exports = require("./real")', {("./real", "", "exports")}),
        ('exports.part = require("./part")', {("./part", "", "part")}),
        ('module.exports = { ...require("./all") }', set()),
        ("const x = notRequire('m')", set()),
    ],
)
def test_every_way_to_import(statement: str, expected: set[tuple[str, str, str]]) -> None:
    assert {(one.module, one.name, one.alias) for one in facts_of(statement).imports} == expected


def test_bindings_tell_types(shop: FileFacts) -> None:
    found = {(one.name, one.type, one.kind, one.scope) for one in shop.bindings}
    assert found >= {
        ("this.store", "Store", "call", "Cart.constructor"),
        ("secret", "Thing", "call", "Cart"),
        ("cart", "Cart", "call", ""),
        ("loaded", "Store.load", "call", ""),
        ("alias", "cart.store", "alias", ""),
        ("default", "Cart", "alias", ""),
    }


def test_uses_are_what_the_file_defines_or_imports(shop: FileFacts) -> None:
    found = {(one.name, one.kind, one.scope) for one in shop.references}
    assert found >= {
        ("Store", "call", "Cart.constructor"),
        ("this.secret.price", "call", "Cart.total"),
        ("this.store.put", "call", "Cart.add"),
        ("price", "call", "Cart.walk"),
        ("Cart", "call", "Cart.of"),
        ("api.get", "call", "api.post"),
        ("Cart", "call", ""),
        ("one", "name", "two"),
        ("inner", "name", "numbers"),
    }
    roots = {name.partition(".")[0] for name, _, _ in found}
    assert roots.isdisjoint(
        {"Symbol", "Date", "items", "x", "url", "get", "static", "async", "yield", "require"}
    )


def test_elements_are_calls() -> None:
    facts = facts_of(
        """
        import { Card, Menu } from "./ui";
        const title = "t";
        export const Page = ({ items }) => (
            <Card title={title} {...items}>Card text <Menu.Item key="title" /><div>{title}</div></Card>
        );
        """,
        "page.jsx",
    )
    assert {(one.name, one.kind, one.scope) for one in facts.references} == {
        ("Card", "call", "Page"),
        ("Menu.Item", "call", "Page"),
        ("title", "name", "Page"),
    }


def test_what_is_no_use() -> None:
    facts = facts_of(
        """
        import { a, b, c, d } from "./m";
        // a
        const text = "b" + `c ${d()} c`, shape = { a: 1, b() {} }, again = /a/g;
        x.a.b;
        a: for (;;) { break a; }
        new b;
        tag.c`text`;
        """
    )
    assert {(one.name, one.kind) for one in facts.references} == {("d", "call"), ("b", "call")}


def test_callbacks_bind_names_for_themselves() -> None:
    facts = facts_of(
        """
        import { a, b, c, d } from "./m";
        test("one", (a) => { a(); const { b } = a; b.run({ b }); [...b]; d(); });
        test("two", function () { for (const c of x) { run(() => c.go()); } });
        (() => { let d = 1; d.x; })();
        a(b, c.d);
        """
    )
    found = {(one.name, one.kind, one.line) for one in facts.references}
    assert found == {("d", "call", 2), ("a", "call", 5), ("b", "name", 5), ("c.d", "name", 5)}


def test_names_that_functions_bind() -> None:
    facts = facts_of(
        """
        import { a, b, c, d, e } from "./m";
        function f(a, { b }, [c] = []) { a(); b(); c(); return (d) => d + e; }
        function g() { const { x: a } = {}; for (const b of []) { b; } try {} catch (c) { c; } a; }
        """
    )
    assert {(one.name, one.kind, one.scope) for one in facts.references} == {("e", "name", "f")}


@pytest.mark.parametrize(
    "text",
    [
        "class {",
        "const = ;",
        "import from",
        "export {",
        "a?.b.c`${",
        "<A><B></A>",
        "(" * 400,
        "exports.x =",
        "\x00",
        "",
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    found = analyze("broken.js", (text + "\nfunction after() {}\n").encode(), budget_s=5).facts
    assert found.language == "javascript"
    assert found.symbols[0].kind == "file"


# ---- where names lead


def table_of(files: dict[str, str]) -> FactsTable:
    analyses = {path: analyze(path, dedent(text).encode(), budget_s=10) for path, text in files.items()}
    return FactsTable(
        {path: one.facts for path, one in analyses.items()},
        {path: one.masked for path, one in analyses.items()},
    )


def leads(files: dict[str, str], path: str, name: str, scope: str = "", line: int = 99) -> list[str]:
    """Where a name in a file leads, as "path:qualname", best first; types of variables are left out."""
    table = table_of(files)
    facts = table.facts(path)
    assert facts is not None
    found = Resolver(table).resolve_name(facts, name, scope, line)
    return [f"{one.path}:{one.qualname}" for one in found if one.role == "definition"]


MODULES = {
    "src/a.js": """
        import main, { make, Engine as Motor } from "./b/index.js";
        import * as all from "./b";
        import { deep } from "./barrel";
        const b = require("./b");
        const motor = new Motor();
    """,
    "src/b/index.js": """
        export function make() { return new Engine(); }
        export class Base { stop() {} }
        export class Engine extends Base { constructor() { super(); this.part = new Part(); } start() {} }
        class Part { turn() {} }
        export default make;
    """,
    "src/barrel.js": "export * from './inner';\nexport { Engine as Renamed } from './b';",
    "src/inner/index.mjs": "export { low as deep } from '../low.cjs';",
    "src/low.cjs": "exports.low = function () {};\n",
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("main", "src/b/index.js:make"),
        ("make", "src/b/index.js:make"),
        ("Motor", "src/b/index.js:Engine"),
        ("all", "src/b/index.js:"),
        ("all.Engine", "src/b/index.js:Engine"),
        ("b.make", "src/b/index.js:make"),
        ("deep", "src/low.cjs:low"),
        ("motor.start", "src/b/index.js:Engine.start"),
        ("motor.stop", "src/b/index.js:Base.stop"),
        ("motor.part.turn", "src/b/index.js:Part.turn"),
        ("Motor().start", "src/b/index.js:Engine.start"),
    ],
)
def test_names_lead_through_imports(name: str, target: str) -> None:
    assert leads(MODULES, "src/a.js", name)[:1] == [target]


def test_renamed_in_a_barrel() -> None:
    files = MODULES | {"src/c.js": "import { Renamed } from './barrel';\n"}
    assert leads(files, "src/c.js", "Renamed.start") == ["src/b/index.js:Engine.start"]
    assert leads(files, "src/c.js", "Renamed") == ["src/b/index.js:Engine"]


COMMON = {
    "lib/tree.js": OLD,
    "lib/base.js": "class Base { run() {} }\nmodule.exports = new Base();\n",
    "lib/leaf.js": "module.exports = { fall() {}, colour: paint };\nfunction paint() {}\n",
    "lib/named.js": "var app = module.exports = create();\nfunction create() {}\n",
    "index.js": """
        const Tree = require("./lib/tree");
        const { make, grow } = require("./lib/tree");
        const base = require("./lib/base");
        const leaf = require("./lib/leaf"), { colour } = require("./lib/leaf");
        const app = require("./lib/named");
        const tree = new Tree();
    """,
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Tree", "lib/tree.js:Tree"),
        ("Tree.plant", "lib/tree.js:Tree.plant"),
        ("tree.climb", "lib/tree.js:Tree.climb"),
        ("make", "lib/tree.js:make"),
        ("grow", "lib/tree.js:grow"),
        ("base.run", "lib/base.js:Base.run"),
        ("leaf.fall", "lib/leaf.js:fall"),
        ("colour", "lib/leaf.js:paint"),
        ("app", "lib/named.js:app"),
    ],
)
def test_modules_of_commonjs(name: str, target: str) -> None:
    assert leads(COMMON, "index.js", name)[:1] == [target]


def test_this_in_old_classes() -> None:
    assert leads(COMMON, "lib/tree.js", "this.sway", "Tree.climb") == ["lib/tree.js:Tree.sway"]


PACKAGES = {
    "package.json": '{"name": "root", "workspaces": ["packages/*"]}',
    "packages/core/package.json": """
        {"name": "@acme/core", "imports": {"#inner/*": "./src/inner/*.js"},
         "exports": {".": {"types": "./dist/index.d.ts", "import": "./dist/index.mjs"},
                     "./tools": "./tools.js", "./plugins/*": {"default": "./dist/plugins/*.js"}}}
    """,
    "packages/core/src/index.js": "export function run() {}\nimport { hidden } from '#inner/secret';\n",
    "packages/core/src/plugins/fast.js": "export function fast() {}\n",
    "packages/core/src/inner/secret.js": "export function hidden() {}\n",
    "packages/core/tools.js": "export function hammer() {}\n",
    "packages/plain/package.json": '{"name": "plain", "main": "./build/main.js"}',
    "packages/plain/src/main.js": "exports.plain = () => 1;\n",
    "packages/plain/lib/part.js": "exports.part = () => 1;\n",
    "packages/app/package.json": '{"name": "app"}',
    "packages/app/src/main.js": """
        import { run } from "@acme/core";
        import { hammer } from "@acme/core/tools";
        import { fast } from "@acme/core/plugins/fast";
        import { plain } from "plain";
        import { part } from "plain/lib/part";
        import { view } from "@/view";
        import { other } from "@acme/other";
        import fs from "fs";
    """,
    "packages/app/src/view/index.jsx": "export const view = () => <p/>;\n",
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("run", "packages/core/src/index.js:run"),
        ("hammer", "packages/core/tools.js:hammer"),
        ("fast", "packages/core/src/plugins/fast.js:fast"),
        ("plain", "packages/plain/src/main.js:plain"),
        ("part", "packages/plain/lib/part.js:part"),
        ("view", "packages/app/src/view/index.jsx:view"),
    ],
)
def test_packages_of_the_repository(name: str, target: str) -> None:
    assert leads(PACKAGES, "packages/app/src/main.js", name) == [target]


@pytest.mark.parametrize("name", ["other", "fs"])
def test_packages_from_elsewhere(name: str) -> None:
    assert leads(PACKAGES, "packages/app/src/main.js", name) == []


def test_private_paths_of_a_package() -> None:
    found = leads(PACKAGES, "packages/core/src/index.js", "hidden")
    assert found == ["packages/core/src/inner/secret.js:hidden"]


def test_folders_with_a_main_file() -> None:
    files = {
        "lib/package.json": '{"main": "core.js"}',
        "lib/core.js": "exports.x = () => 1;\n",
        "lib/index.js": "exports.x = () => 2;\n",
        "test/a.js": "const { x } = require('../lib');\n",
    }
    assert leads(files, "test/a.js", "x") == ["lib/core.js:x"]


@pytest.mark.parametrize(
    "maker",
    [
        "function make() { log(); return new Engine(); }",
        "const make = () => new Engine();",
        "const make = function () { return new Engine(); };",
        "class Maker { make() { return new Engine(); } }\nconst { make } = new Maker();\nmaker = new Maker();",
        "const maker = { make() { return new Engine(); } };",
    ],
)
def test_what_functions_return_without_saying_so(maker: str) -> None:
    files = {"a.js": f"class Engine {{ start() {{ return this; }} stop() {{}} }}\n{maker}\n"}
    name = "maker.make" if "maker" in maker else "make"
    assert leads(files, "a.js", f"{name}().start().stop") == ["a.js:Engine.stop"]


def test_uses_stand_where_they_are() -> None:
    facts = facts_of("import { a } from './m';\nab; xa.a; a.b;\nf(a, a());\n")
    assert [(one.name, one.kind, one.line, one.column) for one in facts.references] == [
        ("a.b", "name", 2, 10),
        ("a", "name", 3, 2),
        ("a", "call", 3, 5),
    ]


def test_edges_of_a_file() -> None:
    table = table_of(
        MODULES | {"src/use.js": "import { make } from './b';\nexport function f() { make(); }\n"}
    )
    facts = table.facts("src/use.js")
    assert facts is not None
    edges = Resolver(table).resolve_file(facts).edges
    assert {(e.source_qualname, e.target_path, e.target_qualname, e.kind) for e in edges} == {
        ("", "src/b/index.js", "", "imports"),
        ("", "src/b/index.js", "make", "imports"),
        ("", "src/use.js", "f", "contains"),
        ("f", "src/b/index.js", "make", "calls"),
    }


@pytest.mark.parametrize(
    "text", ["[" * 5000, "{}", "null", '{"exports": ' + "[" * 900 + "]" * 900 + "}", "{"]
)
def test_hostile_package_files(text: str) -> None:
    files = PACKAGES | {"packages/core/package.json": text}
    assert leads(files, "packages/app/src/main.js", "run") == []


def test_circles_of_barrels_end() -> None:
    files = {
        "a.js": "export * from './b'; export { x } from './b';",
        "b.js": "export * from './a'; export { x } from './a';",
        "c.js": "import { x, y } from './a';",
    }
    assert leads(files, "c.js", "x") == leads(files, "c.js", "y") == []
