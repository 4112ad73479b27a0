"""Whatever stands in a file of whatever language: bounded time and memory, no crash, exact bytes.

For every language with a grammar, in the real worker; a new row of `indexer.languages` is covered by being there.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.analyze import analyze
from indexer.grammar import Budget, BudgetError, syntax_of
from indexer.languages import LANGUAGES, Language
from indexer.parse import Parsed, ParsePool
from indexer.types import Skip

BUDGET_S = (
    0.7  # of one file; the product gives 2 s, which nothing may exceed even with what the budget does not see
)
CPU_S = 2.0
WORKER_BYTES = 1 << 30
MEGABYTE = 1 << 20

WITH_GRAMMAR = [language for language in LANGUAGES if language.grammar]

# Up to the largest file that is read. Deeper or longer ones are skipped by their size: see the test of 50 MB.
SHAPES: dict[str, bytes] = {
    "one long name": b"x" * 1_040_000,
    "one long line": b"x = 1; " * 140_000,
    "comparisons": b"a<" * 500_000,
    "open ( 1M": b"(" * 1_000_000,
    "open [ 1M": b"[" * 1_000_000,
    "open { 1M": b"{" * 1_000_000,
    "nested ( 1k": b"(" * 1_000 + b")" * 1_000,
    "nested [ 20k": b"[" * 20_000 + b"]" * 20_000,
    "nested { 20k": b"{" * 20_000 + b"}" * 20_000,
    "nested ( 500k": b"(" * 500_000 + b")" * 500_000,
    "calls 20k": b"f(" * 20_000 + b"x" + b")" * 20_000,
    "chains": b"a.b()." * 150_000 + b"c",
    "quotes": b"\"'`" * 300_000,
    "comment opened": b"/*" * 400_000,
    "unary": b"-!" * 400_000 + b"1",
    "classes inside": b"class A { " * 60_000,
    "blocks inside": b"if (x) { " * 60_000,
}

OPENING = {"php": b"<?php "}  # without it all of a file is text


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParsePool]:
    with ParsePool(tmp_path_factory.mktemp("repository"), 1, budget_s=BUDGET_S) as running:
        running.hard_s = (
            120.0  # of the clock, which says nothing on a busy machine; processor time is asked for below
        )
        running.warm_up()
        yield running


def worker_of(pool: ParsePool) -> int:
    assert pool._buffer_worker is not None
    return pool._buffer_worker.child.pid


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
def test_hostile_shapes_stay_within_their_budget(pool: ParsePool, language: Language) -> None:
    path = "hostile" + language.extensions[0]
    pool.parse_buffer(path, b"\n")  # the grammar is loaded
    for shape, data in SHAPES.items():
        worker = worker_of(pool)
        before = cpu_seconds(worker)
        data += b"\n" * (
            len(data) // 4000 + 1
        )  # lines short enough to look written by hand: else it is a skip
        parsed = pool.parse_buffer(path, data)
        assert worker_of(pool) == worker, f"{shape}: the worker died"
        spent = cpu_seconds(worker) - before
        assert spent < CPU_S, f"{shape}: {spent} s"
        assert peak_bytes(worker) < WORKER_BYTES, shape
        assert isinstance(parsed, Parsed), shape
        assert zlib.decompress(parsed.content) == data, shape


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
def test_fifty_megabytes_on_one_line_are_not_parsed(pool: ParsePool, language: Language) -> None:
    path = "line" + language.extensions[0]
    assert pool.parse_buffer(path, b"x" * (50 * MEGABYTE)) == Skip(path, "too-large")


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
def test_a_cancelled_parse_leaves_no_trace_in_the_next_tree(language: Language) -> None:
    syntax = syntax_of(language)
    text = b"class A { int f() { return g(x); } }\n" * 50
    fresh = shape_of(syntax.parse(text, Budget(60)))
    for budget_s in (0.0, 0.002):
        with pytest.raises(BudgetError, match="parse-timeout"):
            syntax.parse(b"a < (b[" * 140_000, Budget(budget_s))
        assert shape_of(syntax.parse(text, Budget(60))) == fresh


def shape_of(tree: object) -> list[tuple[str, int, int]]:
    """All nodes in order, by a cursor: no recursion."""
    cursor = tree.walk()  # type: ignore[attr-defined]
    nodes = []
    while True:
        node = cursor.node
        nodes.append((node.type, node.start_byte, node.end_byte))
        if cursor.goto_first_child() or cursor.goto_next_sibling():
            continue
        while cursor.goto_parent():
            if cursor.goto_next_sibling():
                break
        else:
            return nodes


PIECES = [
    b"class A", b"struct B", b"fn f", b"func g", b"def h", b"function k", b"interface I", b"impl T for U",
    b"enum E", b"namespace n", b"package p", b"import a.b.C;", b"use a::{b, c as d};", b"#include <x.h>",
    b"require 'r'", b"<?php ", b"template <typename T> ", b"@Note ", b"#[derive(X)]", b"public static ",
    b"extends B", b": B", b"(a, b)", b"()", b" {\n", b"}\n", b"{", b"}", b";\n", b"\n", b"\r\n", b"\r",
    b"\t", b" ", b"end\n", b"=", b" => ", b" -> ", b"x.y(z)", b"return x", b"let v: T = new T()", b"$v",
    b"'s'", b'"t"', b"`u`", b'"', b"'", b"`", b"/* c */", b"/*", b"*/", b"// c\n", b"# c\n", b"<", b">",
    b"::", b"->", b"\\", b"\xff\xfe", b"\xef\xbb\xbf", "é".encode(), b"\x0c", b"\x00", b"1", b"if (x) ",
    b"do\n", b"module M\n", b"val w by lazy ", b"object O", b"trait T", b"}}\n",
]  # fmt: skip


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.binary(max_size=600) | st.lists(st.sampled_from(PIECES), max_size=120).map(b"".join))
def test_chunks_tile_any_bytes(language: Language, data: bytes) -> None:
    check_tiles("m" + language.extensions[0], data)


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
def test_large_files_are_tiled_too(language: Language) -> None:
    """Long enough for every way of cutting."""
    chance = random.Random(language.name)
    for _ in range(3):
        check_tiles("m" + language.extensions[0], b" ".join(chance.choices(PIECES, k=6000)))


def check_tiles(path: str, data: bytes) -> None:
    analysis = analyze(path, data, budget_s=60)
    facts = analysis.facts
    assert (
        b"".join(analysis.masked[c.span.start_byte : c.span.end_byte] for c in facts.chunks)
        == analysis.masked
    )
    assert len(analysis.masked) == len(data)
    line = 1
    for chunk in facts.chunks:
        assert chunk.span.start_line == line
        assert data[: chunk.span.start_byte].count(b"\n") == line - 1
        line = chunk.span.end_line + 1
    assert line - 1 == facts.n_lines
    for symbol in facts.symbols:
        assert 0 <= symbol.span.start_byte <= symbol.span.end_byte <= len(data)
        assert 1 <= symbol.span.start_line <= symbol.span.end_line <= max(facts.n_lines, 1)
    assert analyze(path, data, budget_s=60).facts == facts, "deterministic"


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.name)
def test_odd_encodings_are_exact(pool: ParsePool, language: Language) -> None:
    path = "odd" + language.extensions[0]
    for data in (
        b"\xef\xbb\xbfx = 1;\r\ny = 2;\r\n",
        b"x = '\xff\xfe';\n",
        b"a;\rb;\rc",
        b"x = 1",
        "é = 'ü';\n".encode(),
    ):
        parsed = pool.parse_buffer(path, data)
        assert isinstance(parsed, Parsed)
        assert zlib.decompress(parsed.content) == data
        assert b"".join(data[c.span.start_byte : c.span.end_byte] for c in parsed.facts.chunks) == data
    for data in (b"x = 1;\n" * 2000 + b"\x00", "x = 1;\n".encode("utf-16")):
        assert pool.parse_buffer(path, data) == Skip(path, "binary")
