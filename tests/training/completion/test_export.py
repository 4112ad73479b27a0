"""Exported models in llama.cpp itself: the same tokens, logits and greedy text as in PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import pre_tokenizers

from repocoder import models
from repocoder.fim import detect, facts_of
from repocoder.gguf import read_header
from repocoder.llm.gate import gate_tokens
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import open_generator
from training.completion.export import TYPES, main, read_vocabulary, write_gguf
from training.completion.initial import byte_level
from training.completion.model import SHAPES, Decoder, Shape
from training.completion.parity import compare
from training.completion.weights import TrainingError, save

SOURCES = Path(__file__).parent
CONTROL = ["<|endoftext|>", *(f"<|fim_{role}|>" for role in ("prefix", "middle", "suffix", "pad"))]
CONTROL += ["<|repo_name|>", "<|file_sep|>"]
ENTRIES = 320  # bytes, control tokens, merges, and some that are unused
MERGES = [
    ("Ġ", "Ġ"),
    ("ĠĠ", "ĠĠ"),
    ("i", "n"),
    ("s", "e"),
    ("se", "l"),
    ("sel", "f"),
    ("Ġ", "="),
    ("e", "r"),
    ("t", "h"),
]

LLAMA = Shape("llama", ENTRIES, 64, 2, 2, 2, 32, 176, 512)
QWEN3 = Shape(
    "qwen3", ENTRIES, 96, 2, 4, 2, 32, 192, 512, rope_base=50_000.0
)  # heads wider than the stream, grouped


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tokenizer(control: list[str] = CONTROL) -> bytes:
    texts = [*control, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in MERGES)]
    vocabulary = {text: number for number, text in enumerate(texts)}
    return byte_level(vocabulary, MERGES, control).to_str().encode()


def folder_of(
    shape: Shape, place: Path, *, seed: int = 0, control: list[str] = CONTROL, **facts: object
) -> Path:
    """A decoder whose weights are random everywhere, so that each of them matters for the logits."""
    torch.manual_seed(seed)
    model = Decoder(shape)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.uniform_(0.5, 1.5)
            else:
                weight.normal_(std=0.3 if name == "token_embd.weight" else 1.2 / weight.shape[1] ** 0.5)
    save(
        place, model, tokenizer(control), {"name": place.name, "tokens": 7_000_000_000, "loss": 1.5, **facts}
    )
    return place


@pytest.mark.parametrize("shape", [LLAMA, QWEN3], ids=lambda shape: shape.architecture)
def test_the_same_text_and_logits_as_pytorch(shape: Shape, tmp_path: Path) -> None:
    folder, file = folder_of(shape, tmp_path / "model"), tmp_path / "model.gguf"
    write_gguf(folder, file, "F32")
    found = compare(folder, file, count=5, new=24, sources=SOURCES)
    assert (found.prompts, found.tokenised_apart, found.file_type) == (5, 0, "F32")
    assert found.exact.equal == found.exact.texts == 5 and found.exact.tokens >= 60
    assert found.largest_difference < 1e-3 * found.spread
    assert found.product.equal == found.product.texts == 5  # though its cache is in F16


def test_the_shape_of_the_first_model(tmp_path: Path) -> None:
    shape = SHAPES["7m"]
    folder, file = folder_of(shape, tmp_path / "model"), tmp_path / "model.gguf"
    write_gguf(folder, file, "F32")
    assert read_header(file).n_parameters == shape.parameters
    found = compare(folder, file, count=1, new=4, sources=SOURCES)
    assert found.exact.equal == 1 and found.largest_difference < 1e-3 * found.spread


def test_a_file_of_other_weights_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, report = tmp_path / "model.gguf", tmp_path / "parity.json"
    write_gguf(folder_of(LLAMA, tmp_path / "model"), file, "F32")
    other = folder_of(LLAMA, tmp_path / "other", seed=1)
    arguments = ["--check", str(other), str(file), "--prompts", "2", "--new", "4", "--sources", str(SOURCES)]
    assert main([*arguments, "--json", str(report)]) == 1
    assert "0 of 2 equal" in capsys.readouterr().out
    assert json.loads(report.read_text())["largest_difference"] > 1
    assert main(["--check", str(folder_of(QWEN3, tmp_path / "third")), str(file)]) == 2


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_loads_and_completes(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through `models add` and the product's worker."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    file = tmp_path / f"own-{kind}.gguf"
    write_gguf(folder_of(QWEN3, tmp_path / "model"), file, kind)
    models.add(file)
    generator = open_generator(file.stem, threads=1)
    try:
        ids = generator.vocab.template.ids
        prompt = (ids["file"], *generator.tokenize("a.py\n"), ids["prefix"], ids["suffix"], ids["middle"])
        done = generator.generate(GenerateRequest((*prompt, *generator.tokenize("def f(self):")), 8))
    finally:
        generator.close()
    assert 0 < len(done.token_ids) <= 8 and done.mean_logprob is not None


def test_smaller_types_are_smaller_and_close(tmp_path: Path) -> None:
    folder, sizes, differences = folder_of(QWEN3, tmp_path / "model"), [], []
    for kind in ("F32", "Q8_0", "Q5_0", "Q4_0"):
        file = tmp_path / f"{kind}.gguf"
        write_gguf(folder, file, kind)
        sizes.append(file.stat().st_size)
        differences.append(compare(folder, file, count=1, new=2, sources=SOURCES).mean_difference)
    assert sizes == sorted(sizes, reverse=True) and differences == sorted(differences)


def test_what_the_header_says(tmp_path: Path) -> None:
    folder = folder_of(LLAMA, tmp_path / "tiny-3", gate=True, gate_threshold=0.25)
    file = tmp_path / "model.gguf"
    write_gguf(folder, file)
    header = read_header(file)
    template = detect(facts_of(header))
    assert (header.name, header.n_ctx, template.name) == ("repocoder-tiny-3", 512, "repocoder")
    assert {role: header.tokens[number].decode() for role, number in template.ids.items()} == {
        "prefix": "<|fim_prefix|>", "suffix": "<|fim_suffix|>", "middle": "<|fim_middle|>",
        "pad": "<|fim_pad|>", "repo": "<|repo_name|>", "file": "<|file_sep|>",
    }  # fmt: skip
    assert 0 in template.end_ids and header.metadata["general.license"] == "apache-2.0"
    assert header.metadata["repocoder.training.tokens"] == 7_000_000_000
    assert header.metadata["repocoder.training.loss"] == 1.5
    assert header.token_types[:8] == (3, 3, 3, 3, 3, 3, 3, 1) and header.token_types[-1] == 5
    gate = gate_tokens(header)
    assert gate is not None and (gate.question, gate.yes, gate.no, gate.threshold) == (5, 6, 2, 0.25)
    again = tmp_path / "again.gguf"
    write_gguf(folder, again)
    assert again.read_bytes() == file.read_bytes()
    write_gguf(folder_of(LLAMA, tmp_path / "plain"), file)
    assert gate_tokens(read_header(file)) is None


def test_what_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(LLAMA, tmp_path / "model", control=CONTROL[:-1])
    assert main([str(folder), str(tmp_path / "model.gguf")]) == 2
    assert "<|file_sep|>" in capsys.readouterr().err
    assert main([str(tmp_path / "nothing"), str(tmp_path / "model.gguf")]) == 2
    assert list(tmp_path.glob("*.gguf")) == list(tmp_path.glob("*.part")) == []
    with pytest.raises(TrainingError, match="not its tokenizer"):
        read_vocabulary(tokenizer(), 100)
    changed = json.loads(tokenizer()) | {"normalizer": {"type": "NFC"}}
    with pytest.raises(TrainingError, match="byte-level BPE"):
        read_vocabulary(json.dumps(changed).encode(), ENTRIES)
