"""TypeScript, also with elements: what its files say, and where its names lead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts, Symbol
from indexer.typetext import useful_type

SHOP = """
    import type { Store } from "./store";
    import fs = require("fs");
    import Level = units.Level;

    /** What can be sold. */
    export interface Item<T = string> extends Named, units.Priced<T> {
        readonly id: number;
        tags?: string[];
        owner: Store | null;
        sell(to: Buyer): Receipt;
        check: (by: Clerk) => Result;
        new (x: number): Item;
        [key: string]: unknown;
    }

    export type Shape = { kind: Kind; area(): number } & Base;
    type Name = string | undefined;

    export const enum Kind { Round = 1, Square, "odd one" }

    declare namespace Outer.Inner {
        const depth: number;
        function dive(): Diver;
    }

    export namespace tools {
        export class Hammer { weight = 1; }
        export const spare = 2;
    }

    declare global { interface Window { shop: Shop } }
    declare function alert(text: string): void;
    declare const VERSION: string;

    @Entity({ name: "shop" })
    export abstract class Shop<T> extends Base<T> implements Item<T>, Open {
        private readonly stock = new Map<string, Item>();
        static #count: number = 0;
        protected declare hidden: Hidden;
        @Input() label!: string;

        constructor(private readonly store: Store, public size = 1, plain?: Plain) { super(); }

        @HostListener("click")
        public async open(door: Door, ...keys: Key[]): Promise<Receipt | undefined> {
            const clerk: Clerk = await this.store.hire<Clerk>(door);
            return clerk.serve(door as Gate);
        }
        abstract close(): void;
        get count(): number { return Shop.#count; }
        find = (id: number): Item | undefined => this.stock.get(id);
    }

    export function make(kind: "a"): Shop<string>;
    export function make(kind: string): Shop<any> { return build<Shop>(kind)!; }
    export default make;
"""


def facts_of(text: str, path: str = "src/shop.ts", *, every_use: bool = False) -> FileFacts:
    found = analyze(path, dedent(text).lstrip("\n").encode(), budget_s=10, every_use=every_use).facts
    assert not found.degraded
    return found


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def symbol(facts: FileFacts, qualname: str) -> Symbol:
    return next(one for one in facts.symbols if one.qualname == qualname)


def test_definitions_have_their_kinds_and_owners(shop: FileFacts) -> None:
    assert {one.qualname: one.kind for one in shop.symbols[1:]} == {
        "Item": "class", "Item.id": "variable", "Item.tags": "variable", "Item.owner": "variable",
        "Item.sell": "method", "Item.check": "method",
        "Shape": "class", "Shape.kind": "variable", "Shape.area": "method", "Name": "class",
        "Kind": "class", "Kind.Round": "variable", "Kind.Square": "variable",
        "Outer.Inner": "namespace", "Outer.Inner.depth": "variable", "Outer.Inner.dive": "function",
        "tools": "namespace", "tools.Hammer": "class", "tools.Hammer.weight": "variable",
        "tools.spare": "variable",
        "Window": "class", "Window.shop": "variable", "alert": "function", "VERSION": "variable",
        "Shop": "class", "Shop.stock": "variable", "Shop.count": "method", "Shop.hidden": "variable",
        "Shop.label": "variable", "Shop.constructor": "method", "Shop.store": "variable",
        "Shop.size": "variable", "Shop.open": "method", "Shop.close": "method", "Shop.find": "method",
        "make": "function",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("qualname", "signature", "visibility", "line"),
    [
        ("Item", "interface Item<T = string> extends Named, units.Priced<T>", "public", 6),
        ("Item.check", "check: (by: Clerk) => Result;", "public", 11),
        ("Kind", "const enum Kind", "public", 19),
        ("Shop", "abstract class Shop<T> extends Base<T> implements Item<T>, Open", "public", 35),
        ("Shop.stock", "private readonly stock = new Map<string, Item>()", "private", 37),
        ("Shop.hidden", "protected declare hidden: Hidden", "protected", 39),
        ("Shop.close", "abstract close(): void", "public", 49),
        ("Shop.find", "find = (id: number): Item | undefined", "public", 51),
    ],
)
def test_headers(shop: FileFacts, qualname: str, signature: str, visibility: str, line: int) -> None:
    found = symbol(shop, qualname)
    assert (found.signature.rstrip(";"), found.visibility, found.span.start_line) == (
        signature.rstrip(";"),
        visibility,
        line,
    )


def test_bases_decorators_and_comments(shop: FileFacts) -> None:
    assert symbol(shop, "Item").bases == ("Named", "units.Priced<T>")
    assert symbol(shop, "Item").doc == "What can be sold."
    found = symbol(shop, "Shop")
    assert found.bases == ("Base", "Item<T>", "Open")
    assert found.decorators == ('@Entity({ name: "shop" })',)
    assert symbol(shop, "Shop.open").decorators == ('@HostListener("click")',)


def test_imports(shop: FileFacts) -> None:
    assert [(one.module, one.name, one.alias) for one in shop.imports] == [
        ("./store", "Store", "Store"),
        ("fs", "", "fs"),
    ]


def test_bindings_tell_types(shop: FileFacts) -> None:
    found = {(one.name, one.type, one.kind, one.scope) for one in shop.bindings}
    assert found >= {
        ("Level", "units.Level", "alias", ""),
        ("owner", "Store", "annotation", "Item"),
        ("return", "Receipt", "return", "Item.sell"),
        ("to", "Buyer", "parameter", "Item.sell"),
        ("return", "Result", "return", "Item.check"),
        ("return", "Diver", "return", "Outer.Inner.dive"),
        ("stock", "Map", "call", "Shop"),
        ("this.store", "Store", "annotation", "Shop.constructor"),
        ("store", "Store", "parameter", "Shop.constructor"),
        ("plain", "Plain", "parameter", "Shop.constructor"),
        ("door", "Door", "parameter", "Shop.open"),
        ("return", "Receipt", "return", "Shop.open"),
        ("clerk", "Clerk", "annotation", "Shop.open"),
        ("return", "Item", "return", "Shop.find"),
        ("return", "Shop", "return", "make"),
        ("default", "make", "alias", ""),
    }
    assert not any(one.type in ("string", "number", "void", "undefined") for one in shop.bindings)


def test_uses_are_what_the_file_defines_or_imports(shop: FileFacts) -> None:
    found = {(one.name, one.kind, one.scope) for one in shop.references}
    assert found >= {
        ("Store", "name", "Item"),
        ("Kind", "name", "Shape"),
        ("Shop", "name", "Window"),
        ("this.store.hire", "call", "Shop.open"),
        ("clerk.serve", "call", "Shop.open"),
        ("Shop.count", "name", "Shop.count"),
        ("this.stock.get", "call", "Shop.find"),
        ("Shop", "name", "make"),
    }
    roots = {name.partition(".")[0] for name, _, _ in found}
    assert roots.isdisjoint(
        {"door", "keys", "T", "string", "readonly", "private", "Map", "Promise", "id", "tags"}
    )


def test_type_parameters_are_no_uses() -> None:
    facts = facts_of(
        """
        import { Config, Other } from "./m";
        export interface Client<Config, Rest> { get: (at: Other) => Config; set(config: Config): void }
        export class Box<Other> { other: Other; held(config: Config): Other { return null!; } }
        """
    )
    assert {(one.name, one.scope) for one in facts.references} == {
        ("Other", "Client.get"),
        ("Config", "Box.held"),
    }


def test_parameters_end_before_their_types() -> None:
    files = {
        "a.ts": "type Style = 'a';\nexport function draw({ x, y: { z } }: Options<Style> & { s: Style }) {}\n"
    }
    assert leads(files, "a.ts", "Style", "draw") == ["a.ts:Style"]
    assert leads(files, "a.ts", "z", "draw") == []


def test_every_use_tells_types_from_values() -> None:
    facts = facts_of(
        """
        class A extends B<C> implements D {}
        const e: F = g<H>(i as J);
        interface K extends L { m: N }
        """,
        every_use=True,
    )
    assert {one.name: one.kind for one in facts.references} == {
        "B": "inherit", "C": "annotation", "D": "inherit", "F": "annotation", "g": "call", "i": "name",
        "J": "annotation", "L": "inherit", "N": "annotation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "useful"),
    [
        ("Foo", "Foo"),
        ("ns.Foo<T>", "ns.Foo"),
        ("Promise<Foo | null>", "Foo"),
        ("undefined | string | Foo", "Foo"),
        ("readonly Foo[]", ""),
        ("Readonly<Promise<ns.Foo>>", "ns.Foo"),
        ("Map<string, Foo[]>", "Map"),
        ("Foo<Bar>[]", ""),
        ("Partial<Foo> & Bar", "Foo"),
        ("(Foo | Bar)[]", ""),
        ('Foo["part"]', ""),
        ("Foo<Bar[]>", "Foo"),
        ("Foo<(a: Bar) => Baz>[]", ""),
        ("typeof foo", "foo"),
        ("'a' | \"b\" | 3", ""),
        ("string", ""),
        ("Promise<void>", ""),
        ("{ a: Foo }", ""),
        ("() => Foo", ""),
        ("stringish", "stringish"),
        ("Promise<" * 100 + "Foo" + ">" * 100, ""),
    ],
)
def test_types(written: str, useful: str) -> None:
    assert useful_type(written, "typescript") == useful


def test_elements_with_types() -> None:
    facts = facts_of(
        """
        import { Table, type Row } from "./table";
        export function View({ rows }: { rows: Row[] }) {
            return <Table<Row> rows={rows.map((row) => <Row.Cell key={row.id} />)} />;
        }
        """,
        "view.tsx",
    )
    assert facts.language == "tsx"
    found = {(one.name, one.kind, one.scope) for one in facts.references}
    assert found >= {("Table", "call", "View"), ("Row.Cell", "call", "View"), ("Row", "name", "View")}


@pytest.mark.parametrize(
    "text",
    [
        "class {",
        "interface",
        "type A =",
        "enum {",
        "x as",
        "f<a<b<c<",
        "namespace A.",
        "@",
        "let x: {",
        "<T>" * 300,
    ],
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    for path in ("broken.ts", "broken.tsx"):
        found = analyze(path, (text + "\nfunction after() {}\n").encode(), budget_s=5).facts
        assert found.symbols[0].kind == "file"


# ---- where names lead


def leads(files: dict[str, str], path: str, name: str, scope: str = "", line: int = 99) -> list[str]:
    """Where a name in a file leads, as "path:qualname", best first; types of variables are left out."""
    analyses = {one: analyze(one, dedent(text).encode(), budget_s=10) for one, text in files.items()}
    contents = {one: found.masked for one, found in analyses.items()}
    table = FactsTable({one: found.facts for one, found in analyses.items()}, contents)
    facts = table.facts(path)
    assert facts is not None
    found = Resolver(table).resolve_name(facts, name, scope, line)
    return [f"{one.path}:{one.qualname}" for one in found if one.role == "definition"]


ENGINE = {
    "src/engine.ts": """
        import { Part } from "./parts/part.js";
        import type { Plan } from "./plan";
        export interface Runs { run(): Plan; }
        export class Engine implements Runs {
            #spare = new Part();
            constructor(private part: Part, protected others: Map<string, Part>) {}
            run(): Plan { return this.part.turn(); }
            again(): this { return this; }
            check() { this.#spare.turn(); }
        }
        export enum State { On, Off }
        export namespace tools { export class Hammer { hit() {} } export function lend(): Hammer { return null!; } }
        export const build = async (): Promise<Engine> => new Engine(null!, null!);
    """,
    "src/parts/part.ts": """
        import { Plan } from "../plan";
        export class Part { turn(): Plan { return null!; } size = 3 }
    """,
    "src/plan.d.ts": "export declare class Plan { next: Plan; draw(): void; }\n",
    "src/main.ts": """
        import { Engine, State, tools, build, type Runs } from "./engine";
        const engine = new Engine(null!, null!);
        const hammer = tools.lend();
        async function main(runs: Runs, list: readonly Engine[]) {
            const built = await build();
            const cast = list as unknown as Engine;
        }
    """,
}


@pytest.mark.parametrize(
    ("name", "scope", "target"),
    [
        ("engine.run", "", "src/engine.ts:Engine.run"),
        ("engine.part.size", "", "src/parts/part.ts:Part.size"),
        ("engine.run().next.draw", "", "src/plan.d.ts:Plan.draw"),
        ("engine.again().check", "", "src/engine.ts:Engine.check"),
        ("State.On", "", "src/engine.ts:State.On"),
        ("tools.Hammer", "", "src/engine.ts:tools.Hammer"),
        ("hammer.hit", "", "src/engine.ts:tools.Hammer.hit"),
        ("runs.run", "main", "src/engine.ts:Runs.run"),
        ("list.check", "main", ""),
        ("built.again", "main", "src/engine.ts:Engine.again"),
        ("cast.again", "main", "src/engine.ts:Engine.again"),
    ],
)
def test_names_lead_through_types(name: str, scope: str, target: str) -> None:
    assert leads(ENGINE, "src/main.ts", name, scope)[:1] == ([target] if target else [])


def test_fields_of_bases_that_are_assigned() -> None:
    files = {
        "a.ts": """
            class Base { mode: Mode; static make = () => new Derived(); }
            class Derived extends Base { constructor() { super(); this.mode = new Mode(); this.mode.go(); } }
            class Mode { go() {} }
            const maker = Base.make;
        """
    }
    assert leads(files, "a.ts", "this.mode", "Derived.constructor") == ["a.ts:Base.mode"]
    assert leads(files, "a.ts", "maker().mode.go") == ["a.ts:Mode.go"]


def test_namespaces_with_the_name_of_an_interface() -> None:
    files = {
        "a.ts": """
            interface Spot { x: number; move(): Spot }
            namespace Spot {
                export type Kind = "a" | Other;
                interface Other {}
                export function make(): Spot { return check(); }
                function check(): Spot { return null!; }
            }
        """,
        "b.ts": "import { Spot } from './a';\n",
    }
    assert leads(files, "a.ts", "check", "Spot.make") == ["a.ts:Spot.check"]
    assert leads(files, "a.ts", "Other", "Spot.Kind") == ["a.ts:Spot.Other"]
    assert leads(files, "a.ts", "x", "Spot.move") == []
    assert leads(files, "b.ts", "Spot.make().move") == ["a.ts:Spot.move"]


def test_private_members() -> None:
    found = leads(ENGINE, "src/engine.ts", "this.spare.turn", "Engine.check")
    assert found == ["src/parts/part.ts:Part.turn"]


def test_members_are_not_named_bare() -> None:
    files = {"a.ts": "interface Options { mode: mode; }\ntype mode = string;\n"}
    assert leads(files, "a.ts", "mode", "Options") == ["a.ts:mode"]


PATHS = {
    "tsconfig.base.json": """
        // everywhere
        {"compilerOptions": {"baseUrl": ".", /* "no": */ "paths": {
            "@core/*": ["libs/core/src/*", "libs/none/*"],
            "exact": ["libs/exact.ts"], // the only one
        },}}
    """,
    "apps/web/tsconfig.json": '{"extends": "../../tsconfig.base"}',
    "apps/web/src/page.tsx": """
        import { a } from "@core/a";
        import { e } from "exact";
        import { b } from "libs/core/src/b";
        import { none } from "@core/none";
    """,
    "apps/vite/tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}]}',
    "apps/vite/tsconfig.app.json": '{"compilerOptions": {"paths": {"~/*": ["./src/*"]}}}',
    "apps/vite/src/main.ts": 'import { v } from "~/lib/v";\n',
    "apps/vite/src/lib/v.ts": "export const v = () => 1;\n",
    "libs/core/src/a.ts": "export function a() {}\n",
    "libs/core/src/b/index.ts": "export function b() {}\n",
    "libs/exact.ts": "export function e() {}\n",
}


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("apps/web/src/page.tsx", "a", ["libs/core/src/a.ts:a"]),
        ("apps/web/src/page.tsx", "e", ["libs/exact.ts:e"]),
        ("apps/web/src/page.tsx", "b", ["libs/core/src/b/index.ts:b"]),
        ("apps/web/src/page.tsx", "none", []),
        ("apps/vite/src/main.ts", "v", ["apps/vite/src/lib/v.ts:v"]),
    ],
)
def test_paths_of_configurations(path: str, name: str, expected: list[str]) -> None:
    assert leads(PATHS, path, name) == expected


def test_configurations_of_a_package() -> None:
    files = PATHS | {
        "tools/config/package.json": '{"name": "@acme/config"}',
        "tools/config/web.json": '{"compilerOptions": {"paths": {"@core/*": ["../../libs/core/src/*"]}}}',
        "apps/web/tsconfig.json": '{"extends": ["@acme/config/web.json"]}',
    }
    assert leads(files, "apps/web/src/page.tsx", "a") == ["libs/core/src/a.ts:a"]


@pytest.mark.parametrize(
    "text",
    [
        '{"extends": "./tsconfig.json"}',
        '{"compilerOptions": {"paths": [1, {"a": 2}], "baseUrl": 3}}',
        '{"compilerOptions": {"paths": {"*": "../../../../*", "@core/*": null}}, "references": [1, {"path": 2}]}',
        "[" * 20000,
        '"' * 999 + "/*",
        "{" + "," * 20000 + "}",
    ],
)
def test_hostile_configurations(text: str) -> None:
    assert leads(PATHS | {"apps/web/tsconfig.json": text}, "apps/web/src/page.tsx", "a") == []


def test_written_before_made() -> None:
    files = {
        "src/a.ts": "export function f() {}\n",
        "src/a.d.ts": "export declare function f(): void;\n",
        "src/a.js": "export function f() {}\n",
        "src/use.ts": "import { f } from './a.js';\n",
    }
    assert leads(files, "src/use.ts", "f") == ["src/a.ts:f"]
