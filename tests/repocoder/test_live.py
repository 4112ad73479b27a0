"""Requests that come while one types: the model's cache is used again, and what is known is not asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from repocoder.types import Completion, CompletionRequest, ModelInfo

SHAPES = '''"""Shapes and their areas."""


class Circle:
    """A circle with its radius in millimetres."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        return 3.1416 * self.radius * self.radius


class Square:
    """A square with its side in millimetres."""

    def __init__(self, side: float) -> None:
        self.side = side

    def perimeter(self) -> float:
        return 4 * self.side
'''
ABOVE = """from shapes import Circle, Square


def total(circles: list[Circle], squares: list[Square]) -> float:
    area = 0.0
    for circle in circles:
        """
BELOW = """
    for square in squares:
        area += square.side * square.side
    return area
"""
LINE = "area += circle.area()"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "shapes.py").write_text(SHAPES)
    (root / "total.py").write_text(ABOVE + LINE + BELOW)
    (root / "other.py").write_text(
        "".join(f"def area_{number}(radius):\n    return radius\n\n\n" for number in range(9))
    )
    return root


def at(typed: str, *, above: str = ABOVE, below: str = BELOW, **more: Any) -> CompletionRequest:
    """A live request after `typed` was written on the line."""
    before = above + typed
    return CompletionRequest(
        "total.py",
        before.count("\n") + 1,
        len(before.rpartition("\n")[2]),
        text=before + below,
        **{"live": True, "passes": 1, "retrieval": "always", "max_tokens": 12, **more},
    )


@pytest.fixture
def embedded(root: Path, tmp_path: Path) -> Iterator[Engine]:
    """With the embedded model."""
    settings = Settings(workers=1, threads=1, memory="off", embedder="none")
    with Engine(root, settings, directory=tmp_path / "index") as engine:
        engine.index()
        yield engine


def test_the_prompt_of_the_next_key_is_in_the_models_cache(embedded: Engine) -> None:
    first = embedded.complete(at("area"))
    hits = [hit.start_line for hit in first.prompt.hits]
    assert hits
    seen = first.prompt.token_ids
    for typed in ("area ", "area +", "area += c"):
        completion = embedded.complete(at(typed))
        if completion.known:
            continue
        ids = completion.prompt.token_ids
        assert [hit.start_line for hit in completion.prompt.hits] == hits
        shared = next(
            (at for at, (a, b) in enumerate(zip(ids, seen, strict=False)) if a != b), min(len(ids), len(seen))
        )
        assert shared >= len(seen) - 3  # all but what the tokenizer joins anew
        assert completion.passes[0].reused_tokens >= min(shared, len(ids) - 2)
        seen = ids


def test_what_was_prepared_is_in_the_models_cache(embedded: Engine) -> None:
    embedded.prepare(at(""), threading.Event())
    completion = embedded.complete(at("a"))
    assert completion.prompt.hits and not completion.known
    assert completion.passes[0].reused_tokens >= completion.prompt_tokens - 4  # the last word is another one


def test_what_was_prepared_changes_no_answer(embedded: Engine) -> None:
    embedded.prepare(at("", retrieval="never"), threading.Event())
    completion = embedded.complete(at("a", retrieval="never"))
    assert completion.passes[0].reused_tokens >= completion.prompt_tokens - 4
    embedded.complete(at("a", above="import os\n", retrieval="never"))  # the model's cache has another text
    assert completion.text == embedded.complete(at("a", retrieval="never", live=False)).text


def test_nothing_is_prepared_after_a_cancel(embedded: Engine) -> None:
    cancel = threading.Event()
    cancel.set()
    embedded.prepare(at(""), cancel)
    assert embedded.complete(at("a")).passes[0].reused_tokens == 0


def test_a_model_that_is_elsewhere_is_not_asked_to_prepare(root: Path, tmp_path: Path) -> None:
    model = FakeGenerator("x")  # as a remote one, it has no cache of ours
    with Engine(root, Settings(workers=1), generator=model, directory=tmp_path / "index") as engine:
        engine.index()
        engine.prepare(at(""), threading.Event())
    assert not model.requests


def test_a_second_pass_leaves_its_snippets_to_the_next_key(embedded: Engine) -> None:
    first = embedded.complete(at("area", passes=2))
    if len(first.passes) == 1:
        pytest.skip("the model was sure of its first draft")
    later = embedded.complete(at("area -= ", passes=1))
    assert not later.known
    assert later.passes[0].reused_tokens >= 0.9 * (later.prompt_tokens - 8)


def test_what_was_foretold_is_served_without_the_model(embedded: Engine) -> None:
    starts = ("", "area += circle.", "area", "for ")  # what a small model writes may be a single character
    first, start = next(
        (done, start) for start in starts if len((done := embedded.complete(at(start))).text.strip()) > 1
    )
    again = embedded.complete(at(start))
    assert again.known
    assert again.text == first.text
    later = embedded.complete(at(start + first.text[:1]))
    assert later.known
    assert later.text == first.text[1:]
    assert later.column == first.column + 1


# ---- with a scripted model: each input that matters


@pytest.fixture
def made(root: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    engines = []

    def make(answer: Any = "circle.area()", **settings: Any) -> tuple[Engine, FakeGenerator]:
        fake = FakeGenerator(answer)
        chosen = Settings(workers=1, embedder="none", **settings)
        engine = Engine(root, chosen, generator=fake, directory=tmp_path / "index")
        engine.index()
        engines.append(engine)
        return engine, fake

    yield make
    for engine in engines:
        engine.close()


def settle(engine: Engine) -> None:
    """Let git answer, whose first answer may come after the first request."""
    engine.retrieve(at("area += "))
    engine._sessions._worktree.settle()


def change_settings(engine: Engine, root: Path) -> None:
    engine.settings = replace(engine.settings, k=2)


def change_pins(engine: Engine, root: Path) -> None:
    engine.choices.pin("shapes.py::Square")


def change_exclusions(engine: Engine, root: Path) -> None:
    engine.choices.exclude("other.py")


def change_index(engine: Engine, root: Path) -> None:
    (root / "shapes.py").write_text(SHAPES + "\n\nPI = 3\n")
    engine.index()


def change_model(engine: Engine, root: Path) -> None:
    class Other(FakeGenerator):
        @property
        def info(self) -> ModelInfo:
            return ModelInfo("other", "1" * 64)

    engine._generator = Other("circle.area()")


@pytest.mark.parametrize(
    "change", [change_settings, change_pins, change_exclusions, change_index, change_model]
)
def test_a_change_that_matters_makes_it_unknown(
    made: Callable[..., Any], root: Path, change: Callable[[Engine, Path], None]
) -> None:
    engine, _ = made()
    settle(engine)
    assert not engine.complete(at("area += ")).known
    assert engine.complete(at("area += ")).known
    change(engine, root)
    assert not engine.complete(at("area += ")).known
    assert engine.complete(at("area += ci")).known


@pytest.mark.parametrize(
    "other",
    [
        at("area += ", above="import os\n" + ABOVE),
        at("area += ", below=BELOW + "\n"),
        at("area += ", max_tokens=13),
        at("area += ", passes=2),
        at("area += ", retrieval="never"),
        at("area += ", open_buffers=(("other.py", "unsaved = 1\n"),)),
        replace(at("area += "), live=False),
        replace(at("area += "), path="other.py"),
    ],
)
def test_another_request_is_another_answer(made: Callable[..., Any], other: CompletionRequest) -> None:
    engine, fake = made()
    settle(engine)
    engine.complete(at("area += "))
    assert len(fake.requests) == 1
    assert engine.complete(at("area += ")).known
    assert not engine.complete(other).known
    assert len(fake.requests) == 2


def test_what_changes_while_the_model_writes_makes_it_unknown(made: Callable[..., Any]) -> None:
    engines: list[Engine] = []

    def write(_: str) -> str:
        engines[0].choices.pin("shapes.py::Square")
        return "circle.area()"

    engine, _ = made(write)
    engines.append(engine)
    settle(engine)
    engine.complete(at("area += "))
    assert not engine.complete(at("area += ")).known
    assert engine.complete(at("area += ")).known


def test_a_cancelled_answer_is_not_kept(made: Callable[..., Any]) -> None:
    engine, _ = made()
    settle(engine)
    cancel = threading.Event()
    cancel.set()
    assert engine.complete(at("area += "), cancel=cancel).stop_reason == "cancelled"
    completion: Completion = engine.complete(at("area += "))
    assert not completion.known
    assert completion.text == "circle.area("  # twelve tokens


def test_only_live_requests_depend_on_what_came_before(made: Callable[..., Any]) -> None:
    engine, _ = made()
    plain = replace(at("area"), live=False)
    prompt = engine.complete(plain).prompt.token_ids
    engine.complete(at("a"))
    engine.complete(at("area += circle."))
    assert engine.complete(plain).prompt.token_ids == prompt
    assert engine.explain(plain).prompt.token_ids == prompt
