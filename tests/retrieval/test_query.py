"""From a cursor to a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.types import FileFacts, Reference, Span, Symbol
from retrieval.query import MAX_IDENTIFIERS, PositionError, query_at

TEXT = """import os

class Parser:
    def feed(self, text):
        value = self.vocab.lookup(text)
        return value


def main():
    run()
"""


def symbol(qualname: str, kind: str, start: int, end: int) -> Symbol:
    return Symbol(qualname.rpartition(".")[2], qualname, kind, Span(start, end, 0, 0), "", "", ())


def facts(*references: Reference) -> FileFacts:
    symbols = (
        symbol("", "file", 1, 10),
        symbol("Parser", "class", 3, 6),
        symbol("Parser.feed", "method", 4, 6),
        symbol("main", "function", 9, 10),
    )
    return FileFacts("a.py", "python", 10, (), symbols, references, (), ())


@pytest.mark.parametrize(
    ("line", "column", "scope"),
    [
        (1, 0, ""),
        (3, 4, "Parser"),
        (5, 20, "Parser.feed"),
        (6, 20, "Parser.feed"),
        (7, 0, ""),  # a blank line without indentation: outside
        (10, 0, "main"),
    ],
)
def test_scope(line: int, column: int, scope: str) -> None:
    assert query_at("a.py", TEXT, line, column, facts=facts()).scope == scope


@pytest.mark.parametrize(("blank", "scope"), [(8, "Parser.feed"), (4, "Parser"), (0, "")])
def test_a_new_line_after_a_body_belongs_to_it_by_indentation(blank: int, scope: str) -> None:
    text = TEXT.replace("return value\n\n", "return value\n" + " " * blank + "\n")
    assert query_at("a.py", text, 7, blank, facts=facts()).scope == scope


def test_prefix_and_suffix_meet_at_the_cursor() -> None:
    query = query_at("a.py", TEXT, 5, 16, facts=None)
    assert query.prefix + query.suffix == TEXT
    assert query.prefix.endswith("        value = ")
    assert query.language == "python"


def test_columns_are_characters_and_a_carriage_return_is_none() -> None:
    query = query_at("a.py", "né = 1\r\nx", 1, 6, facts=None)
    assert query.prefix == "né = 1"
    with pytest.raises(PositionError, match="columns 0 to 6"):
        query_at("a.py", "né = 1\r\nx", 1, 7, facts=None)


@pytest.mark.parametrize(("line", "column"), [(0, 0), (12, 0), (-1, 0), (1, 10), (1, -1)])
def test_positions_outside(line: int, column: int) -> None:
    with pytest.raises(PositionError) as caught:
        query_at("a.py", TEXT, line, column, facts=None)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_an_empty_file_has_one_place() -> None:
    query = query_at("a.py", "", 1, 0, facts=None)
    assert (query.prefix, query.suffix, query.identifiers, query.scope) == ("", "", (), "")


def test_names_nearest_first() -> None:
    references = (
        Reference("os.path", "name", 1, 0, ""),
        Reference("self.vocab.lookup", "call", 5, 0, "Parser.feed"),
        Reference("run", "call", 10, 0, "main"),
    )
    query = query_at("a.py", TEXT, 6, 14, facts=facts(*references))
    # the current line is read as text, keywords are no names
    assert query.identifiers == ("value", "self.vocab.lookup", "os.path", "run")


def test_names_without_facts_come_from_the_text() -> None:
    query = query_at("a.txt", "alpha.beta 'quoted' # comment\ngamma(", 2, 6, facts=None)
    assert query.identifiers == ("gamma", "alpha.beta")


@given(text=st.text(max_size=200), data=st.data())
def test_any_text_and_any_place_in_it(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(0, len(lines[line - 1].removesuffix("\r"))))
    query = query_at("a.py", text, line, column, facts=None)
    assert query.prefix + query.suffix == text
    assert query.prefix.count("\n") == line - 1
    assert len(query.identifiers) <= MAX_IDENTIFIERS
