"""A small repository with an index, a model that writes what a test wants, and labels that a test makes up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.gate.features import DRAFT_FEATURES, FEATURES
from repocoder.gate.labels import Label
from repocoder.llm.fake import FakeGenerator

LIBRARY = '''"""What the others use."""


class Store:
    """Keeps values."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def fetch_value(self, key: str, default: int = 0) -> int:
        """A value, or the default."""
        return self.values.get(key, default)
'''

USER = '''"""Uses the store for number {n}."""

from lib.store import Store


def compute_{n}(store: Store, weights: list[int]) -> int:
    """A docstring with words = like(code, in_it) that is no code."""
    # a comment with words = like(code, in_it)
    total_{n} = store.fetch_value("key_{n}", default={n})
    scaled_{n} = [total_{n} * weight + {n} for weight in weights]
    return sum(scaled_{n}) - len(weights) * {n}
'''

N_USERS = 12


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody changes it."""
    place = tmp_path_factory.mktemp("gate") / "shop"
    (place / "lib").mkdir(parents=True)
    (place / "lib" / "store.py").write_text(LIBRARY)
    (place / "tests").mkdir()
    (place / "tests" / "test_store.py").write_text(
        "def test_it():\n    assert compute_all(everything, at=once)\n"
    )
    for number in range(N_USERS):
        (place / f"use_{number}.py").write_text(USER.format(n=number))
    return place


@pytest.fixture
def open_engine(root: Path, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """An engine on the repository; `generator` and settings as named."""
    opened: list[Engine] = []

    def make(generator: FakeGenerator | None = None, **settings: object) -> Engine:
        chosen = replace(Settings(workers=1, max_tokens=32), **settings)  # type: ignore[arg-type]
        engine = Engine(root, chosen, generator=generator or FakeGenerator(), directory=tmp_path / "index")
        opened.append(engine)
        engine.ensure_index()
        return engine

    yield make
    for engine in opened:
        engine.close()


def label_of(number: int, *, helped: bool, similar: float, path: str = "", key: str = "") -> Label:
    """A made-up label: `similar` is the only feature that varies."""
    chance = np.random.default_rng(number)
    features = {name: float(chance.normal()) for name in FEATURES} | {"similar": similar}
    with_it = 60.0 if helped else 40.0
    return Label(
        key or f"{number:016x}", "line", path or f"f{number % 20}.py", 3, features, dict.fromkeys(DRAFT_FEATURES, 0.0),
        with_it, 50.0, 0.0, 0.0, 900, 450,
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_label() -> Callable[..., Label]:
    return label_of
