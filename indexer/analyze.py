"""One file's bytes -> its facts, its masked bytes and the words of its chunks. Runs in parse workers."""

from __future__ import annotations

import msgspec

from indexer.chunk import chunk_lines, chunk_tree
from indexer.grammar import Budget, BudgetError, Syntax, syntax_of
from indexer.languages import PLAIN_TEXT, language_in
from indexer.secrets import mask
from indexer.source import Source
from indexer.symbols import Extracted, extract, file_symbol
from indexer.types import ChunkFact, FileFacts
from indexer.words import Words, find_words

GENERATED_HEAD_BYTES = 1024  # where a generator leaves its mark
PARSE_SHARE = 0.5  # of the budget; masking before it and counting after it are linear in the size
MINIFIED_LINE_BYTES = 5000  # mean length of a line above which nobody wrote it by hand
_MARKS = (b"@" + b"generated", b"DO NOT" + b" EDIT")  # in two parts, so that this file does not bear them


class Analysis(msgspec.Struct, frozen=True):
    """What one file yields."""

    facts: FileFacts
    masked: bytes
    words: Words


def reason_by_content(data: bytes) -> str:
    """The skip reason that a file's bytes give, "" for none."""
    if b"\0" in data:
        return "binary"
    head = data[:GENERATED_HEAD_BYTES]
    if any(mark in head for mark in _MARKS):
        return "generated"
    if len(data) > MINIFIED_LINE_BYTES and len(data) > MINIFIED_LINE_BYTES * (data.count(b"\n") + 1):
        return "generated"
    return ""


def analyze(
    path: str, data: bytes, *, budget_s: float, resident_bytes: int = 0, every_use: bool = False
) -> Analysis:
    """Facts of `data`, which is text. Never raises for what is in it: what is too costly to parse becomes line chunks.

    `every_use`: see `indexer.symbols.extract`.
    """
    language = language_in(path, data) or PLAIN_TEXT
    source = Source(mask(data, config=not language.grammar))
    degraded = ""
    chunks: tuple[ChunkFact, ...] = ()
    extracted = Extracted((file_symbol(source),), (), (), ())
    if language.grammar:
        try:
            syntax = syntax_of(language)  # loaded once, in up to a second that no file has to pay
            budget = Budget(budget_s * PARSE_SHARE, resident_bytes)
            chunks, extracted = _parse(syntax, source, budget, every_use)
        except BudgetError as error:
            degraded = error.reason
        except MemoryError:
            degraded = "parse-memory"
    if degraded or not language.grammar:
        chunks = chunk_lines(source)
    facts = FileFacts(
        path,
        language.name,
        source.n_lines,
        chunks,
        extracted.symbols,
        extracted.references,
        extracted.imports,
        extracted.bindings,
        degraded,
        extracted.package,
    )
    spans = [(chunk.span.start_byte, chunk.span.end_byte) for chunk in chunks]
    return Analysis(facts, source.data, find_words(source.data, spans))


def _parse(
    syntax: Syntax, source: Source, budget: Budget, every_use: bool
) -> tuple[tuple[ChunkFact, ...], Extracted]:
    tree = syntax.parse(source.data, budget)
    extracted = extract(tree, source, syntax, budget, every_use=every_use)
    return chunk_tree(tree, source, extracted.scopes, syntax.language, budget), extracted
