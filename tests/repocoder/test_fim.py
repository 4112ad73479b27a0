"""Templates: found in small GGUFs of each family, and the exact id sequences of their prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocoder.errors import ModelError
from repocoder.fim import (
    FAMILIES,
    Infill,
    Part,
    Template,
    VocabFacts,
    assemble,
    detect,
    facts_of,
    lay_out,
    render_snippet,
)
from repocoder.gguf import read_header

QWEN = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>"]
QWEN += ["<|file_sep|>"]
GEMMA = ["<bos>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>"]
STAR = [
    "<|endoftext|>",
    "<fim_prefix>",
    "<fim_middle>",
    "<fim_suffix>",
    "<fim_pad>",
    "<repo_name>",
    "<file_sep>",
]
DEEPSEEK = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"]  # noqa: RUF001

# name -> vocabulary, metadata, the prompt with and without a snippet; «…» is a control token
CASES = {
    "qwen2.5-coder": (
        QWEN,
        {},
        "«<|repo_name|>»demo\n«<|file_sep|>»a.py\nA = 1\n«<|file_sep|>»b.py\n"
        "«<|fim_prefix|>»P«<|fim_suffix|>»S«<|fim_middle|>»",
        "«<|repo_name|>»demo\n«<|file_sep|>»b.py\n«<|fim_prefix|>»P«<|fim_suffix|>»S«<|fim_middle|>»",
    ),
    "repocoder": (
        QWEN,
        {"general.name": "repocoder-seed-7m"},
        "«<|file_sep|>»a.py\nA = 1\n«<|file_sep|>»b.py\n«<|fim_prefix|>»«<|fim_suffix|>»S«<|fim_middle|>»P",
        "«<|file_sep|>»b.py\n«<|fim_prefix|>»«<|fim_suffix|>»S«<|fim_middle|>»P",
    ),
    "starcoder2": (
        STAR,
        {},
        "«<repo_name>»demo«<file_sep>»a.py\nA = 1\n"
        "«<file_sep>»«<fim_prefix>»b.py\nP«<fim_suffix>»S«<fim_middle>»",
        "«<repo_name>»demo«<file_sep>»«<fim_prefix>»b.py\nP«<fim_suffix>»S«<fim_middle>»",
    ),
    "codegemma": (
        GEMMA,
        {"tokenizer.ggml.bos_token_id": 0, "tokenizer.ggml.add_bos_token": True},
        "«<bos>»a.py\nA = 1\n«<|file_separator|>»b.py\n«<|fim_prefix|>»P«<|fim_suffix|>»S«<|fim_middle|>»",
        "«<bos>»«<|fim_prefix|>»P«<|fim_suffix|>»S«<|fim_middle|>»",
    ),
    "deepseek-coder": (
        DEEPSEEK,
        {},
        "«<｜fim▁begin｜>»#a.py\nA = 1\n\n#b.py\nP«<｜fim▁hole｜>»S«<｜fim▁end｜>»",  # noqa: RUF001
        "«<｜fim▁begin｜>»P«<｜fim▁hole｜>»S«<｜fim▁end｜>»",  # noqa: RUF001
    ),
    "codellama": (
        ["<s>", "▁<PRE>", "▁<SUF>", "▁<MID>"],
        {"tokenizer.ggml.model": "llama", "tokenizer.ggml.bos_token_id": 0},
        "«<s>»«▁<PRE>»# a.py\n# A = 1\nP«▁<SUF>»S«▁<MID>»",
        "«<s>»«▁<PRE>»P«▁<SUF>»S«▁<MID>»",
    ),
    "codestral": (
        ["<s>", "[SUFFIX]", "[PREFIX]"],
        {"tokenizer.ggml.model": "llama", "tokenizer.ggml.bos_token_id": 0},
        "«<s>»«[SUFFIX]»S«[PREFIX]»+++++ a.py\nA = 1\n+++++ b.py\nP",
        "«<s>»«[SUFFIX]»S«[PREFIX]»P",
    ),
    "seed-coder": (
        ["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"],
        {},
        "«<[fim-suffix]>»S«<[fim-prefix]>»# a.py\nA = 1\n\nP«<[fim-middle]>»",
        "«<[fim-suffix]>»S«<[fim-prefix]>»P«<[fim-middle]>»",
    ),
    "granite-code": (
        STAR[:5],
        {},
        "«<fim_prefix>»# a.py\n# A = 1\nP«<fim_suffix>»S«<fim_middle>»",
        "«<fim_prefix>»P«<fim_suffix>»S«<fim_middle>»",
    ),
    "granite": (
        QWEN[:5],
        {},
        "«<|fim_prefix|>»# a.py\n# A = 1\nP«<|fim_suffix|>»S«<|fim_middle|>»",
        "«<|fim_prefix|>»P«<|fim_suffix|>»S«<|fim_middle|>»",
    ),
    "santacoder": (
        ["<fim-prefix>", "<fim-suffix>", "<fim-middle>"],
        {},
        "«<fim-prefix>»# a.py\n# A = 1\nP«<fim-suffix>»S«<fim-middle>»",
        "«<fim-prefix>»P«<fim-suffix>»S«<fim-middle>»",
    ),
    "metadata": (
        ["a", "b", "c"],
        {"tokenizer.ggml.prefix_token_id": 0, "tokenizer.ggml.fim_suf_token_id": 2},
        "«a»# a.py\n# A = 1\nP«c»S",
        "«a»P«c»S",
    ),
    "none": (["<s>", "a"], {}, "# a.py\n# A = 1\nP", "P"),
}

FIRST_CHARACTER = 1000  # ids of the letters of the fake tokenizer begin here


def encode(texts: Sequence[str]) -> list[list[int]]:
    return [[FIRST_CHARACTER + ord(letter) for letter in text] for text in texts]


def show(ids: Sequence[int], vocabulary: Sequence[str]) -> str:
    return "".join(
        chr(number - FIRST_CHARACTER) if number >= FIRST_CHARACTER else f"«{vocabulary[number]}»"
        for number in ids
    )


def passage(text: str) -> Part:
    return Part(text, tuple(encode([text])[0]))


def prompt_of(template: Template, snippets: Sequence[tuple[str, str]] = ()) -> tuple[int, ...]:
    rendered = tuple(passage(render_snippet(template, path, text, "#")) for path, text in snippets)
    infill = Infill("demo", rendered, "b.py", passage("P"), passage("S"))
    return assemble(template, infill, encode)[0]


@pytest.mark.parametrize("name", CASES)
def test_each_family_is_found_in_a_file_and_lays_out_its_own_sequence(
    name: str, write_gguf: Callable[..., Path]
) -> None:
    vocabulary, metadata, with_snippet, without = CASES[name]
    template = detect(facts_of(read_header(write_gguf(metadata, vocabulary, control=vocabulary))))
    assert template.name == name
    assert show(prompt_of(template, [("a.py", "A = 1\n")]), vocabulary) == with_snippet
    assert show(prompt_of(template), vocabulary) == without


def test_every_family_of_the_table_has_a_case() -> None:
    assert {family.name for family in FAMILIES} <= set(CASES)


def test_metadata_wins_over_the_vocabulary_and_the_override_over_both() -> None:
    ids = {text: number for number, text in enumerate(QWEN)}
    facts = VocabFacts(ids, {"prefix": 100, "pad": 104})
    assert detect(facts).ids["prefix"] == 100
    assert detect(facts).ids["suffix"] == 3
    chosen = detect(facts, {"prefix": "<|fim_pad|>"})
    assert (chosen.name, chosen.ids["prefix"], chosen.layout) == ("override", 4, "repository")
    for bad in ({"prefix": "<nowhere>"}, {"nose": "<|fim_pad|>"}):
        with pytest.raises(ModelError, match="template override"):
            detect(facts, bad)


def test_tokens_that_begin_another_file_end_a_completion(embedded_gguf: Path) -> None:
    template = detect(facts_of(read_header(embedded_gguf)))
    assert (template.name, template.max_snippets, template.bos) == ("repocoder", 4, None)
    assert template.end_ids == {0, 4, 5, 6}
    assert template.control_ids == set(range(7))


def test_empty_parts_leave_no_trace() -> None:
    template = detect(VocabFacts({text: number for number, text in enumerate(QWEN)}, {}))
    parts = lay_out(template, Infill("demo", (), "b.py", Part("", ()), Part("", ())))
    assert [part.text for part in parts][-3:] == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.integers(0, 6), max_size=9))
def test_text_never_becomes_a_control_id(path: str, repo_name: str, evil: list[int]) -> None:
    """Even where the tokenizer itself gives control ids for a text."""
    ids = {text: number for number, text in enumerate(QWEN)}
    template = detect(VocabFacts(ids, {}, end_ids=frozenset({0})))
    infill = Infill(repo_name, (), path, passage("P"), passage("S"))
    ids, _ = assemble(template, infill, lambda texts: [[*evil, 2000] for _ in texts])
    assert [number for number in ids if number < FIRST_CHARACTER] == [5, 6, 1, 3, 2]
