"""Completions of TypeScript, TSX and JavaScript, parsed in their buffer, beside a real index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.snapshot import Snapshot
from repocoder.verify import Fault

Faults = Callable[[Snapshot, str, str], tuple[Fault, ...]]

FILES = {
    "src/money.ts": """
export interface Price {
  amount: number;
  currency?: string;
  times(factor: number): Price;
}

export interface Table {
  [key: string]: number;
}

export type Either = Price | Table;

export function convert(price: Price, rate: number = 1, note?: string): Price {
  return price;
}

export function pick(one: string): Price;
export function pick(one: string, two: number, three: number): Price;
export function pick(one: string, two?: number, three?: number): Price {
  return null as any;
}

export const double = (price: Price, ...more: Price[]): Price => price;

export enum Colour { Red, Green }
""",
    "src/stock.ts": """
import { Price } from "./money";
import { Framework } from "outside";

export class Base {
  protected count = 0;
  note(...words: string[]): void {}
}

export class Store extends Base {
  last?: Price;
  private prices: Map<string, Price> = new Map();

  constructor(private readonly name: string, public size?: number) {
    super();
  }

  get newest(): Price {
    return this.last!;
  }

  add(key: string, price: Price): this {
    return this;
  }

  static empty(): Store {
    return new Store("");
  }
}

export class Widget extends Framework {
  draw(): void {}
}

export class Empty {}
""",
}
BODY = """import { Colour, Either, Price, Table, convert, double, pick } from "./money";
import { Empty, Store, Widget } from "./stock";

export function work(store: Store, price: Price | null, many: Store[], table: Table, either: Either, widget: Widget) {
  LINE
}
"""


@pytest.fixture(scope="module")
def shop(index: Callable[..., Snapshot]) -> Snapshot:
    return index(FILES)


@pytest.mark.parametrize(
    "line",
    [
        "store.add('a', price!.times(2)).note('x', 'y');",
        "many.map((one) => one.nothing); many.push(store);",
        "table.anything; either.whatever; widget.setState(1, 2, 3);",
        "const other = new Store('x', 3); other.size; other.toString();",
        "let found = new Store('x'); found = JSON.parse(''); found.nothing;",
        "const { last, size } = store; console.log(last, size);",
        "convert(price!); convert(price!, 2, 'x'); double(price!, price!, price!); pick('a', 1, 2);",
        "Colour.Red; Store.empty().add('x', price!); new Empty();",
        "for (const each of many) { each.add('a', price!); }",
        "if ('other' in price!) { price.other; }",
        "const text = `store.nothing ${store.size}`; // store.nothing()",
        "items.forEach(function (left, right) { return left + right; }); var items = [];",
        "const handler: ProxyHandler<Store> = {}; console.log(`- ${price}\\n`);",
        "try { convert(price!); } catch (error) { throw error; }",
        "(widget as any).nothing; const made = (a: number, b: number) => a + b; made(1, 2);",
        "const later = async ({ one, two }: Options) => { await one(two); }; type Options = any;",
        "setTimeout(() => describe('x', () => it('y')), 10); let key: keyof Price; const x: Partial<Price> = {};",
    ],
)
def test_true_code_raises_no_alarm(shop: Snapshot, faults: Faults, line: str) -> None:
    assert faults(shop, "src/work.ts", BODY.replace("LINE", f"«{line}»")) == ()


@pytest.mark.parametrize(
    ("line", "check", "detail"),
    [
        ("store.remove('a');", "known-members", "`Store` has no `remove`"),
        ("store.newest.value;", "known-members", "`Price` has no `value`"),
        ("store?.last?.value;", "known-members", "`Price` has no `value`"),
        ("price.value;", "known-members", "`Price` has no `value`"),
        ("const other = new Store('x'); other.remove();", "known-members", "`Store` has no `remove`"),
        ("Store.full();", "known-members", "`Store` has no `full`"),
        ("Store.empty().remove();", "known-members", "`Store` has no `remove`"),
        ("Colour.Blue;", "known-members", "`Colour` has no `Blue`"),
        ("store.add('a');", "arity", "`Store.add` takes 2 arguments, 1 given"),
        ("convert();", "arity", "`convert` takes 1 to 3 arguments, 0 given"),
        ("double();", "arity", "`double` takes 1 or more arguments, 0 given"),
        ("new Store();", "arity", "`Store` takes 1 to 2 arguments, 0 given"),
        ("new Empty(1);", "arity", "`Empty` takes 0 arguments, 1 given"),
        ("frobnicate(store);", "known-names", "nothing here defines `frobnicate`"),
    ],
)
def test_what_is_wrong_is_said(shop: Snapshot, faults: Faults, line: str, check: str, detail: str) -> None:
    for path in ("src/work.ts", "src/work.tsx"):
        found = faults(shop, path, BODY.replace("LINE", f"«{line}»"))
        assert [(fault.check, fault.detail) for fault in found] == [(check, detail)]


def test_a_class_that_is_being_written_knows_itself(shop: Snapshot, faults: Faults) -> None:
    text = (
        'import { Store } from "./stock";\n\nexport class Shelf extends Store {\n  depth = 1;\n\n  fill(): void {\n'
        "    LINE\n  }\n}\n"
    )
    good = "«this.add('a', this.newest); this.depth += this.count;»"
    assert faults(shop, "src/shelf.ts", text.replace("LINE", good)) == ()
    bad = faults(shop, "src/shelf.ts", text.replace("LINE", "«this.width = this.depth;»"))
    assert [fault.detail for fault in bad] == ["`Shelf` has no `width`"]


def test_javascript_takes_any_number_of_arguments_and_new_fields(shop: Snapshot, faults: Faults) -> None:
    text = "class Box {\n  constructor(a) { this.a = a; }\n  open(b) { LINE }\n}\n"
    good = "«this.open(); new Box(1, 2); this.later = b; return this.a;»"
    assert faults(shop, "src/box.js", text.replace("LINE", good)) == ()
    bad = faults(shop, "src/box.js", text.replace("LINE", "«this.close(frob);»"))
    assert [fault.detail for fault in bad] == ["`Box` has no `close`", "nothing here defines `frob`"]
