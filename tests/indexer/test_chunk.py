"""Chunks tile their file, follow its definitions, and have a useful size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.analyze import analyze
from indexer.chunk import LEAF_BYTES, MAX_BYTES
from indexer.types import ChunkFact

LINES = [
    b"def f(a, b):\n", b"    return a\n", b"class A(B):\n", b"    def g(self):\n", b"        x = 1\n",
    b"\n", b"# note\n",
    b"    # inner\n", b"@deco\n", b"    @deco\n", b"if x:\n", b"x = [\n", b"1,\n", b"]\n", b'"""\n',
    b"\r\n", b"(\n", b"\t\n",
    b"a = 1; b = 2\n", b"try:\n", b"except E:\n", b"    pass\n", b"\xff\xfe\n", "é = 'ü'\n".encode(),
    b"\x0c\n", b"\\\n",
    b"x = " + b"1 + " * 60 + b"1\n", b"    y = '" + b"z" * 300 + b"'\n",
]  # fmt: skip


def tiles(data: bytes, path: str = "m.py") -> tuple[ChunkFact, ...]:
    """The chunks, after checking what must hold for any bytes."""
    analysis = analyze(path, data, budget_s=60)
    chunks = analysis.facts.chunks
    assert b"".join(analysis.masked[c.span.start_byte : c.span.end_byte] for c in chunks) == analysis.masked
    assert len(analysis.masked) == len(data)
    line = 1
    for chunk in chunks:
        span = chunk.span
        assert span.start_line == line
        assert span.end_line >= span.start_line
        assert data[: span.start_byte].count(b"\n") == line - 1, "chunks start at the start of a line"
        line = span.end_line + 1
    assert line - 1 == analysis.facts.n_lines
    assert len(analysis.words.sizes) == 4 * len(chunks)
    assert chunks == analyze(path, data, budget_s=60).facts.chunks, "deterministic"
    return chunks


@given(st.binary(max_size=3000) | st.lists(st.sampled_from(LINES), max_size=150).map(b"".join))
@example(b"")
@example(b"\n\n\n")
@example(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
@example(b"def f():\n" + b"    x = 1\n" * 400)
def test_chunks_tile_any_bytes(data: bytes) -> None:
    tiles(data)
    tiles(data, "notes.md")


def test_own_code_is_tiled(request: pytest.FixtureRequest) -> None:
    for file in sorted((Path(request.config.rootpath) / "indexer").glob("*.py")):
        for chunk in tiles(file.read_bytes()):
            assert chunk.span.end_byte - chunk.span.start_byte <= LEAF_BYTES + MAX_BYTES


def body(lines: int, indent: str = "    ", word: str = "value") -> str:
    return "".join(f"{indent}{word}_{i} = compute_something({i}, other={i})\n" for i in range(lines))


def described(text: str) -> list[tuple[str, str, str]]:
    lines = text.splitlines()
    return [(c.kind, c.name, lines[c.span.start_line - 1].strip()) for c in tiles(text.encode())]


def test_functions_are_chunks_with_their_decorators_and_comments() -> None:
    text = (
        "import os\n"
        + "X = 1\n" * 20
        + "\n"
        + "# about f\n@deco\ndef f():\n"
        + body(10)
        + "\n\ndef g():\n"
        + body(10)
    )
    assert described(text) == [
        ("module", "", "import os"),
        ("function", "f", "# about f"),
        ("function", "g", "def g():"),
    ]


def test_a_large_class_is_cut_into_header_and_methods() -> None:
    header = 'class A(Base):\n    """Doc."""\n\n' + body(8, word="field")
    text = (
        header
        + "\n    # note\n    def f(self):\n"
        + body(8, "        ")
        + "\n    def g(self):\n"
        + body(8, "        ")
    )
    assert described(text) == [
        ("class", "A", "class A(Base):"),
        ("method", "A.f", "# note"),
        ("method", "A.g", "def g(self):"),
    ]
    assert [c.signature for c in tiles(text.encode())] == ["", "class A(Base)", "class A(Base)"]


def test_a_large_function_is_cut_between_statements_and_keeps_its_signature() -> None:
    text = "def f(x: int) -> str:\n" + body(30) + "    if x:\n" + body(40, "        ") + "    return x\n"
    chunks = tiles(text.encode())
    assert len(chunks) >= 3
    assert {(c.kind, c.name) for c in chunks} == {("function", "f")}
    assert [c.signature for c in chunks] == [""] + ["def f(x: int) -> str"] * (len(chunks) - 1)
    assert all(c.span.end_byte - c.span.start_byte <= MAX_BYTES for c in chunks)


def test_small_neighbours_are_merged() -> None:
    errors = "".join(f'class Error{i}(Exception):\n    """Number {i}."""\n\n\n' for i in range(5))
    assert [c.kind for c in tiles(errors.encode())] == ["module"]
    small = "class A:\n" + "".join(
        f"    @property\n    def p{i}(self):\n        return self._p{i}\n\n" for i in range(30)
    )
    chunks = tiles(small.encode())
    assert {(c.kind, c.name) for c in chunks} == {("class", "A")}
    assert 2 <= len(chunks) <= 6


def test_definitions_in_blocks_are_seen() -> None:
    text = (
        "if sys.version_info > (3, 11):\n    def f():\n"
        + body(25, "        ")
        + "else:\n    def f():\n"
        + body(25, "        ")
    )
    assert ("function", "f") in {(kind, name) for kind, name, _ in described(text)}


def test_text_is_cut_after_blank_lines() -> None:
    text = ("word " * 12 + "\n") * 8 + "\n" + ("more " * 12 + "\n") * 12 + "\n" + "end\n"
    chunks = tiles((text * 4).encode(), "notes.md")
    assert len(chunks) > 3
    assert all(c.kind == "text" and c.span.end_byte - c.span.start_byte <= MAX_BYTES for c in chunks)
