"""Log-likelihood of a given continuation, with the embedded model: the figures of `generate`, whatever came before."""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from repocoder.errors import ModelError, WorkerError
from repocoder.llm import runtime
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import LocalGenerator, open_generator

SOURCE = Path(__file__).parents[2].joinpath("repocoder", "gguf.py").read_text()
NEVER = frozenset[int]()


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_generator(threads=1)
    yield generator
    generator.close()


def prompt(model: LocalGenerator, lines: int) -> tuple[int, ...]:
    ids = model.vocab.template.ids
    text = "".join(SOURCE.splitlines(keepends=True)[:lines])
    head = (ids["file"], *model.tokenize("pkg/m.py\n"), ids["prefix"], ids["suffix"], ids["middle"])
    return (*head, *model.tokenize(text)[-600:])


@pytest.mark.parametrize("lines", [61, 75, 90])
def test_the_text_that_greedy_decoding_chose_has_its_figures(model: LocalGenerator, lines: int) -> None:
    token_ids = prompt(model, lines)
    done = model.generate(GenerateRequest(token_ids, 40))
    assert len(done.token_ids) > 3
    scored = model.score(token_ids, done.token_ids)
    assert scored == done.token_logprobs  # bit by bit: no call takes a single token
    assert model.score(token_ids, done.token_ids[:1]) == scored[:1] == done.token_logprobs[:1]


def test_greedy_text_is_the_likeliest_first_token_and_the_truth_is_not_above_it(
    model: LocalGenerator,
) -> None:
    token_ids = prompt(model, 70)
    chosen = model.generate(GenerateRequest(token_ids, 1)).token_ids
    best = model.score(token_ids, chosen)[0]
    others = [model.score(token_ids, [token_id])[0] for token_id in range(20, model.vocab.size, 401)]
    assert best > max(others) and max(others) < 0


def test_all_first_tokens_add_up_to_one(model: LocalGenerator, embedded_gguf: Path) -> None:
    """The whole vocabulary counts, control tokens too: the same arithmetic as `choose`."""
    worker = runtime.Model(bytes(embedded_gguf), max_ctx=256, threads=1)
    ids = worker.tokenize("def read(path):\n    return ")
    assert worker.reuse(ids) == 0 and worker.decode(ids, lambda: False)
    everything = worker.logprobs([3])
    logprobs = [worker.logprobs([token_id])[0] for token_id in range(worker.facts.n_vocab)]
    assert math.fsum(np.exp(logprobs)) == pytest.approx(1, abs=1e-5)
    assert everything == [logprobs[3]]
    token_id, logprob = worker.choose(NEVER)
    assert logprobs[token_id] == logprob
    assert model.score(ids, [token_id]) == (logprob,)


def test_the_product_rule(model: LocalGenerator) -> None:
    """log P(b c | a) = log P(b | a) + log P(c | a b), wherever the text is cut."""
    ids = model.tokenize(SOURCE)[:260]
    before, text = ids[:180], ids[180:]
    whole = model.score(before, text)
    assert len(whole) == len(text) and all(value < 0 for value in whole)
    for cut in (1, 7, 64, len(text) - 1):
        assert model.score(before, text[:cut]) + model.score([*before, *text[:cut]], text[cut:]) == whole


def test_batches_of_any_size_give_the_same(model: LocalGenerator, embedded_gguf: Path) -> None:
    """No more rows of logits are in memory than asked for, and no call takes a single token."""
    from repocoder.llm.messages import Done, Score, Scored
    from repocoder.llm.remembering import Segments
    from repocoder.llm.worker import _score

    ids = model.tokenize(SOURCE)[:300]
    whole = model.score(ids[:200], ids[200:])
    worker = runtime.Model(bytes(embedded_gguf), max_ctx=512, threads=1)
    assert worker.score_tokens == min(runtime.BATCH_TOKENS, runtime.SCORE_LOGITS // model.vocab.size)
    sizes: list[int] = []
    decode = worker.decode

    def noted(token_ids: list[int], is_cancelled: Callable[[], bool], *, n_logits: int = 1) -> bool:
        sizes.append(len(token_ids))
        return decode(token_ids, is_cancelled, n_logits=n_logits)

    worker.decode = noted  # type: ignore[assignment, method-assign]
    for size in (2, 3, 7, 14, 49, 64):
        worker.score_tokens = size
        sent: list[object] = []
        order = Score(1, ids[:200], ids[200:])
        assert _score(order, worker, Segments(), lambda: False, sent.append) == Done(1, "scored")
        scored = [reply for reply in sent if isinstance(reply, Scored)]
        assert max(len(reply.logprobs) for reply in scored) <= size
        assert tuple(value for reply in scored for value in reply.logprobs) == whole
    assert min(sizes) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_continuations(model: LocalGenerator, count: int) -> None:
    ids = model.tokenize(SOURCE)[:100]
    assert model.score(ids[:90], ids[90 : 90 + count]) == model.score(ids[:90], ids[90:])[:count]
    assert len(model.score(ids[:1], ids[1 : 1 + count])) == count


def test_the_cache_is_shared_with_generate(model: LocalGenerator) -> None:
    """Neither undoes the work of the other, and neither changes what the other says."""
    token_ids = prompt(model, 80)
    truth = model.tokenize(SOURCE[3000:3100])
    model.generate(GenerateRequest(model.tokenize("other"), 1))
    first = model.generate(GenerateRequest(token_ids, 20))
    assert first.reused_tokens < 10
    scored = model.score(token_ids, truth)
    again = model.generate(GenerateRequest(token_ids, 20))
    assert again.reused_tokens == len(token_ids) - 2
    assert (again.token_ids, again.token_logprobs) == (first.token_ids, first.token_logprobs)
    assert model.score(token_ids, truth) == scored
    fresh = open_generator(threads=1)
    assert fresh.score(token_ids, truth) == scored
    assert fresh.generate(GenerateRequest(token_ids, 20)).token_logprobs == first.token_logprobs
    fresh.close()


def test_limits(model: LocalGenerator) -> None:
    n_ctx = model.vocab.n_ctx
    ids = (model.tokenize(SOURCE) * 3)[:n_ctx]
    assert model.score(ids[:9], ()) == ()
    assert len(model.score(ids[:1], ids[1:])) == n_ctx - 1
    assert len(model.score(ids[: n_ctx - 1], ids[-1:])) == 1
    for before, text in ((ids[: n_ctx - 4], ids[:5]), ((), ids[:5]), (ids[:5], (1 << 20,)), (ids[:5], (-1,))):
        with pytest.raises(ModelError) as caught:
            model.score(before, text)
        assert "\n" not in str(caught.value)
    with pytest.raises(
        ModelError, match=f"{n_ctx - 4} tokens with a continuation of 5; the context has {n_ctx}"
    ):
        model.score(ids[: n_ctx - 4], ids[:5])
    assert len(model.score(ids[:9], ids[9:12])) == 3


def test_cancelling_leaves_no_trace(model: LocalGenerator) -> None:
    ids = (model.tokenize(SOURCE) * 3)[:1000]
    cancel = threading.Event()
    cancel.set()
    assert model.score(ids[:100], ids[100:], cancel) == ()
    started = time.monotonic()
    whole = model.score(ids[:100], ids[100:])
    usual_s = time.monotonic() - started
    chance = random.Random(5)
    cancelled = 0
    for _ in range(10):
        model.generate(GenerateRequest(model.tokenize("x"), 1))
        cancel = threading.Event()
        timer = threading.Timer(chance.uniform(0, usual_s), cancel.set)
        timer.start()
        answer = model.score(ids[:100], ids[100:], cancel)
        timer.join()
        cancelled += answer == ()
        assert answer in ((), whole)
    assert cancelled
    assert model.score(ids[:100], ids[100:]) == whole


def test_a_worker_that_dies_is_replaced(model: LocalGenerator) -> None:
    ids = model.tokenize(SOURCE)[:900]
    whole = model.score(ids[:500], ids[500:])
    assert model.worker_pid is not None
    os.kill(model.worker_pid, signal.SIGKILL)
    assert model.score(ids[:500], ids[500:]) == whole
    for _ in range(5):  # in the middle of it
        first = model.worker_pid
        assert first is not None
        timer = threading.Timer(random.Random(7).uniform(0, 0.2), os.kill, (first, signal.SIGKILL))
        timer.start()
        assert model.score(ids[:500], ids[500:]) == whole
        timer.join()


def test_a_worker_that_always_dies_is_given_up(
    model: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repocoder.llm.link import Link
    from repocoder.llm.messages import Score

    send = Link.send

    def deadly(link: Link, order: object) -> None:
        if isinstance(order, Score):
            os.kill(link.pid, signal.SIGKILL)
        send(link, order)  # type: ignore[arg-type]

    monkeypatch.setattr(Link, "send", deadly)
    with pytest.raises(WorkerError, match="died 4 times"):
        model.score([50, 60], [70])
    monkeypatch.undo()
    assert len(model.score([50, 60], [70])) == 1


def test_the_double_has_it_too() -> None:
    fake = FakeGenerator("ab", logprob=-0.5)
    done = fake.generate(GenerateRequest(tuple(fake.tokenize("x")), 9))
    assert fake.can_score
    assert fake.score(fake.tokenize("x"), done.token_ids) == done.token_logprobs == (-0.5, -0.5)
    stop = threading.Event()
    stop.set()
    assert fake.score([9], [9], stop) == ()
    with pytest.raises(ModelError):
        fake.score([9] * 8000, [9] * 200)
