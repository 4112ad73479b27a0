"""The definitions channel on a real index: what a hole needs is found, shown without bodies, explained."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from indexer.analyze import analyze
from indexer.snapshot import Snapshot
from retrieval.neighbors import definitions
from retrieval.query import query_at
from retrieval.render import MAX_CHARACTERS, render_symbol
from retrieval.types import Exclusion, Hit

HOLE = "<hole>"

LIBRARY = {
    "app/__init__.py": "from .model import Vocab\n",
    "app/model.py": '''
        """Models."""
        class Table:
            """Rows."""
            rows: int = 0
            def find_row(self, key: str) -> int:
                return secret_body(key)
        class Vocab(Table):
            """Words and their ids.

            More of it.
            """
            def __init__(self) -> None:
                self.table = Table()
            def lookup(self, word: str) -> int:
                return self.table.find_row(word)
            def _hidden(self): ...
        class Unrelated:
            def never(self): ...
        def train(path: str, *, steps: int = 10) -> Vocab:
            """Train on a file."""
            return Vocab()
    ''',
    "app/errors.py": "class VocabError(Exception):\n    '''Bad vocab.'''\nclass OtherError(Exception): ...\n",
    "main.py": "",
    "wide.py": "class Wide:\n"
    + "".join(f"    def method_{n}(self, value: int) -> int: ...\n" for n in range(80)),
}

Ask = Callable[..., list[Hit]]


@pytest.fixture(scope="module")
def snapshot(index_files: Callable[..., Snapshot]) -> Snapshot:
    return index_files({path: dedent(text).lstrip("\n") for path, text in LIBRARY.items()})


@pytest.fixture
def ask(snapshot: Snapshot) -> Ask:
    """The hits at the hole of a buffer of `main.py`."""

    def at_hole(text: str, limit: int = 8, exclusions: tuple[Exclusion, ...] = ()) -> list[Hit]:
        before, _, after = dedent(text).lstrip("\n").partition(HOLE)
        buffer = before + after
        facts = analyze("main.py", buffer.encode(), budget_s=30.0, every_use=True).facts
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2])
        query = query_at("main.py", buffer, line, column, facts=facts, exclusions=exclusions)
        return definitions(query, snapshot, limit=limit)

    return at_hole


def shown(hits: list[Hit]) -> str:
    return "\n".join(hit.text for hit in hits)


def test_after_a_dot_the_class_of_the_receiver_comes_first(ask: Ask) -> None:
    hits = ask(f"""
        from app import Vocab
        class Trainer:
            def __init__(self, vocab: Vocab) -> None:
                self.vocab: Vocab = vocab
            def run(self) -> None:
                self.vocab.{HOLE}
    """)
    assert hits[0].path == "app/model.py"
    assert "def lookup(self, word: str) -> int: ..." in hits[0].text
    assert hits[0].evidence[0].source == "definitions"
    assert hits[0].evidence[0].why.startswith("defines `Vocab`, its members can follow `self.vocab.`")


def test_definitions_have_no_bodies_and_one_line_of_doc(ask: Ask) -> None:
    text = shown(ask(f"from app.model import Vocab, train\n\ndef run():\n    v = train('x')\n    v.{HOLE}\n"))
    assert 'class Vocab(Table):\n    """Words and their ids."""' in text
    assert "secret_body" not in text
    assert "More of it" not in text
    assert "self.table = Table()" in text


def test_an_import_that_is_not_used_yet_is_likely_needed(ask: Ask) -> None:
    hits = ask(f"""
        from app.model import Vocab
        from app.errors import VocabError
        def run(vocab: Vocab, word: str) -> int:
            if vocab.lookup(word) < 0:
                {HOLE}
    """)
    assert any("class VocabError(Exception)" in hit.text for hit in hits[:2])
    assert "OtherError" not in shown(hits)


def test_one_hop_further_the_types_in_signatures(ask: Ask) -> None:
    hits = ask(f"from app.model import train\n\ndef run():\n    v = train('x')\n    {HOLE}\n")
    assert "class Vocab" in shown(hits)
    assert "Unrelated" not in shown(hits)


def test_inherited_members_are_offered_inside_a_subclass(ask: Ask) -> None:
    hits = ask(f"from app.model import Vocab\n\nclass Mine(Vocab):\n    def go(self):\n        {HOLE}\n")
    assert "class Vocab" in hits[0].text
    assert "class Table" in shown(hits)


def test_what_is_excluded_is_not_shown(ask: Ask) -> None:
    text = f"from app.model import Vocab\n\ndef run(v: Vocab):\n    v.{HOLE}\n"
    assert "class Vocab" in shown(ask(text))
    assert "class Vocab" not in shown(ask(text, exclusions=(Exclusion("app/model.py", 10, 12),)))


def test_nothing_of_the_visible_part_of_the_own_file(ask: Ask) -> None:
    hits = ask(f"def near(x: int) -> int: ...\n\ndef run():\n    near(1)\n    {HOLE}\n")
    assert hits == []


def test_no_facts_no_hits(snapshot: Snapshot) -> None:
    assert definitions(query_at("notes.txt", "Vocab", 1, 5, facts=None), snapshot, limit=4) == []


def test_at_most_limit_hits_ranked_from_one(ask: Ask) -> None:
    text = (
        "from app.model import Vocab, Table, train\nfrom app.errors import VocabError\nimport wide\n\n"
        f"def run(v: Vocab, t: Table, w: wide.Wide):\n    {HOLE}\n"
    )
    assert len(ask(text, limit=2)) == 2
    assert [hit.evidence[0].rank for hit in ask(text)] == list(range(1, len(ask(text)) + 1))
    for hit in ask(text):
        assert hit.chunk.path == hit.path
        assert hit.chunk.span.start_line <= hit.start_line <= hit.chunk.span.end_line


def test_an_outline_is_rendered_as_all_facts_are(snapshot: Snapshot) -> None:
    rendered = 0
    for path in sorted(snapshot.paths()):
        facts, outline = snapshot.facts(path), snapshot.outline(path)
        assert facts is not None and outline is not None
        for symbol in facts.symbols:
            text = render_symbol(outline, symbol.qualname, {"table": 1.0}, {"row": 0.5})
            assert text == render_symbol(facts, symbol.qualname, {"table": 1.0}, {"row": 0.5})
            rendered += bool(text)
    assert rendered > 80


def test_renderings_are_short_and_prefer_members_that_fit_the_place() -> None:
    facts = analyze("wide.py", LIBRARY["wide.py"].encode(), budget_s=30.0).facts
    text = render_symbol(facts, "Wide", {"method_77": 1.0}, {"method_55": 1.0})
    lines = text.splitlines()
    assert len(text) <= MAX_CHARACTERS + 3
    assert lines[1] == "    def method_77(self, value: int) -> int: ..."
    assert lines[2] == "    def method_55(self, value: int) -> int: ..."
    assert lines[-1].startswith("    # also: method_")
    assert render_symbol(facts, "Nothing", {}, {}) == ""
