"""The tokenizer: round trip, control ids, and llama.cpp's own splitting of the same vocabulary."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from repocoder.llm.fake import CONTROL_TOKENS
from training.completion.export import write_gguf
from training.completion.model import SHAPES, Decoder
from training.completion.records import Source
from training.completion.tokenizer import main, texts_of, train_tokenizer
from training.completion.vocabulary import Vocabulary
from training.completion.weights import save

CODE = Path(__file__).read_text()
TEXTS = [
    CODE,
    "def f(x):\r\n\treturn  x  \n\n\n        y = 12345.678e-9  # größe, naïve, 数据\n",
    "it's we'LL don't I'M \t\t  \n   \n x<|file_sep|>y <|endoftext|>",
    "a = {'b': [1,2,3]}; c!=d->e::f //g /*h*/ \u00a0\u2003z e\u0301 🙂👩‍💻",
    "\n\n    \n\tclass A(B):\n\n\n\tpass   ",
]  # fmt: skip

LLAMA = """
import json, sys
from llama_cpp import Llama
model = Llama(sys.argv[1], vocab_only=True, verbose=False)
texts = json.load(sys.stdin)
print(json.dumps([model.tokenize(text.encode(), add_bos=False, special=False) for text in texts]))
"""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([CODE, *TEXTS], 600)


@given(text=st.text())
def test_any_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_control_tokens_have_the_first_ids_and_bytes_follow(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(name) for name in CONTROL_TOKENS] == list(range(7))
    assert tokenizer.get_vocab_size() == 600
    assert len(tokenizer.encode("\x00\x7f\u07ff").ids) == 4


def test_llama_cpp_splits_the_same_vocabulary_equally(tokenizer: Tokenizer, tmp_path: Path) -> None:
    data = tokenizer.to_str().encode()
    save(tmp_path / "model", Decoder(SHAPES["tiny"]), data, {"name": "tiny", "steps": 0, "tokens": 0})
    write_gguf(tmp_path / "model", tmp_path / "tiny.gguf")
    command = [sys.executable, "-c", LLAMA, str(tmp_path / "tiny.gguf")]
    found = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True, check=True)
    vocabulary = Vocabulary(tmp_path / "model" / "tokenizer.json")
    assert json.loads(found.stdout) == vocabulary.tokenize_many(TEXTS)


def test_the_command_reads_the_train_split_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = []
    for split, word in (("train", "marigold"), ("test", "buttercup")):
        path = tmp_path / "corpus" / "packages" / split / "a.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"{word} = {word}\n" * 50)
        sources.append(Source(split, "a.py", "python", path.stat().st_size, split))
    listing = tmp_path / "corpus" / "files.jsonl"
    listing.write_bytes(b"".join(msgspec.json.encode(source) + b"\n" for source in sources))
    assert main(["--work", str(tmp_path), "--size", "300"]) == 0
    words = json.loads((tmp_path / "tokenizer" / "300" / "tokenizer.json").read_text())["model"]["vocab"]
    assert "marigold" in words and "buttercup" not in words
    assert "entries" in capsys.readouterr().out
    assert len(list(texts_of(tmp_path, sources, 0.0001, seed=1))) == 1
