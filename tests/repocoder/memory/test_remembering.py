"""The memory beside the real model: drafts change nothing but the time, mixing brings what the repository says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.build import Indexer
from indexer.snapshot import Snapshot
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.generator import Generated, GenerateRequest
from repocoder.llm.local import LocalGenerator, open_generator
from repocoder.llm.messages import Remember
from repocoder.memory.mixing import FEATURES
from repocoder.memory.repository import RepositoryMemory
from repocoder.types import CompletionRequest
from retrieval.types import Exclusion, Place, Query

HANDLER = """from shop.registry import announce_purchase_to_warehouse


def handle_{0}(order: Order, clock: Clock) -> Receipt:
    announce_purchase_to_warehouse(order.number, clock.now(), channel="{0}")
    return Receipt(order.number, clock.now())
"""
OPEN = HANDLER.format("web").partition("    announce")[0] + "    announce"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repo") / "shop"
    package = root / "shop"
    package.mkdir(parents=True)
    for name in ("web", "phone", "counter"):
        (package / f"{name}.py").write_text(HANDLER.format(name))
    (root / "data.json").write_text('{"announce_purchase_to_warehouse": 1}')
    return root


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_generator(threads=1)
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def memory(root: Path, model: LocalGenerator, tmp_path_factory: pytest.TempPathFactory) -> RepositoryMemory:
    directory = tmp_path_factory.mktemp("index")
    with Indexer(root, directory, derived=(), workers=1) as indexer:
        indexer.build()
    memory = RepositoryMemory(directory, model)
    with Snapshot.open(directory, root, derived_versions={}) as snapshot:
        done = memory.update(snapshot)
    assert done is not None
    assert done.files == 3
    return memory


QUERY = Query("shop/web.py", "python", 5, 12, OPEN, "", "", ())


def write(model: LocalGenerator, order: Remember | None, prefix: str = OPEN) -> Generated:
    ids = model.vocab.template.ids
    head = (ids["file"], *model.tokenize("shop/web.py\n"), ids["prefix"], ids["suffix"], ids["middle"])
    return model.generate(GenerateRequest((*head, *model.tokenize(prefix)), 24, memory=order))


@pytest.mark.parametrize("prefix", [OPEN, HANDLER.format("web"), "import os\n", "class A:\n    def f(self"])
def test_drafts_change_nothing(model: LocalGenerator, memory: RepositoryMemory, prefix: str) -> None:
    plain = write(model, None, prefix)
    drafted = replace(QUERY, prefix=prefix)
    order = memory.order(drafted)
    with_drafts = write(model, Remember(order.segments, order.before, {}), prefix)
    assert with_drafts.token_ids == plain.token_ids
    assert with_drafts.token_logprobs == plain.token_logprobs
    assert not any(with_drafts.sources)


def test_drafts_do_not_change_a_mixture_either(model: LocalGenerator, memory: RepositoryMemory) -> None:
    order = memory.order(QUERY)
    assert order.drafts > 1
    one = Remember(order.segments, order.before, order.weights, 1)
    assert write(model, order).token_logprobs == write(model, one).token_logprobs


def test_a_mixture_writes_what_the_repository_says_and_tells_where(
    model: LocalGenerator, memory: RepositoryMemory
) -> None:
    order = memory.order(QUERY)
    mixed = write(model, order)
    assert mixed.text.startswith("_purchase_to_warehouse(order.number, clock.now(), channel=")
    told = memory.origins(mixed, len(mixed.text), order, QUERY)
    assert told
    for one in told:
        assert 0.5 <= one.share <= 1
        name = Path(one.path).stem
        rest = HANDLER.format(name).splitlines(keepends=True)[one.line - 1 :]
        assert one.text in "".join(rest)  # just these words stand there
        assert one.text.splitlines()[0] in rest[0]
    assert memory.origins(mixed, 0, order, QUERY) == ()


LINE = "    announce_purchase_to_warehouse(order.number, clock.now"  # a file has "()," in one token
ABOVE = OPEN.removesuffix("    announce")


@pytest.mark.parametrize("cut", range(len(LINE)))
def test_wherever_the_cursor_stands_in_a_line_the_rest_is_remembered(
    model: LocalGenerator, memory: RepositoryMemory, cut: int
) -> None:
    """Also where a file has in one token what stands before the cursor and what comes after it."""
    prefix, rest = ABOVE + LINE[:cut], model.tokenize(LINE[cut:])
    order = memory.order(replace(QUERY, prefix=prefix))
    repository = 2 + len(FEATURES)
    rows = model.observe(model.tokenize(prefix), rest, order)
    assert all(row[repository] > 0.4 for row in rows)


@pytest.mark.parametrize(
    "typed",
    ["", "    ", "    an", "    announce_purchase_to_warehouse(order", "    announce_purchase_to_warehouse("],
)
def test_a_line_is_written_on_from_any_place(
    model: LocalGenerator, memory: RepositoryMemory, typed: str
) -> None:
    order = memory.order(replace(QUERY, prefix=ABOVE + typed))
    assert (typed + write(model, order, ABOVE + typed).text).startswith(LINE)


def test_what_the_user_excluded_is_not_remembered(model: LocalGenerator, memory: RepositoryMemory) -> None:
    hidden = tuple(Place(f"shop/{name}.py") for name in ("phone", "counter"))
    order = memory.order(replace(QUERY, hidden=hidden))
    assert not any(one and one.expert == "repository" for one in write(model, order).sources)


def test_an_unfinished_update_is_not_taken_for_the_whole(
    root: Path, model: LocalGenerator, tmp_path: Path
) -> None:
    with Indexer(root, tmp_path, derived=(), workers=1) as indexer:
        indexer.build()
    memory = RepositoryMemory(tmp_path, model)
    with Snapshot.open(tmp_path, root, derived_versions={}) as snapshot:
        unfinished = memory.update(snapshot, lambda: True)
        assert unfinished is not None
        assert unfinished.unread == 3
        assert memory.generation != snapshot.generation
        done = memory.update(snapshot)
        assert done is not None
        assert (done.unread, memory.generation) == (0, snapshot.generation)


def test_the_score_of_what_was_written_is_its_figure(model: LocalGenerator, memory: RepositoryMemory) -> None:
    order = memory.order(QUERY)
    mixed = write(model, order)
    ids = model.vocab.template.ids
    head = (ids["file"], *model.tokenize("shop/web.py\n"), ids["prefix"], ids["suffix"], ids["middle"])
    scored = model.score((*head, *model.tokenize(OPEN)), mixed.token_ids, memory=order)
    assert scored == pytest.approx(mixed.token_logprobs, abs=1e-4)
    alone = model.score((*head, *model.tokenize(OPEN)), mixed.token_ids)
    assert sum(scored) > sum(alone)


def test_the_hole_and_what_follows_it_are_not_remembered(
    model: LocalGenerator, memory: RepositoryMemory
) -> None:
    """The file's own text is on disk and in the index; only what stands above the hole may teach."""
    query = replace(QUERY, prefix="from shop.registry import", line=1)
    order, truth = memory.order(query), model.tokenize(" announce_purchase_to_warehouse")
    own = model.observe(order.before, truth, Remember([], order.before, {}))
    assert all(row[1] <= 0 for row in own)
    others = model.observe(order.before, truth, order)
    repository = 2 + len(FEATURES)  # where the second expert's probability of the truth stands in a row
    assert all(row[repository] > 0.9 for row in others)  # from the other two files
    hidden = memory.order(
        replace(QUERY, exclusions=tuple(Exclusion(f"shop/{name}.py", 1, 2) for name in ("phone", "counter")))
    )
    for segment in hidden.segments:
        covered = sum(
            end - start for start, end in zip(segment.banned[::2], segment.banned[1::2], strict=True)
        )
        assert covered == sum(
            len(model.tokenize(HANDLER.format(name))) for name in ("web", "phone", "counter")
        )


def test_segments_that_are_gone_or_damaged_teach_nothing(
    model: LocalGenerator, memory: RepositoryMemory, tmp_path: Path
) -> None:
    order = memory.order(QUERY)
    plain = write(model, Remember([], order.before, order.weights))
    gone = [replace_paths(one, tmp_path / "gone") for one in order.segments]
    assert write(model, Remember(gone, order.before, order.weights)).token_ids == plain.token_ids
    for number, one in enumerate(order.segments):
        shutil.copyfile(one.ids, tmp_path / f"{number}.ids")
        (tmp_path / f"{number}.order").write_bytes(b"\x93NUMPY\x01\x00nothing")
    damaged = [replace_paths(one, tmp_path / str(number)) for number, one in enumerate(order.segments)]
    assert write(model, Remember(damaged, order.before, order.weights)).token_ids == plain.token_ids


def replace_paths(segment: object, place: Path) -> object:
    import msgspec

    return msgspec.structs.replace(segment, ids=f"{place}.ids".encode(), order=f"{place}.order".encode())


@pytest.mark.parametrize("mode", ["mixed", "off"])
def test_the_engine_remembers_unless_told_not_to(
    root: Path, model: LocalGenerator, tmp_path: Path, mode: str
) -> None:
    settings = Settings(memory=mode, embedder="none", retrieval="never", passes=1)  # type: ignore[arg-type]
    with Engine(root, settings, generator=model, directory=tmp_path / "index") as engine:
        done = engine.remember()
        assert (done is not None) == (mode == "mixed")
        completion = engine.complete(CompletionRequest("shop/web.py", 5, 12, text=OPEN + "\n"))
        assert bool(completion.origins) == (mode == "mixed")
        assert completion.text.startswith("_purchase_to_warehouse(") == (mode == "mixed")
        assert engine.remember() is None  # nothing new
