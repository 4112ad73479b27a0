"""How long a prompt may be for the sake of time: from measured speeds, kept for the next program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import FakeGenerator
from repocoder.rates import FILE, GUESSED_BYTES_S, LEAST_READ, LEAST_TOKENS, REMEMBERED, STEP, Rates
from repocoder.types import CompletionRequest, ModelInfo

MODEL = ModelInfo("model", "a" * 64, int(GUESSED_BYTES_S / 1000))  # a guess of 1,000 tokens a second
REMOTE = ModelInfo("remote:server/model", "")


def tokens(rates: Rates, latency_ms: int, model: ModelInfo = MODEL) -> int:
    limit = rates.limit(model, 2, latency_ms)
    assert limit is not None
    return limit.tokens


def test_before_anything_is_measured_the_size_of_the_file_tells(tmp_path: Path) -> None:
    rates = Rates(tmp_path)
    assert tokens(rates, 1000) == 1000 // STEP * STEP
    assert tokens(rates, 2000) == 2000 // STEP * STEP
    assert tokens(rates, 10) == LEAST_TOKENS
    assert rates.limit(REMOTE, 2, 1000) is None


def test_what_was_measured_counts_and_the_next_program_knows_it(tmp_path: Path) -> None:
    rates = Rates(tmp_path / "state")
    rates.note(MODEL, 2, 1024, 2048.0)
    assert tokens(rates, 2000) == 1000 // STEP * STEP
    limit = Rates(tmp_path / "state").limit(MODEL, 2, 2000)
    assert limit is not None
    assert limit.tokens == 1000 // STEP * STEP
    assert limit.why == (
        "model reads 500 tokens a second here (measured), and the first text is to come within 2,000 ms"
    )
    other = rates.limit(MODEL, 1, 2000)  # with other threads it is another speed
    assert other is not None
    assert other.tokens == 2000 // STEP * STEP
    rates.note(REMOTE, 2, 1024, 1024.0)
    assert tokens(rates, 1000, REMOTE) == 1000 // STEP * STEP


def test_a_few_tokens_or_one_busy_moment_change_nothing(tmp_path: Path) -> None:
    rates = Rates(tmp_path)
    rates.note(MODEL, 2, LEAST_READ - 1, 1e6)
    assert tokens(rates, 2000) == 2000 // STEP * STEP
    for _ in range(5):
        rates.note(MODEL, 2, 1000, 500.0)
    before = tokens(rates, 1000)
    for milliseconds in (5000.0, 5000.0, 450.0, 560.0):
        rates.note(MODEL, 2, 1000, milliseconds)
        assert tokens(rates, 1000) == before
    for _ in range(REMEMBERED):
        rates.note(MODEL, 2, 1000, 5000.0)
    assert tokens(rates, 2000) == LEAST_TOKENS


def test_programs_that_write_at_the_same_time_keep_each_others_models(tmp_path: Path) -> None:
    first, second = Rates(tmp_path), Rates(tmp_path)
    other = replace(MODEL, sha256="b" * 64)
    assert tokens(first, 1000) == tokens(second, 1000, other)  # both have read the empty folder
    first.note(MODEL, 2, 1000, 250.0)
    second.note(other, 2, 1000, 500.0)
    third = Rates(tmp_path)
    assert tokens(third, 1000) == 4000 // STEP * STEP
    assert tokens(third, 1000, other) == 2000 // STEP * STEP
    assert [place.name for place in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"version": 2, "rates": {}}',
        b'{"version": 1, "rates": {"a": "b"}}',
        json.dumps({"version": 1, "rates": {"a" * 16 + ":2": [0, -1]}}).encode(),
        b"[" * 60_000,
        b" " * (1 << 17),
    ],
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    rates = Rates(tmp_path)
    assert tokens(rates, 1000) == 1000 // STEP * STEP
    rates.note(MODEL, 2, 1000, 2000.0)
    assert tokens(Rates(tmp_path), 1000) == 500 // STEP * STEP


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    rates = Rates(tmp_path / "file" / "state")
    rates.note(MODEL, 2, 1000, 2000.0)
    assert tokens(rates, 1000) == 500 // STEP * STEP


class Slow(FakeGenerator):
    """A model of a known size."""

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, bytes=int(GUESSED_BYTES_S / 500))


def test_a_prompt_is_cut_with_its_reason_but_never_without_rates(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "long.py").write_text("".join(f"value_{number} = {number}\n" for number in range(500)))
    request = CompletionRequest("long.py", 500)

    def prompt(latency_ms: int, rates: Rates | None) -> Any:
        settings = Settings(workers=1, embedder="none", latency_ms=latency_ms)
        with Engine(root, settings, generator=Slow(), directory=tmp_path / "index", rates=rates) as engine:
            return engine.explain(request).prompt

    whole = prompt(1000, None)
    assert whole.limit == ""
    assert prompt(0, Rates(tmp_path / "state")).token_ids == whole.token_ids
    cut = prompt(1000, Rates(tmp_path / "state"))
    assert len(cut.token_ids) <= LEAST_TOKENS < len(whole.token_ids)
    assert cut.limit.startswith("384 of 2,048 tokens: fake reads 500 tokens a second here (a guess")
