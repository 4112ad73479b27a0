"""The product asks the gate token of a real GGUF that training exported, over the real engine and worker."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.gate.token_gate import CANNOT_BE_ASKED, QUESTION_TOKENS, ModelGate, decision_of, question
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.gate import GateTokens
from repocoder.llm.generator import Vocab
from repocoder.llm.local import open_generator
from repocoder.models import EMBEDDED_FILE
from repocoder.types import CompletionRequest
from retrieval.types import Query
from training.completion.export import write_gguf
from training.completion.initial import read_gguf
from training.completion.model import SHAPES, Decoder
from training.completion.weights import save

FIRST = EMBEDDED_FILE
NUMBERS = "def number_of(word: str) -> int:\n    return len(word)\n"
USER = "from words.numbers import number_of\n\n\ndef encode(words):\n    return [number_of(word) for word in words]\n"
REQUEST = CompletionRequest("words/user.py", 5, 11, passes=1, max_tokens=4)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model of random weights with the first model's tokenizer: with a gate token, and without."""
    folder = tmp_path_factory.mktemp("models")
    _, tokenizer = read_gguf(FIRST)
    torch.manual_seed(3)
    model = Decoder(SHAPES["tiny"])
    for weight in model.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.1)
    for name, facts in (("gate", {"gate": True, "gate_threshold": 0.25}), ("plain", {})):
        save(folder / name, model, tokenizer.to_str().encode(), {"name": f"repocoder-{name}", **facts})
        write_gguf(folder / name, folder / f"{name}.gguf", "F32")
    return {name: folder / f"{name}.gguf" for name in ("gate", "plain")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("repo") / "words"
    (root / "words").mkdir(parents=True)
    (root / "words" / "numbers.py").write_text(NUMBERS)
    (root / "words" / "user.py").write_text(USER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield root


def test_the_file_names_its_gate(exported: dict[str, Path]) -> None:
    for name, expected in (("gate", GateTokens(5, 6, 2, 0.25)), ("plain", None)):
        generator = open_generator(str(exported[name]), threads=1)
        assert generator.vocab.gate == expected
        generator.close()


def test_the_engine_asks_the_model(exported: dict[str, Path], project: Path) -> None:
    """The decision is that of the model's own probabilities after the question, whatever the free rule says."""
    with Engine(project, Settings(model=str(exported["gate"]), gate="token", workers=1, threads=1)) as engine:
        done = engine.complete(REQUEST)
        query = engine.query(REQUEST)
    generator = open_generator(str(exported["gate"]), threads=1)
    tokens = generator.vocab.gate
    assert tokens is not None
    ids = question(query, generator, tokens, repo_name=project.name)
    assert ids[-1] == tokens.question and len(ids) <= QUESTION_TOKENS
    yes, no = (math.exp(generator.score(ids, [answer])[0]) for answer in (tokens.yes, tokens.no))
    generator.close()
    assert done.gate.score == pytest.approx(yes / (yes + no), abs=1e-4)
    assert done.gate.threshold == 0.25
    assert done.gate.retrieve is (done.gate.score >= 0.25)
    assert done.gate.features["question_tokens"] == len(ids)
    assert done.gate.features["definitions"] >= 1  # what the free rule looks at is told too
    assert done.gate.reason.startswith("the model ") and f"{done.gate.score:.2f}" in done.gate.reason
    assert bool(done.prompt.hits) is done.gate.retrieve
    assert done.hits and done.timings.gate_ms > 0


@pytest.mark.parametrize(("threshold", "retrieves"), [(0.0, True), (1.0, False)])
def test_the_threshold_decides_what_the_prompt_holds(
    exported: dict[str, Path], project: Path, threshold: float, retrieves: bool
) -> None:
    generator = open_generator(str(exported["gate"]), threads=1)
    gate = GateTokens(5, 6, 2, threshold)
    known = generator.vocab
    generator._vocab = Vocab(known.n_ctx, known.size, known.template, gate)
    with Engine(project, Settings(gate="token", workers=1), generator=generator) as engine:
        told = engine.explain(REQUEST)
    generator.close()
    assert told.gate.retrieve is retrieves
    assert bool(told.prompt.hits) is retrieves
    assert told.hits


def test_without_a_gate_token_the_free_rule_decides_and_says_so(
    exported: dict[str, Path], project: Path
) -> None:
    told = {}
    for gate in ("token", "free"):
        settings = Settings(model=str(exported["plain"]), gate=gate, workers=1, threads=1)  # type: ignore[arg-type]
        with Engine(project, settings) as engine:
            told[gate] = engine.explain(REQUEST)
    assert told["token"].gate.reason == CANNOT_BE_ASKED + told["free"].gate.reason
    assert told["token"].gate.retrieve == told["free"].gate.retrieve
    assert told["token"].prompt == told["free"].prompt


@pytest.mark.parametrize("mode", ["always", "never"])
def test_the_user_decides_before_the_model(exported: dict[str, Path], project: Path, mode: str) -> None:
    request = CompletionRequest("words/user.py", 5, 11, retrieval=mode)  # type: ignore[arg-type]
    with Engine(project, Settings(model=str(exported["gate"]), gate="token", workers=1)) as engine:
        told = engine.explain(request)
    assert told.gate.retrieve is (mode == "always")
    assert "model" not in told.gate.reason


def test_one_request_asks_once() -> None:
    """A second pass has a draft, and the same code around its hole."""
    fake = FakeGenerator()
    asked: list[tuple[int, ...]] = []
    score = fake.score
    fake.score = lambda ids, text, cancel=None: asked.append(tuple(text)) or score(ids, text)  # type: ignore[func-returns-value, method-assign]
    gate = ModelGate(fake, GateTokens(5, 6, 2), "words")
    query = Query("a.py", "python", 1, 4, "x = ", "\ny = 2\n", "", ())
    first, _ = gate.decide(query)
    again, _ = gate.decide(Query("a.py", "python", 1, 4, "x = ", "\ny = 2\n", "", (), draft="number_of("))
    assert first == again and asked == [(6,), (2,)]
    assert first.score == 0.5 and first.retrieve
    gate.decide(Query("a.py", "python", 1, 4, "z = ", "\n", "", ()))
    assert len(asked) == 4


def test_a_cancelled_question_retrieves_nothing() -> None:
    import threading

    cancel = threading.Event()
    cancel.set()
    gate = ModelGate(FakeGenerator(), GateTokens(5, 6, 2), "words", cancel)
    decision, _ = gate.decide(Query("a.py", "python", 1, 4, "x = ", "\n", "", ()))
    assert not decision.retrieve and "cancelled" in decision.reason


@pytest.mark.parametrize(
    ("yes", "no", "score"), [(-1.0, -1.0, 0.5), (-0.1, -2000.0, 1.0), (-2000.0, -0.1, 0.0)]
)
def test_the_score_is_a_share(yes: float, no: float, score: float) -> None:
    decision = decision_of(yes, no, 0.5)
    assert decision.score == pytest.approx(score)
    assert decision.retrieve is (score >= 0.5)
    assert ("at least" in decision.reason) is decision.retrieve
