"""What turns text into vectors: the protocol, and encoders of sentence-transformers behind it."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from indexer.errors import RepocoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32
"""Texts that an encoder works on at once: more gains nothing on a CPU and costs memory."""

Matrix = NDArray[np.float32]


class EmbedderError(RepocoderError):
    """The encoder that the settings name cannot be used."""

    exit_code = 2


class Embedder(Protocol):
    """Text to vectors. Vectors of different `id` are never mixed."""

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Shape (len(texts), dim) float32, each row of length 1."""
        ...


class SentenceEncoder:
    """A sentence-transformers encoder from this machine; loaded when first used, never downloaded."""

    def __init__(self, place: str, identity: str) -> None:
        self.id = identity
        self._place = place
        self._model: SentenceTransformer | None = None

    @property
    def dim(self) -> int:
        return int(self._load().get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Shape (len(texts), dim) float32, each row of length 1."""
        model = self._load()
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        vectors = model.encode(
            list(texts),
            batch_size=BATCH,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.ascontiguousarray(cast(Matrix, vectors), dtype=np.float32)

    def _load(self) -> SentenceTransformer:
        if self._model is None:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            chatter: Any = logging  # untyped
            chatter.disable_progress_bar()  # it would draw over the terminal
            chatter.set_verbosity_error()
            try:
                self._model = SentenceTransformer(self._place, device="cpu", local_files_only=True)
            except (OSError, ValueError, KeyError) as error:
                raise EmbedderError(
                    f"embedder: {self._place}: cannot be loaded ({_first_line(error)}),"
                    " give the folder of a sentence-transformers model"
                ) from error
        return self._model


def load_embedder(name_or_path: str) -> SentenceEncoder:
    """The encoder in a folder, or one of that name in the local model cache; raises EmbedderError.

    Nothing heavy happens here: the model itself is loaded by the first text. The identity of a folder is the
    digest of its files, so that changed weights are another encoder.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise EmbedderError(
            f"embedder: {name_or_path}: sentence-transformers is missing, install repocoder[encoders]"
        )
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        if not (folder / "modules.json").is_file():
            raise EmbedderError(
                f"embedder: {name_or_path}: no sentence-transformers model (modules.json is missing)"
            )
        return SentenceEncoder(str(folder), f"{folder.name}@{_digest(folder)}")
    if folder.is_absolute() or name_or_path.startswith((".", "~")):
        raise EmbedderError(
            f"embedder: {name_or_path}: no such folder, give that of a sentence-transformers model"
        )
    return SentenceEncoder(name_or_path, name_or_path)


def _digest(folder: Path) -> str:
    """16 hex digits over names, sizes and the first mebibyte of each file: that tells weights apart."""
    total = hashlib.sha256()
    for place in sorted(folder.rglob("*")):
        if place.is_file():
            total.update(f"{place.relative_to(folder)}\0{place.stat().st_size}\0".encode())
            with place.open("rb") as stream:
                total.update(stream.read(1 << 20))
    return total.hexdigest()[:16]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:120]
