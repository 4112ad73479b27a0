"""The memory is read behind the user's back: between completions, in small pieces, and known as far as it is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from repocoder.memory import recollection
from repocoder.memory.store import TOKENIZED_AT_ONCE
from repocoder.types import CompletionRequest

FILES = 12
WAIT_S = 60.0


class Model(FakeGenerator):
    """Notes what is tokenised in the background, and writes when it may."""

    def __init__(self) -> None:
        super().__init__(self._write)
        self.writing, self.go = threading.Event(), threading.Event()
        self.batches: list[int] = []  # characters
        self.go.set()

    @property
    def can_remember(self) -> bool:
        return True

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        if threading.current_thread().name == "memory":
            self.batches.append(sum(map(len, texts)))
        return super().tokenize_many(texts)

    def _write(self, _prompt: str) -> str:
        self.writing.set()
        self.go.wait(WAIT_S)
        return "1\n"


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def engine(tmp_path: Path, model: Model) -> Iterator[Engine]:
    root = tmp_path / "code"
    root.mkdir()
    for number in range(FILES):
        lines = (f"name_{number}_{line} = {line}\n" for line in range(500))
        (root / f"file{number:02d}.py").write_text("".join(lines))
    with Engine(root, Settings(workers=1), generator=model, directory=tmp_path / "index") as engine:
        engine.index()
        yield engine
        model.go.set()


def ask(engine: Engine) -> None:
    engine.complete(CompletionRequest(path="file00.py", line=1, column=0))


def wait_for_the_end(engine: Engine) -> None:
    thread = engine._recollection._thread
    assert thread is not None
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_nothing_is_read_while_somebody_waits_for_a_completion(engine: Engine, model: Model) -> None:
    model.go.clear()
    asking = threading.Thread(target=ask, args=(engine,))
    asking.start()
    assert model.writing.wait(WAIT_S)
    assert engine._recollection._thread is not None  # it was started by this completion
    time.sleep(0.3)  # time in which it could read all
    assert model.batches == []
    model.go.set()
    asking.join(WAIT_S)
    wait_for_the_end(engine)
    assert sum(model.batches) > FILES * 500 * 10


def test_it_is_read_in_pieces_for_which_a_completion_can_wait(engine: Engine, model: Model) -> None:
    ask(engine)
    wait_for_the_end(engine)
    assert max(model.batches) <= TOKENIZED_AT_ONCE
    memory = engine._recollection._memory
    assert memory is not None
    (segment,) = memory._store.manifest.segments
    texts = [
        model.detokenize(memory._store.tokens(segment)[place.start : place.end].tolist())
        for place in segment.places
    ]
    assert texts == [(engine.root / f"file{number:02d}.py").read_text() for number in range(FILES)]


def test_what_was_read_is_known_before_all_is_read(
    engine: Engine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recollection, "PUBLISHED_AFTER_S", 0.0)
    ask(engine)
    wait_for_the_end(engine)
    memory = engine._recollection._memory
    assert memory is not None
    assert memory._store.manifest.made == FILES  # each file by itself: it is longer than a piece
    with engine.snapshot() as snapshot:
        assert memory.generation == snapshot.generation
