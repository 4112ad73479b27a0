"""Which gate decides, what it says, and what becomes of a calibration that was ended or damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from repocoder.engine import Engine
from repocoder.errors import UsageError
from repocoder.gate import choice
from repocoder.gate.calibration import CalibrationOptions, calibrate, commit_of, fingerprint
from repocoder.gate.holes import draw_holes
from repocoder.gate.journal import Journal
from repocoder.gate.labels import Label
from repocoder.gate.weights import FILE, GateFile, Weights, keep_weights, read_weights
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.gate import GateTokens
from repocoder.types import CompletionRequest

OpenEngine = Callable[..., Engine]
MakeLabel = Callable[..., Label]
AT = CompletionRequest("use_1.py", 9, 4)


def prelabel(engine: Engine, make_label: MakeLabel, count: int = 36) -> int:
    """Labels of the repository's own holes, made up so that `similar` tells which are helped; how many."""
    with engine.subject() as subject:
        holes = draw_holes(subject.snapshot, count, 0)
        journal = Journal(engine.directory, fingerprint(subject))
    for number, hole in enumerate(holes):
        helped = number % 3 == 0
        journal.add(
            make_label(number, helped=helped, similar=3.0 if helped else -3.0, path=hole.path, key=hole.key)
        )
    return len(holes)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small repository has fewer holes than are asked for elsewhere."""
    monkeypatch.setattr("repocoder.gate.calibration.LEAST_HOLES", 20)


@pytest.mark.usefixtures("few")
def test_a_calibration_is_kept_and_decides_from_then_on(
    open_engine: OpenEngine, make_label: MakeLabel
) -> None:
    generator = FakeGenerator("x = 1")
    engine = open_engine(generator)
    count = prelabel(engine, make_label)
    done = calibrate(engine, CalibrationOptions(holes=36))
    assert done.refused is None and done.made == 0 and done.labelled == count
    assert not generator.requests  # all was labelled before
    assert done.path == engine.directory / FILE
    assert read_weights(engine.directory) == (done.weights,)
    assert b'\n   "threshold": ' in done.path.read_bytes()  # for people
    found = engine.retrieve(AT)
    assert found.gate.reason.startswith("calibrated on this repository: snippets help with probability 0.")
    assert "what weighs most: " in found.gate.reason
    assert found.gate.features["definitions"] > 0
    assert found.gate.retrieve is (found.gate.score >= found.gate.threshold)
    assert "calibrated" not in open_engine(gate="free").retrieve(AT).gate.reason
    assert engine.complete(AT).gate.reason == found.gate.reason  # the same path
    other = FakeGenerator()
    other.__class__ = type("Other", (FakeGenerator,), {"info": replace(generator.info, sha256="1" * 64)})
    assert "calibrated" not in open_engine(other).retrieve(AT).gate.reason  # another model
    assert "calibrated" not in open_engine(memory="off").retrieve(AT).gate.reason  # used in another way


def test_a_run_that_was_ended_goes_on(open_engine: OpenEngine) -> None:
    generator = FakeGenerator("x = 1")
    engine = open_engine(generator)
    cancel, told = threading.Event(), []

    def stop(labelled: int, wanted: int, seconds_left: float) -> None:
        told.append((labelled, wanted))
        if len(told) == 4:
            cancel.set()

    with pytest.raises(UsageError, match="too few"):
        calibrate(engine, CalibrationOptions(holes=6), on_label=stop, cancel=cancel)
    assert told == [(0, 6), (1, 6), (2, 6), (3, 6)]
    journal = engine.directory / "gate-labels.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"key": "torn')
    with pytest.raises(UsageError):
        calibrate(engine, CalibrationOptions(holes=6), on_label=lambda *step: told.append(step[:2]))
    assert told[4:] == [(3, 6), (4, 6), (5, 6)]
    assert len(generator.requests) == 6 * 2 + 1  # both ways of six holes, and what was cancelled
    with pytest.raises(UsageError):  # another use of the model: nothing of before holds
        calibrate(
            open_engine(generator, k=2), CalibrationOptions(holes=1), on_label=lambda *s: told.append(s[:2])
        )
    assert told[7:] == [(0, 1)]


@pytest.mark.usefixtures("few")
def test_weights_that_are_not_worth_it_are_not_kept(
    open_engine: OpenEngine, make_label: MakeLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine()
    prelabel(engine, make_label)
    assert calibrate(engine, CalibrationOptions(holes=36)).path is not None
    monkeypatch.setattr("repocoder.gate.calibration.why_refused", lambda _: "they are not")
    done = calibrate(engine, CalibrationOptions(holes=36))
    assert done.refused == "they are not" and done.path is None
    assert read_weights(engine.directory) == ()  # those of before are gone: they were of the same holes
    assert "calibrated" not in engine.retrieve(AT).gate.reason


@pytest.mark.usefixtures("few")
def test_what_more_holes_made_and_what_is_of_another_model_stays(
    open_engine: OpenEngine, make_label: MakeLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small run that cannot tell takes nothing away from a large one that could."""
    engine = open_engine()
    large = weights_for(engine, make_label)
    other = msgspec.structs.replace(large, model_sha256="1" * 64)
    keep_weights(engine.directory, other)
    keep_weights(engine.directory, large)
    prelabel(engine, make_label)
    monkeypatch.setattr("repocoder.gate.calibration.why_refused", lambda _: "they are not")
    assert calibrate(engine, CalibrationOptions(holes=36)).refused is not None
    assert read_weights(engine.directory) == (other, large)
    again = msgspec.structs.replace(large, threshold=0.5)
    keep_weights(engine.directory, again)
    assert read_weights(engine.directory) == (other, again)


def weights_for(engine: Engine, make_label: MakeLabel, **changes: object) -> Weights:
    from repocoder.gate.calibration import weigh
    from repocoder.gate.weights import Made

    some = [make_label(n, helped=n % 3 == 0, similar=2.0 if n % 3 == 0 else -2.0) for n in range(90)]
    made = Made(["other"], ["c0ffee"], 90, 0, "2026-01-01", 0.0)
    weights = weigh(some, [one.path for one in some], engine.model_info(), "mixed", made)
    return msgspec.structs.replace(weights, **changes)


def test_without_own_weights_those_of_the_package(
    open_engine: OpenEngine, make_label: MakeLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(gate="logistic")
    assert engine.retrieve(AT).gate.reason.startswith(
        "there are no weights for this model, `repocoder calibrate`"
    )
    weights = weights_for(engine, make_label, threshold=2.0)
    monkeypatch.setattr(choice, "shipped", lambda: GateFile([weights]))
    found = engine.retrieve(AT)
    assert not found.gate.retrieve and found.gate.reason.startswith("by the weights of the package: ")
    assert "less than 2.00" in found.gate.reason
    assert found.hits  # shown to the user as what was turned down
    done = engine.complete(AT)
    assert not done.prompt.hits and done.hits == found.hits
    opened = msgspec.structs.replace(weights, threshold=0.0)
    monkeypatch.setattr(choice, "shipped", lambda: GateFile([opened]))
    assert engine.complete(AT).prompt.hits


def test_the_free_rules_no_is_kept(open_engine: OpenEngine, make_label: MakeLabel) -> None:
    engine = open_engine(gate="logistic", channels=("recent",))
    keep_weights(engine.directory, weights_for(engine, make_label, threshold=0.0))
    found = engine.retrieve(AT)
    assert not found.gate.retrieve and found.gate.reason.startswith("no name near the cursor")


def test_pins_pass_a_gate_that_says_no(open_engine: OpenEngine, make_label: MakeLabel) -> None:
    engine = open_engine()
    keep_weights(engine.directory, weights_for(engine, make_label, threshold=2.0))
    engine.choices.pin("lib/store.py")
    found = engine.retrieve(AT)
    assert [hit.path for hit in found.hits] == ["lib/store.py"] and found.gate.retrieve
    assert found.gate.reason.startswith("only what you pinned: calibrated on this repository")


class Asked(FakeGenerator):
    """Says no to the question of a gate token."""

    def __init__(self, area: float) -> None:
        super().__init__("x = 1")
        self._vocab = replace(self._vocab, gate=GateTokens(5, 6, 4, 0.5, area))

    def score(self, token_ids, continuation, cancel=None, *, memory=None):  # type: ignore[no-untyped-def]
        return (-3.0,) if tuple(continuation) == (6,) else (-0.1,)


@pytest.mark.parametrize(
    ("setting", "area", "asked"),
    [
        ("auto", 0.7, True),
        ("auto", 0.5, False),
        ("token", 0.5, True),
        ("free", 0.9, False),
        ("logistic", 0.9, False),
    ],
)
def test_the_token_is_asked_unasked_only_where_it_is_worth_it(
    open_engine: OpenEngine, setting: str, area: float, asked: bool
) -> None:
    found = open_engine(Asked(area), gate=setting).retrieve(AT)
    assert found.gate.reason.startswith("the model wants no other files") is asked


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b'{"format": 1}', b"null", b"[" * 5000, None],
    ids=["", "{", "part", "null", "deep", "nan"],
)
def test_damaged_weights_are_none(
    open_engine: OpenEngine, make_label: MakeLabel, damage: bytes | None
) -> None:
    engine = open_engine()
    place = keep_weights(engine.directory, weights_for(engine, make_label))
    if damage is None:
        damage = place.read_bytes().replace(b'"bias": ', b'"bias": 1e999, "was": ')
    place.write_bytes(damage)
    assert read_weights(engine.directory) == ()
    assert engine.retrieve(AT).gate.retrieve


def test_what_is_checked_out(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit_of(tmp_path) == ""
    (git / "packed-refs").write_text("# pack-refs with: peeled\n" + "a" * 40 + " refs/heads/main\n")
    assert commit_of(tmp_path) == "a" * 40
    (git / "refs" / "heads" / "main").write_text("b" * 40 + "\n")
    assert commit_of(tmp_path) == "b" * 40
    (git / "HEAD").write_text("c" * 40 + "\n")
    assert commit_of(tmp_path) == "c" * 40
