"""The static encoder: the vectors of sentence-transformers, without torch; its files are checked."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from repocoder.embedders import EMBEDDED, FOLDER, NONE, digests, open_embedder
from retrieval.embed import EmbedderError
from retrieval.static import FILES, StaticEncoder, Words, file_sha256, thinned

SHA256 = digests()

TEXTS = [
    "",
    "   \n\t",
    "()[]{}",
    "def read_bytes(path): return open(path, 'rb').read()",
    "class HTTPServerV2(Base):\n    maxSize_of3 = 0x1F + 1234567",
    "naïve café Ärger ÜBER größe straße ΣΊΣΥΦΟΣ",
    "读取文件 from disk, then 日本語 comments",
    "emoji 🎉 and combining e\u0301 and \u00a0 no-break",
    "a" * 500 + "B" * 70,
    "x\x00y\x1fz\u2028w",
    "[UNK] [unk] token",
    "İstanbul ﬁne ǅ camelCaseΩmega",
]


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return StaticEncoder(FOLDER, SHA256)


def test_the_same_vectors_as_sentence_transformers(encoder: StaticEncoder) -> None:
    library = pytest.importorskip("sentence_transformers")
    own_source = Path(__file__).read_text(encoding="utf-8")
    texts = [*TEXTS, *own_source.split("\n\n"), own_source]
    theirs = library.SentenceTransformer(str(FOLDER), device="cpu", local_files_only=True)
    expected = theirs.encode(
        [thinned(text) for text in texts], convert_to_numpy=True, show_progress_bar=False
    )
    ours = encoder.embed(texts)
    assert ours.dtype == np.float32
    assert ours.shape == (len(texts), 256) == expected.shape
    assert np.abs(ours - expected).max() < 1e-5
    lengths = np.linalg.norm(ours, axis=1)
    assert lengths[:3].tolist() == [0, 0, 0]
    assert lengths[3:5] == pytest.approx(1, abs=1e-5)


@given(st.lists(st.text(max_size=60) | st.text("aZ_9. \n", max_size=60), max_size=8))
@settings(max_examples=60, deadline=None)
def test_each_word_alone_gives_the_tokens_of_the_text(texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    words = Words(tokenizer)
    expected = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    for _ in range(2):  # unknown words, then known ones
        ids, sizes = words.tokens(texts)
        assert sizes.tolist() == [len(one) for one in expected]
        assert ids.tolist() == [number for one in expected for number in one]


@given(st.lists(st.text("aB_9. \néΣ", max_size=80), max_size=8))
@settings(max_examples=60, deadline=None)
def test_thinned_tokens_are_those_of_thinned_texts(texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    ids, sizes = Words(tokenizer).thinned_tokens(texts)
    expected = [tokenizer.encode(thinned(text), add_special_tokens=False).ids for text in texts]
    assert sizes.tolist() == [len(one) for one in expected]
    ends = np.cumsum([0, *sizes])
    for start, end, one in zip(ends, ends[1:], expected, strict=False):
        assert sorted(ids[start:end].tolist()) == sorted(one)


def test_a_word_of_n_counts_as_the_root_of_n() -> None:
    words = " ".join(["a"] * 6 + ["b"] * 7 + ["c"] * 2 + ["d"])
    assert thinned(words).split() == ["a"] * 2 + ["b"] * 3 + ["c", "d"]


def test_a_lone_surrogate_is_no_error(encoder: StaticEncoder) -> None:
    assert np.allclose(encoder.embed(["read \ud800 file"]), encoder.embed(["read ? file"]))


def test_no_texts(encoder: StaticEncoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_memory_of_words_is_bounded(encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"word{number} value{number * 7}" for number in range(300)]
    expected = encoder.embed(texts)
    monkeypatch.setattr("retrieval.static.MAX_WORDS", 50)
    assert np.allclose(encoder.embed(texts), expected)
    assert np.allclose(StaticEncoder(FOLDER, SHA256).embed(texts), expected)


def test_several_threads_get_the_same(encoder: StaticEncoder) -> None:
    batches = [[f"thread {number} reads file{text}" for text in range(100)] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(encoder.embed, batches))
    for texts, vectors in zip(batches, found, strict=True):
        assert np.allclose(vectors, StaticEncoder(FOLDER, SHA256).embed(texts))


def test_the_digests_of_the_card_are_those_of_the_files_and_they_are_small() -> None:
    assert {name: file_sha256(FOLDER / name) for name in FILES} == SHA256
    assert sum(place.stat().st_size for place in FOLDER.rglob("*") if place.is_file()) <= 12_000_000


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    for file in FILES:
        (tmp_path / file).write_bytes((FOLDER / file).read_bytes())
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(EmbedderError, match="not the file of this release: install repocoder again"):
        StaticEncoder(tmp_path, SHA256).embed(["text"])
    (tmp_path / name).unlink()
    with pytest.raises(EmbedderError, match="No such file or directory: install repocoder again"):
        StaticEncoder(tmp_path, SHA256).embed(["text"])


def test_a_tokenizer_that_looks_beyond_words_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.add_special_tokens(["a b"])
    for file in FILES:
        (tmp_path / file).write_bytes((FOLDER / file).read_bytes())
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    digests = {name: file_sha256(tmp_path / name) for name in FILES}
    with pytest.raises(EmbedderError, match="its tokenizer is not one of"):
        StaticEncoder(tmp_path, digests).embed(["text"])


def test_prefixes_of_the_vectors_are_vectors(encoder: StaticEncoder) -> None:
    """Matryoshka: 64 dimensions still tell what belongs together."""
    texts = ["read the lines of a text file", "def read_lines(path): return open(path).read().splitlines()"]
    texts += ["def rotate(matrix, angle): return matrix @ rotation(angle)"]
    for dim in (256, 128, 64):
        short = encoder.embed(texts)[:, :dim]
        short /= np.linalg.norm(short, axis=1, keepdims=True)
        assert short[0] @ short[1] > short[0] @ short[2] + 0.1


def test_what_the_setting_means() -> None:
    assert open_embedder(NONE) is None
    assert isinstance(open_embedder(EMBEDDED), StaticEncoder)


def test_torch_is_never_imported_and_nothing_is_read_before_the_first_text() -> None:
    code = (
        "import sys\n"
        "from repocoder.embedders import open_embedder\n"
        "encoder = open_embedder('embedded'); encoder.id\n"
        "print('tokenizers' in sys.modules, 'safetensors' in sys.modules)\n"
        "encoder.embed(['read a file'])\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False False", "[]"]


def test_a_fork_after_the_first_text_still_embeds() -> None:
    code = (
        "import os, sys\n"
        "from repocoder.embedders import open_embedder\n"
        "encoder = open_embedder('embedded')\n"
        "first = encoder.embed(['read a file'] * 300)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if (encoder.embed(['read a file', 'new words entirely'])[0] == first[0]).all() else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        timeout=60,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
