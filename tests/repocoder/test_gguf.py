"""The header reader: real file, small files, and some hundred damaged ones."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from repocoder.errors import ModelError
from repocoder.fim import EMBEDDED_MARK
from repocoder.gguf import MAX_STRINGS, TYPE_SIZES, read_header
from repocoder.models import EMBEDDED, EMBEDDED_CTX

N_DAMAGED = 400
LIMIT_S = 3.0  # 0.5 s is promised on a machine that is not overloaded

SMALL = {"general.name": "small", "tokenizer.ggml.eos_token_id": 0}


def test_the_embedded_model_is_read_as_its_card_says(embedded_gguf: Path) -> None:
    header = read_header(embedded_gguf)
    assert EMBEDDED_MARK in header.name and header.architecture in ("llama", "qwen3")
    assert header.n_ctx >= EMBEDDED_CTX
    assert f"{header.n_parameters / 1e6:.1f} M parameters" in dict(EMBEDDED.facts)["architecture"]
    assert f"{len(header.tokens):,} entries" in dict(EMBEDDED.facts)["tokenizer"]
    assert len(header.tokens) == len(header.token_types)
    assert header.tokens[:4] == (b"<|endoftext|>", b"<|fim_prefix|>", b"<|fim_middle|>", b"<|fim_suffix|>")
    assert header.token_types[:8] == (3, 3, 3, 3, 3, 3, 3, 1)
    assert header.metadata["tokenizer.ggml.fim_sep_token_id"] == 6


def test_a_small_file_of_our_own_writer_is_read(write_gguf: Callable[..., Path]) -> None:
    path = write_gguf({**SMALL, "x.list": ["a", "b"], "x.f": 0.5, "x.b": True}, ["<s>", "é"], control=["<s>"])
    header = read_header(path)
    assert (header.name, header.n_ctx, header.tokens, header.token_types) == (
        "small",
        512,
        (b"<s>", "é".encode()),
        (3, 1),
    )
    assert header.metadata["x.list"] == ("a", "b")
    assert header.metadata["x.f"] == 0.5 and header.metadata["x.b"] is True


def test_our_table_of_tensor_types_is_the_runtimes() -> None:
    code = (
        "import ctypes, json, pathlib, llama_cpp\n"
        "g = ctypes.CDLL(str(pathlib.Path(llama_cpp.__file__).parent / 'lib' / 'libggml-base.so'))\n"
        "g.ggml_blck_size.restype = ctypes.c_int64; g.ggml_type_size.restype = ctypes.c_size_t\n"
        f"print(json.dumps([[k, g.ggml_blck_size(k), g.ggml_type_size(k)] for k in {sorted(TYPE_SIZES)}]))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {kind: (block, size) for kind, block, size in json.loads(answer)} == TYPE_SIZES


def _patched(data: bytes, at: int, code: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(code, changed, at, value)
    return bytes(changed)


def test_named_damages_are_named(write_gguf: Callable[..., Path]) -> None:
    path = write_gguf(SMALL, ["<s>", "a"])
    sound = path.read_bytes()
    tensor = sound.index(b"output.weight") + len("output.weight")
    cases = {
        b"": "not a GGUF",
        b"GGU": "not a GGUF",
        b"GGML" + sound[4:]: "not a GGUF",
        _patched(sound, 4, "<I", 1): "version 1",
        _patched(sound, 4, "<I", 0x03000000): "version",
        _patched(sound, 8, "<Q", 1 << 60): "tensors",
        _patched(sound, 8, "<Q", 0): "tensors",
        _patched(sound, 16, "<Q", 1 << 62): "metadata entries",
        _patched(sound, 24, "<Q", 1 << 63): "bytes",
        _patched(sound, tensor, "<I", 9): "dimensions",
        _patched(sound, tensor + 4, "<Q", 0): "shape",
        _patched(sound, tensor + 4, "<Q", 1 << 61): "cut off",
        _patched(sound, tensor + 12, "<I", 5): "unknown type 5",
        _patched(sound, tensor + 16, "<Q", 32): "cut off",
        _patched(sound, tensor + 16, "<Q", 1): "offset",
        _patched(sound, tensor + 16, "<Q", 1 << 63): "offset",
        sound[:-1]: "cut off",
        sound[:40]: "cut off",
    }
    for data, words in cases.items():
        path.write_bytes(data)
        with pytest.raises(ModelError, match=words) as caught:
            read_header(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        assert caught.value.exit_code == 4


def test_ids_outside_the_vocabulary_are_refused(write_gguf: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="fim_pre_token_id is 7"):
        read_header(write_gguf({"tokenizer.ggml.fim_pre_token_id": 7}, ["<s>", "a"]))


def test_endless_counts_end_at_once(write_gguf: Callable[..., Path]) -> None:
    path = write_gguf({"x.zeros": ["a"], "general.name": "n"})
    sound = path.read_bytes()
    count_at = sound.index(b"x.zeros") + len("x.zeros") + 8
    started = time.monotonic()
    for count in (1 << 40, (1 << 20) + 1, MAX_STRINGS + 1):
        path.write_bytes(_patched(sound, count_at, "<Q", count) + b"\0" * (8 << 20))
        with pytest.raises(ModelError):
            read_header(path)
    assert time.monotonic() - started < LIMIT_S


def test_damaged_headers_are_refused_or_read_quickly_and_never_raise_anything_else(
    embedded_gguf: Path, tmp_path: Path
) -> None:
    """Truncations, bit flips and overwritten stretches. The worker's own test loads what passes."""
    size = embedded_gguf.stat().st_size
    sound = embedded_gguf.read_bytes()[: read_header(embedded_gguf).data_offset]
    chance = random.Random(7)
    path = tmp_path / "damaged.gguf"
    refused = 0
    slowest = 0.0
    for number in range(N_DAMAGED):
        path.write_bytes(damage(sound, chance))
        os.truncate(path, chance.randrange(size) if number % 4 == 0 else size)  # the weights may well be zero
        started = time.monotonic()
        try:
            read_header(path)
        except ModelError:
            refused += 1
        slowest = max(slowest, time.monotonic() - started)
    assert refused > N_DAMAGED // 3  # flips within token texts and numbers cannot be seen in a header
    assert slowest < LIMIT_S


def damage(sound: bytes, chance: random.Random) -> bytes:
    """One damaged copy: a flipped bit, a run of random bytes, or an absurd number."""
    at = chance.randrange(len(sound)) if chance.random() < 0.5 else chance.randrange(1200)
    changed = bytearray(sound)
    kind = chance.randrange(3)
    if kind == 0:
        changed[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        changed[at : at + 8] = chance.randbytes(8)
    else:
        changed[at : at + 8] = struct.pack("<Q", chance.choice([0, 1 << 31, 1 << 62, (1 << 64) - 1]))
    return bytes(changed)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(ModelError):
            read_header(path)
    assert time.monotonic() - started < LIMIT_S


def test_it_does_not_need_the_runtime() -> None:
    code = "import sys, repocoder.gguf; assert not {'llama_cpp', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
