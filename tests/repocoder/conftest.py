"""Builders that several test files of this package use."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from repocoder.models import EMBEDDED_FILE


def pack_string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def pack_value(value: Any) -> bytes:
    """Type and value, as GGUF has them in its metadata."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<Ii", 5, value) if value < 0 else struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + pack_string(value)
    if value and isinstance(value[0], int):
        return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(pack_string, value))


def gguf_bytes(
    metadata: Mapping[str, Any], tokens: Sequence[str] = (), *, control: Sequence[str] | None = None
) -> bytes:
    """A small sound GGUF: header, metadata, vocabulary and one 32-value tensor.

    `control` names the tokens of type "control"; without it the file has no token types.
    """
    entries = {"general.architecture": "llama", "llama.context_length": 512, **metadata}
    if tokens:
        entries["tokenizer.ggml.tokens"] = list(tokens)
    if control is not None:
        entries["tokenizer.ggml.token_type"] = [3 if token in control else 1 for token in tokens]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries))
    head += b"".join(pack_string(key) + pack_value(value) for key, value in entries.items())
    head += pack_string("output.weight") + struct.pack("<IQIQ", 1, 32, 0, 0)
    head += b"\0" * (-len(head) % 32)
    return head + b"\0" * 128


@pytest.fixture
def write_gguf(tmp_path: Path) -> Callable[..., Path]:
    """Write a small sound GGUF; takes the arguments of `gguf_bytes` and the file's `name`."""

    def write(metadata: Mapping[str, Any], *rest: Any, name: str = "model.gguf", **options: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(gguf_bytes(metadata, *rest, **options))
        return path

    return write


@pytest.fixture(scope="session")
def embedded_gguf() -> Path:
    return EMBEDDED_FILE
