"""Completions of Java, parsed in their buffer, beside a real index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.snapshot import Snapshot
from repocoder.verify import Fault

Faults = Callable[[Snapshot, str, str], tuple[Fault, ...]]

FILES = {
    "src/shop/Price.java": """
package shop;

public class Price implements Comparable<Price> {
    private final int amount;

    public Price(int amount) { this.amount = amount; }
    public Price(int amount, String currency) { this.amount = amount; }

    public int compareTo(Price other) { return 0; }
}
""",
    "src/shop/Item.java": """
package shop;

public record Item(String name, int amount) {
    static Item of(String name) { return new Item(name, 1); }
}
""",
    "src/shop/Colour.java": "package shop;\n\npublic enum Colour { RED, GREEN }\n",
    "src/shop/Base.java": """
package shop;

public class Base {
    protected int count;
    protected void note(String... words) { }
    public Item item() { return null; }
}
""",
    "src/shop/Store.java": """
package shop;

import java.util.List;

public class Store extends Base {
    private String name;
    private Item last;
    public List<Item> items;

    public Store(String name) { this.name = name; }

    public void add(Item item) { }
    public void add(Item item, int times) { }
    public <T extends Item> T newest(Class<T> type) { return null; }
    public static Store empty() { return new Store(""); }
}
""",
    "src/shop/Panel.java": "package shop;\n\npublic class Panel extends javax.swing.JPanel {\n    void draw() { }\n}\n",
    "src/shop/Plain.java": "package shop;\n\npublic class Plain { }\n",
}
BODY = """package shop;

import java.util.List;
import java.util.Optional;

public class Work extends Base {
    private Store store;
    private Panel panel;

    void run(Store given, Optional<Store> maybe, Store[] many, List<Store> list, Object any) {
        LINE
    }

    private int helper(int one) { return one; }
}
"""


@pytest.fixture(scope="module")
def shop(index: Callable[..., Snapshot]) -> Snapshot:
    return index(FILES)


@pytest.mark.parametrize(
    "line",
    [
        'given.add(given.item()); given.add(Item.of("x"), 2);',
        'given.note(); note("a", "b"); this.count = helper(1);',
        "maybe.get().add(null); maybe.isPresent(); many.length; list.size();",
        "panel.setVisible(true); this.store.items.stream();",
        'Item one = new Item("a", 1); one.name().length(); one.equals(any); one.hashCode();',
        'Colour.valueOf("RED").ordinal(); Colour.RED.name(); Colour.values();',
        'new Store("x").add(null); Store.empty().getClass(); new Plain();',
        "for (Store each : list) { each.add(null); }",
        'var other = new Store("x"); other.add(null);',
        'new Price(1).compareTo(new Price(1, "EUR"));',
        "if (any instanceof Store found) { found.add(null); }",
        "Runnable task = () -> helper(2); task.run(); System.out.println(String.valueOf(1));",
        "try { helper(1); } catch (IllegalStateException error) { error.printStackTrace(); }",
        'String text = "given.nothing() frobnicate()"; // given.nothing()',
        "} public <T> T made(T one) { return one;",
        "list.stream().map(each -> each.items).forEach(found -> found.size());",
    ],
)
def test_true_code_raises_no_alarm(shop: Snapshot, faults: Faults, line: str) -> None:
    assert faults(shop, "src/shop/Work.java", BODY.replace("LINE", f"«{line}»")) == ()


@pytest.mark.parametrize(
    ("line", "check", "detail"),
    [
        ("given.remove(null);", "known-members", "`Store` has no `remove`"),
        ("this.store.remove(null);", "known-members", "`Store` has no `remove`"),
        ("store.remove(null);", "known-members", "`Store` has no `remove`"),
        ("given.item().price();", "known-members", "`Item` has no `price`"),
        ("Store other = Store.empty(); other.remove(null);", "known-members", "`Store` has no `remove`"),
        ('var other = new Store("x"); other.remove(null);', "known-members", "`Store` has no `remove`"),
        ("Colour found = Colour.BLUE;", "known-members", "`Colour` has no `BLUE`"),
        ("this.total = 1;", "known-members", "`Work` has no `total`"),
        ("given.add();", "arity", "`Store.add` takes 1 or 2 arguments, 0 given"),
        ("given.add(null, 1, 2);", "arity", "`Store.add` takes 1 or 2 arguments, 3 given"),
        ("helper();", "arity", "`Work.helper` takes 1 arguments, 0 given"),
        ("new Store();", "arity", "`Store` takes 1 arguments, 0 given"),
        ("new Plain(1);", "arity", "`Plain` takes 0 arguments, 1 given"),
        ("frobnicate(1);", "known-names", "nothing here defines `frobnicate`"),
        ("Widget widget = null;", "known-names", "nothing here defines `Widget`"),
    ],
)
def test_what_is_wrong_is_said(shop: Snapshot, faults: Faults, line: str, check: str, detail: str) -> None:
    found = faults(shop, "src/shop/Work.java", BODY.replace("LINE", f"«{line}»"))
    assert [(fault.check, fault.detail) for fault in found] == [(check, detail)]


def test_a_base_or_a_star_that_nobody_knows_may_bring_any_name(shop: Snapshot, faults: Faults) -> None:
    text = BODY.replace("LINE", "«frobnicate(1);»")
    assert faults(shop, "src/shop/Work.java", text.replace("extends Base", "extends org.outside.Thing")) == ()
    assert (
        faults(shop, "src/shop/Work.java", text.replace("import java.util.List;", "import java.util.*;"))
        == ()
    )
