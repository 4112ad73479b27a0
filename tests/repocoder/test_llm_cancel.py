"""Cancelling: at any moment, within 0.2 s, and without a trace in the next answer."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import open_generator

N_CANCELS = 100
START_S = 20.0  # of a process, on a busy machine
LIMIT_S = 1.0  # 0.2 s is promised on a machine that is not overloaded; the tests of others run beside this

SOURCE = Path(__file__).parents[2].joinpath("repocoder", "gguf.py").read_text()


def test_a_hundred_cancels_at_random_moments() -> None:
    model = open_generator(threads=1)
    ids = model.tokenize(SOURCE)
    chance = random.Random(11)

    def request(tokens: int = 30) -> GenerateRequest:
        start = chance.randrange(len(ids) - 900)
        code = ids[start : start + chance.randrange(100, 500)]
        return GenerateRequest((6, *model.tokenize("a.py\n"), 1, 3, 2, *code), tokens)

    probe = request()
    usual_s = model.generate(probe).total_ms / 1000
    latencies = []
    cancelled = 0
    for _ in range(N_CANCELS):
        cancel = threading.Event()
        moment: list[float] = []

        def set_later(delay: float, cancel: threading.Event = cancel, moment: list[float] = moment) -> None:
            time.sleep(delay)
            moment.append(time.monotonic())
            cancel.set()

        timer = threading.Thread(target=set_later, args=(chance.uniform(0, usual_s),))
        timer.start()
        done = model.generate(request(), cancel=cancel)
        ended = time.monotonic()
        timer.join()
        if done.stop_reason == "cancelled":
            cancelled += 1
            latencies.append(ended - moment[0])
    after = model.generate(probe)
    model.close()
    alone = model.generate(probe)  # a new worker
    model.close()
    assert alone.reused_tokens == 0
    assert (after.token_ids, after.token_logprobs) == (alone.token_ids, alone.token_logprobs)
    assert cancelled > N_CANCELS // 4
    usual = sorted(latencies)[: -len(latencies) // 10]  # now and then the machine does something else
    assert max(usual) < LIMIT_S, sorted(latencies)[-15:]


def test_cancelling_before_the_start_and_while_another_call_runs() -> None:
    model = open_generator(threads=1)
    ids = model.tokenize(SOURCE)[:800]
    cancel = threading.Event()
    cancel.set()
    assert model.generate(GenerateRequest((6, 1, 3, 2, *ids), 9), cancel=cancel).stop_reason == "cancelled"
    first_cancel, second_cancel = threading.Event(), threading.Event()
    first = threading.Thread(
        target=model.generate, args=(GenerateRequest((6, 1, 3, 2, *ids), 200), None, first_cancel)
    )
    first.start()
    time.sleep(0.05)
    second_cancel.set()
    started = time.monotonic()
    done = model.generate(GenerateRequest((6, 1, 3, 2, *ids[:50]), 9), cancel=second_cancel)
    assert done.stop_reason == "cancelled" and time.monotonic() - started < LIMIT_S
    first_cancel.set()
    first.join(60)
    assert not first.is_alive()
    model.close()


def test_cancelling_while_the_model_loads() -> None:
    model = open_generator(threads=1)
    cancel = threading.Event()
    threading.Timer(0.02, cancel.set).start()
    started = time.monotonic()
    done = model.generate(GenerateRequest((6, 1, 50, 3, 2), 5), cancel=cancel)
    assert done.stop_reason == "cancelled" and time.monotonic() - started < START_S
    assert model.generate(GenerateRequest((6, 1, 50, 3, 2), 5)).stop_reason in ("end", "length")
    model.close()
