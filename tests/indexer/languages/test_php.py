"""PHP: what its files say, and where its names lead over namespaces."""

from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.resolve import FactsTable, Resolver
from indexer.types import FileFacts

SHOP = r"""
    <html><?php
    namespace App\Model;

    use Lib\Http\Client as Web;
    use Lib\{Log, Data\Item as Thing};
    use function Lib\format;
    require_once __DIR__ . '/boot.php';

    /** A shop. */
    #[Entity(1)]
    abstract class Shop extends Base implements Runner, \Lib\Countable {
        use Counts;
        public const MAX = 3, MIN = 1;
        private ?Web $client;
        var $old;

        public function __construct(private readonly Log $log, Web $client) {
            $this->client = $client;
            $this->made = new Thing();
        }

        public function run(Thing $thing, int &...$rest): ?self {
            $this->client->send($thing->name);
            $this->log->info("x $thing->name y", key: 1);
            self::make(); parent::stop(); static::MAX;
            $other = new Thing();
            foreach ($other->all() as $one) { $one->go(); }
            $this->count(format(2));
            try { helper(); } catch (\Lib\Broken | Other $error) { $error->report(); }
            return $this->run($thing)->done();
        }

        protected static function make(): static { return new static(); }
        abstract function stop(): void;
    }

    enum Suit: string { case Hearts = 'H'; const WILD = 1; function label(): string { return ''; } }
    function helper() { $local = 1; }
    define('LIMIT', 2);
    const TOP = 1;
    ?>
    <b><?= helper() ?></b>
"""

FILES = {
    "src/Model/Shop.php": SHOP,
    "src/Model/Base.php": "<?php\nnamespace App\\Model;\nclass Base { function stop() {} function done() {} }\n"
    "interface Runner { function run(); }\ntrait Counts { function count() {} }\n",
    "lib/Client.php": "<?php\nnamespace Lib\\Http;\nclass Client { public function send($what): Client {} }\n",
    "lib/Log.php": "<?php\nnamespace Lib;\nclass Log { function info($m) {} }\nfunction format($x) {}\n",
    "lib/Item.php": "<?php\nnamespace Lib\\Data;\nclass Item { public $name; function all() {} }\n",
    "src/Model/boot.php": "<?php\nfunction boot() {}\n",
}


def facts_of(text: str, path: str = "src/Model/Shop.php") -> FileFacts:
    return analyze(path, dedent(text).lstrip("\n").encode(), budget_s=30.0).facts


@pytest.fixture(scope="module")
def shop() -> FileFacts:
    return facts_of(SHOP)


def test_definitions(shop: FileFacts) -> None:
    assert shop.package == "App.Model"
    assert {(found.kind, found.qualname, found.visibility) for found in shop.symbols[1:]} == {
        ("class", "Shop", "public"),
        ("variable", "Shop.MAX", "public"),
        ("variable", "Shop.MIN", "public"),
        ("variable", "Shop.client", "private"),
        ("variable", "Shop.old", "public"),
        ("variable", "Shop.log", "private"),
        ("method", "Shop.__construct", "public"),
        ("method", "Shop.run", "public"),
        ("method", "Shop.make", "protected"),
        ("method", "Shop.stop", "public"),
        ("class", "Suit", "public"),
        ("variable", "Suit.Hearts", "public"),
        ("variable", "Suit.WILD", "public"),
        ("method", "Suit.label", "public"),
        ("function", "helper", "public"),
        ("variable", "LIMIT", "public"),
        ("variable", "TOP", "public"),
    }


def test_bases_attributes_and_comments(shop: FileFacts) -> None:
    found = {symbol.qualname: symbol for symbol in shop.symbols}
    assert found["Shop"].bases == ("Base", "Runner", "\\Lib\\Countable", "Counts")
    assert found["Shop"].decorators == ("#[Entity(1)]",)
    assert found["Shop"].doc == "A shop."
    assert found["Shop.run"].signature == "public function run(Thing $thing, int &...$rest): ?self"


def test_use_and_require(shop: FileFacts) -> None:
    assert [(one.module, one.level, one.name, one.alias) for one in shop.imports] == [
        ("Lib.Http", 0, "Client", "Web"),
        ("Lib", 0, "Log", "Log"),
        ("Lib.Data", 0, "Item", "Thing"),
        ("Lib", 0, "format", "format"),
        ("/boot.php", 1, "*", ""),
    ]


def test_bindings(shop: FileFacts) -> None:
    found = {(one.scope, one.name, one.type, one.kind) for one in shop.bindings if one.type}
    assert found == {
        ("Shop", "client", "Web", "annotation"),
        ("Shop.__construct", "$log", "Log", "parameter"),
        ("Shop.__construct", "$this.log", "Log", "annotation"),
        ("Shop.__construct", "$client", "Web", "parameter"),
        ("Shop.__construct", "$this.client", "$client", "alias"),
        ("Shop.__construct", "$this.made", "Thing", "call"),
        ("Shop.run", "$thing", "Thing", "parameter"),
        ("Shop.run", "return", "self", "return"),
        ("Shop.run", "$other", "Thing", "call"),
        ("Shop.run", "$error", "Lib.Broken", "annotation"),
        ("Shop.make", "return", "static", "return"),
    }


@pytest.mark.parametrize(
    "text", ["<?php class A {", "<?php $", "no php", "<?php namespace", "<?php " + "f(" * 300]
)
def test_what_is_broken_still_gives_facts(text: str) -> None:
    assert facts_of(text).symbols[0].kind == "file"


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("$this.client.send", [("lib/Client.php", "Client.send")]),
        ("$this.log.info", [("lib/Log.php", "Log.info")]),
        ("$this.made.name", [("lib/Item.php", "Item.name")]),
        ("$thing.name", [("lib/Item.php", "Item.name")]),
        ("$other.all", [("lib/Item.php", "Item.all")]),
        ("self.make", [("src/Model/Shop.php", "Shop.make")]),
        ("static.MAX", [("src/Model/Shop.php", "Shop.MAX")]),
        ("parent.stop", [("src/Model/Base.php", "Base.stop")]),
        ("$this.count", [("src/Model/Base.php", "Counts.count")]),
        ("$this.run().done", [("src/Model/Base.php", "Base.done")]),
        ("format", [("lib/Log.php", "format")]),
        ("Web", [("lib/Client.php", "Client")]),
        ("Lib.Http.Client", [("lib/Client.php", "Client")]),
        ("helper", [("src/Model/Shop.php", "helper")]),
        ("boot", [("src/Model/boot.php", "boot")]),
        ("strlen", []),
    ],
)
def test_names_lead_over_namespaces(name: str, targets: list[tuple[str, str]]) -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    found = Resolver(FactsTable(facts)).resolve_name(facts["src/Model/Shop.php"], name, "Shop.run", 1_000_000)
    assert [(target.path, target.qualname) for target in found] == targets


def test_edges_of_classes() -> None:
    facts = {path: facts_of(text, path) for path, text in FILES.items()}
    edges = Resolver(FactsTable(facts)).resolve_file(facts["src/Model/Shop.php"]).edges
    found = {(edge.source_qualname, edge.kind, edge.target_path, edge.target_qualname) for edge in edges}
    assert ("Shop", "inherits", "src/Model/Base.php", "Counts") in found
    assert ("Shop.run", "overrides", "src/Model/Base.php", "Runner.run") in found
    assert ("", "imports", "src/Model/boot.php", "") in found
    assert ("Shop.run", "calls", "lib/Item.php", "Item") in found
