"""Methods by name, and the retrieval that a benchmark ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.methods import METHODS, ORACLES, TAKES_DRAFTS, open_method
from eval.types import PublishedChunk, Task
from eval.workspace import Workspace
from repocoder.errors import UsageError
from repocoder.llm.fake import FakeGenerator

CHUNKS = (PublishedChunk("b.py", "def b():\n    return 1", 2.5), PublishedChunk("c.py", "x = 1", 1.5))


def task(**published: tuple[PublishedChunk, ...]) -> Task:
    return Task(
        "t/0", "crosscodeeval-python", "line", "python", "r", "a.py", "x = ", "b()", "\n", 1, 4, "official",
        published={name.replace("_", "-"): chunks for name, chunks in published.items()},
    )  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "b.py").write_text("def b():\n    return 1\n")
    return Workspace(tmp_path / "r", "python", FakeGenerator(), indexes=tmp_path / "index")


def test_every_method_opens_under_its_name(workspace: Workspace) -> None:
    for name in METHODS.keys() - {"engine"}:  # the sampler runs that one as a whole
        assert open_method(name, workspace).name == name
    assert set(METHODS) > ORACLES | TAKES_DRAFTS


def test_an_unknown_method_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no such method: bm52: choose one of in-file"):
        open_method("bm52", workspace)


def test_published_lists_come_as_they_are(workspace: Workspace) -> None:
    found = open_method("published", workspace).retrieve(task(bm25=CHUNKS, bm25_oracle=CHUNKS[1:]))
    assert [(hit.path, hit.text, hit.score) for hit in found.hits] == [
        ("b.py", "def b():\n    return 1", 2.5),
        ("c.py", "x = 1", 1.5),
    ]
    oracle = open_method("published-oracle", workspace).retrieve(task(bm25=CHUNKS, bm25_oracle=CHUNKS[1:]))
    assert [hit.path for hit in oracle.hits] == ["c.py"]


def test_data_without_lists_say_so(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"no published retrieval: crosscodeeval-python: .* no bm25 lists"):
        open_method("published", workspace).retrieve(task())


def test_workers_go_on_in_the_next_repository(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "d.py").write_text("def d():\n    return 2\n")
    workspace.engine.warm_up()
    after = Workspace(tmp_path / "other", "python", workspace.generator, indexes=tmp_path / "index")
    after.take_over(workspace)
    workspace.close()
    try:
        assert after.engine.status().files == 1
        assert [hit.path for hit in after.engine.search("d").hits] == ["d.py"]
        names = sorted(folder.name.rpartition("-")[0] for folder in (tmp_path / "index").iterdir())
        assert names == ["other", "r"]
    finally:
        after.close()
