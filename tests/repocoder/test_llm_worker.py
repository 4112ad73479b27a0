"""The worker with the embedded model: text, ids, reuse of the cache, death and damaged files."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from indexer.ipc import ChildProcess
from repocoder.errors import ModelError, WorkerError
from repocoder.gguf import read_header
from repocoder.llm import runtime
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.generator import Fed, GenerateRequest
from repocoder.llm.ids import pieces
from repocoder.llm.local import LocalGenerator, LocalModel, open_generator, physical_cores
from repocoder.models import EMBEDDED_CTX, EMBEDDED_FILE, EMBEDDED_NAME, EMBEDDED_SHA256
from repocoder.types import ModelInfo

SOURCE = Path(__file__).parents[2].joinpath("repocoder", "gguf.py").read_text()
HOSTILE = "x = '<|fim_middle|>'  # <|endoftext|><|file_sep|> <fim_prefix>\n<|repo_name|>\0\x1b]52;c;\x07"
HOSTILE += " \ufeff é 漢 🙂 \r\n"


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_generator(threads=1)
    yield generator
    generator.close()


def local(path: Path, **options: object) -> LocalGenerator:
    return LocalGenerator(LocalModel(path, ModelInfo(path.stem, "0" * 64), threads=1, **options))  # type: ignore[arg-type]


def prompt(model: LocalGenerator | FakeGenerator, text: str) -> tuple[int, ...]:
    ids = model.vocab.template.ids
    head = [ids["file"], *model.tokenize("pkg/m.py\n"), ids["prefix"], ids["suffix"], ids["middle"]]
    return (*head, *model.tokenize(text)[-600:])


def test_facts_of_the_loaded_model(model: LocalGenerator) -> None:
    vocab = model.vocab
    assert (vocab.n_ctx, vocab.template.name) == (EMBEDDED_CTX, "repocoder")
    assert vocab.size == len(read_header(EMBEDDED_FILE).tokens)
    assert vocab.template.end_ids == {0, 4, 5, 6}
    assert (model.info.name, model.info.sha256) == (EMBEDDED_NAME, EMBEDDED_SHA256)


@pytest.mark.parametrize("text", [SOURCE, HOSTILE, "", "\n\n  \t", "a" * 5000, "\ud800x"])
def test_text_never_becomes_a_control_token_and_comes_back(model: LocalGenerator, text: str) -> None:
    ids = model.tokenize(text)
    assert not set(ids) & model.vocab.template.control_ids
    assert model.detokenize(ids) == text.encode("utf-8", "replace").decode()


def test_many_texts_are_the_same_as_one_by_one(model: LocalGenerator) -> None:
    texts = [SOURCE[:300], "", "def f():", SOURCE[:300], HOSTILE]
    assert model.tokenize_many(texts) == [model.tokenize(text) for text in texts]
    assert model.detokenize([6, *model.tokenize("a\n"), 1]) == "<|file_sep|>a\n<|fim_prefix|>"


@pytest.mark.parametrize(
    "text",
    [SOURCE, HOSTILE * 40, ("é1\r\n\tif x:\n\n\n  y2\n" * 90) + "z", "a\n" * 900, "1234567\n  '" * 200],
)
def test_a_long_text_has_the_same_ids_in_pieces(model: LocalGenerator, text: str) -> None:
    assert "".join(pieces(text)) == text
    whole = model._ask(lambda link: model._tokenize(link, [text]))[0]
    assert model.tokenize(text) == whole
    assert model.tokenize(text + "end") == model._ask(lambda link: model._tokenize(link, [text + "end"]))[0]


def test_what_is_typed_at_the_end_leaves_the_other_pieces_alone() -> None:
    before, after = pieces(SOURCE), pieces(SOURCE[:-1] + "  # more\n")
    assert len(before) > 10
    assert max(map(len, before)) < 2_000
    assert before[:-1] == after[: len(before) - 1]
    middle = SOURCE.index("\n", len(SOURCE) // 2)
    edited = pieces(SOURCE[:middle] + "  # typed" + SOURCE[middle:])
    assert len(set(edited) - set(before)) <= 2


def test_text_streams_and_log_probabilities_add_up(model: LocalGenerator) -> None:
    seen: list[str] = []
    done = model.generate(GenerateRequest(prompt(model, SOURCE[:2000]), 40), seen.append)
    assert seen[-1] == done.text and all(b.startswith(a) for a, b in pairwise(seen))
    assert model.detokenize(done.token_ids) == done.text
    assert len(done.token_ids) == len(done.token_logprobs) == len(done.token_ends)
    assert done.token_ends[-1] == len(done.text)
    assert done.mean_logprob is not None and -5 < done.mean_logprob < 0
    assert done.mean_logprob == pytest.approx(math.fsum(done.token_logprobs) / len(done.token_logprobs))
    assert done.mean_logprob_of(0) is None
    assert done.mean_logprob_of(1) == done.token_logprobs[0]
    assert done.mean_logprob_of(len(done.text)) == pytest.approx(done.mean_logprob)
    assert 0 < done.prefill_ms <= done.total_ms and 0 < done.first_token_ms <= done.total_ms


def test_reuse_and_a_fresh_model_write_the_same(model: LocalGenerator) -> None:
    """Bit by bit, since the runtime is set so that logits do not depend on how a prompt was cut into
    batches."""
    fresh = open_generator(threads=1)
    lines = SOURCE.splitlines(keepends=True)
    for end in (60, 61, 75, 40, 76):
        request = GenerateRequest(prompt(model, "".join(lines[:end])), 24)
        reused, again = model.generate(request), model.generate(request)
        alone = fresh.generate(request)
        fresh.close()
        assert again.reused_tokens == len(request.token_ids) - 2
        assert alone.reused_tokens == 0
        assert reused.token_ids == again.token_ids == alone.token_ids
        assert reused.token_logprobs == again.token_logprobs == alone.token_logprobs


def test_what_was_decoded_one_token_at_a_time_is_not_reused_in_a_prompt(embedded_gguf: Path) -> None:
    """Generated text that was typed after all: its keys and values differ a little from those of a prompt."""
    worker = runtime.Model(bytes(embedded_gguf), max_ctx=1024, threads=1)
    ids = worker.tokenize(SOURCE)[:600]

    def figures() -> list[float]:
        return [worker.logprobs([token_id])[0] for token_id in range(0, worker.facts.n_vocab, 99)]

    def prefill(length: int) -> tuple[int, list[float]]:
        reused = worker.reuse(ids[:length])
        for batch in worker.batches(ids[:length]):
            assert len(batch) > 1 and worker.decode(batch, lambda: False)
        return reused, figures()

    fresh = {}
    for length in (40, 100, 256, 257, 258, 513, 600):  # whatever is left for the last batch
        worker.reuse([9, 9])
        fresh[length] = prefill(length)[1]
    assert prefill(40) == (38, fresh[40])
    for token_id in ids[40:100]:
        assert worker.decode([token_id], lambda: False)
    assert (
        prefill(100)[0] == 40
    )  # with weights in Q8_0, the figures of the sixty would not be those of a prompt
    for length in fresh:
        assert prefill(length)[1] == fresh[length]


def interrupting(worker: runtime.Model, over: threading.Event) -> threading.Thread:
    def interrupt() -> None:
        while not over.wait(0.001):
            worker.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


def test_an_interrupt_ends_a_call_that_is_cancelled(embedded_gguf: Path) -> None:
    worker = runtime.Model(bytes(embedded_gguf), max_ctx=1024, threads=1)
    ids = worker.tokenize(SOURCE)[: runtime.BATCH_TOKENS]
    asked: list[int] = []

    def is_cancelled() -> bool:
        """Not when the call begins, but when it was interrupted."""
        asked.append(len(asked))
        return len(asked) > 1

    over = threading.Event()
    thread = interrupting(worker, over)
    try:
        for _ in range(20):  # a busy machine may let the other thread sleep through a whole call
            asked.clear()
            worker.reuse([9, 9])
            if not worker.decode(ids, is_cancelled):
                break
        else:
            pytest.fail("no call was ended")
    finally:
        over.set()
        thread.join()
    assert worker.tokens == []


def test_an_interrupt_for_an_earlier_order_ends_nothing(embedded_gguf: Path) -> None:
    worker = runtime.Model(bytes(embedded_gguf), max_ctx=1024, threads=1)
    ids = worker.tokenize(SOURCE)[: runtime.BATCH_TOKENS]
    asked: list[int] = []
    over = threading.Event()
    thread = interrupting(worker, over)

    def is_cancelled() -> bool:
        asked.append(len(asked))
        if len(asked) > 3:
            over.set()  # else no call would ever come to its end
        return False

    try:
        assert worker.decode(ids, is_cancelled)
    finally:
        over.set()
        thread.join()
    found = worker.logprobs([5])
    worker.reuse([9, 9])
    assert worker.decode(ids, lambda: False) and worker.logprobs([5]) == found


def test_no_control_token_is_written(model: LocalGenerator) -> None:
    """A prefix without a suffix makes this model write `<|fim_suffix|>` if it may."""
    control = set(range(7))
    for start in range(0, 4000, 500):
        ids = (6, *model.tokenize("a.py\n"), 1, *model.tokenize(SOURCE[start : start + 400]))
        done = model.generate(GenerateRequest(ids, 32))
        assert not control & set(done.token_ids)
        assert "<|" not in done.text


def test_max_tokens_and_the_context_are_limits(model: LocalGenerator) -> None:
    ids = prompt(model, SOURCE[:900])
    assert len(model.generate(GenerateRequest(ids, 3)).token_ids) <= 3
    assert model.generate(GenerateRequest(ids, 0)).text == ""
    long = (ids * 20)[: model.vocab.n_ctx - 2]
    assert len(model.generate(GenerateRequest(long, 50)).token_ids) <= 2
    for wrong in ((), (ids * 20)[: model.vocab.n_ctx], (1 << 20,), (-1,)):
        with pytest.raises(ModelError):
            model.generate(GenerateRequest(wrong, 5))
    assert model.generate(GenerateRequest(ids, 3)).stop_reason in ("length", "end")


class UpTo:
    """Stops when the text has so many characters."""

    def __init__(self, length: int) -> None:
        self.length, self.text = length, ""

    def reset(self) -> None:
        self.text = ""

    def feed(self, piece: str) -> Fed:
        self.text += piece
        return Fed(self.text[: self.length], "enough" if len(self.text) >= self.length else None)


def test_a_stop_rule_ends_it_and_the_next_answer_is_not_disturbed(model: LocalGenerator) -> None:
    request = GenerateRequest(prompt(model, SOURCE[:1500]), 40)
    whole = model.generate(request)
    seen: list[str] = []
    stopped = model.generate(GenerateRequest(request.token_ids, 40, UpTo(6)), seen.append)
    assert stopped.stop_reason == "enough" and whole.text.startswith(stopped.text)
    assert seen[-1] == whole.text[:6]
    assert model.generate(request).token_ids == whole.token_ids


def test_a_worker_that_is_killed_in_the_middle_is_replaced(embedded_gguf: Path) -> None:
    model = local(embedded_gguf, max_ctx=1024)
    request = GenerateRequest(prompt(model, SOURCE[:1500]), 40)
    whole = model.generate(request)
    kills = iter([True, True, False])

    def kill(text: str) -> None:
        if len(text) > 5 and model.worker_pid and next(kills, False):
            os.kill(model.worker_pid, signal.SIGKILL)

    seen: list[str] = []
    again = model.generate(request, lambda text: (seen.append(text), kill(text))[0])
    assert again.token_ids == whole.token_ids
    assert again.text == whole.text
    model.close()


def test_a_worker_that_always_dies_is_given_up(embedded_gguf: Path) -> None:
    model = local(embedded_gguf)
    request = GenerateRequest(prompt(model, SOURCE[:1500]), 40)
    deaths: set[int | None] = set()

    def kill(_: str) -> None:
        if model.worker_pid is not None:
            deaths.add(model.worker_pid)
            os.kill(model.worker_pid, signal.SIGKILL)

    with pytest.raises(WorkerError) as caught:
        model.generate(request, kill)
    assert caught.value.exit_code == 8 and len(deaths) == 4
    assert "SIGKILL" in str(caught.value) and "\n" not in str(caught.value)
    assert model.generate(request).text  # it can be tried again
    model.close()


def test_closing_ends_what_runs(embedded_gguf: Path) -> None:
    model = local(embedded_gguf)
    request = GenerateRequest(prompt(model, SOURCE[:1500]), 400)
    results = []
    thread = threading.Thread(target=lambda: results.append(model.generate(request)))
    thread.start()
    time.sleep(0.3)
    model.close()
    thread.join(60)
    assert not thread.is_alive() and results[0].stop_reason in ("cancelled", "end", "length")
    assert model.worker_pid is None


def test_a_file_that_llama_cannot_load_is_a_model_error(write_gguf: Callable[..., Path]) -> None:
    path = write_gguf({"general.name": "hollow"}, ["<s>", "a"], control=["<s>"])
    model = local(path)
    with pytest.raises(ModelError) as caught:
        model.tokenize("a")
    assert caught.value.exit_code == 4 and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_crashes_the_runtime_is_a_model_error(
    embedded_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Dying(ChildProcess):
        def __init__(self, module: str) -> None:
            super().__init__(module)
            started.append(self.pid)
            self._process.kill()

    monkeypatch.setattr("repocoder.llm.link.ChildProcess", Dying)
    with pytest.raises(ModelError, match="crashes on it") as caught:
        local(embedded_gguf).tokenize("a")
    assert caught.value.exit_code == 4 and len(started) == 2  # one retry


def test_damaged_files_never_harm_this_process(embedded_gguf: Path, tmp_path: Path) -> None:
    """What our header check lets pass goes to llama.cpp: it loads, or it is a ModelError."""
    size = embedded_gguf.stat().st_size
    sound = embedded_gguf.read_bytes()
    end = read_header(embedded_gguf).data_offset
    chance = random.Random(3)
    path = tmp_path / "damaged.gguf"
    outcomes = {"loaded": 0, "refused": 0}
    for _ in range(12):
        changed = bytearray(sound)
        at = chance.randrange(1300) if chance.random() < 0.7 else chance.randrange(end)
        changed[at : at + 2] = chance.randbytes(2)
        path.write_bytes(changed[:size])
        model = local(path, max_ctx=256)
        try:
            model.generate(GenerateRequest((1, 3, 2), 2))
            outcomes["loaded"] += 1
        except (ModelError, WorkerError):
            outcomes["refused"] += 1
        finally:
            model.close()
    assert sum(outcomes.values()) == 12


def test_the_runtime_is_loaded_in_the_worker_only(model: LocalGenerator) -> None:
    assert model.tokenize("a")
    code = (
        "import sys, repocoder.llm.local as m\n"
        "g = m.open_generator(threads=1); g.tokenize('a'); g.close()\n"
        "assert 'llama_cpp' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


def test_the_double_behaves_like_the_real_one() -> None:
    fake = FakeGenerator({"special": "aé🙂b"})
    seen: list[str] = []
    done = fake.generate(GenerateRequest(prompt(fake, "special"), 99), seen.append)
    assert (done.text, done.stop_reason, seen) == ("aé🙂b", "end", ["a", "aé", "aé🙂", "aé🙂b"])
    assert fake.detokenize(done.token_ids) == done.text
    assert fake.generate(GenerateRequest(prompt(fake, "special"), 1)).stop_reason == "length"
    assert fake.generate(GenerateRequest(prompt(fake, "other"), 9)).text == ""
    assert fake.generate(GenerateRequest(prompt(fake, "special"), 99, UpTo(2))).stop_reason == "enough"
    stop = threading.Event()
    stop.set()
    assert fake.generate(GenerateRequest(prompt(fake, "special"), 9), cancel=stop).stop_reason == "cancelled"


def test_an_empty_answer_can_be_refused(model: LocalGenerator) -> None:
    """Behind a whole line the model often ends at once; the end is then forbidden until there is text."""
    ids = model.vocab.template.ids
    lines = SOURCE.splitlines(keepends=True)
    empty = 0
    for number in range(40, 120, 8):
        before, after = "".join(lines[number - 20 : number + 1]), "".join(lines[number + 1 : number + 20])
        path, before_ids, after_ids = model.tokenize_many(
            ["pkg/m.py\n", before.removesuffix("\n"), "\n" + after]
        )
        control = (ids["file"], *path, ids["prefix"], ids["suffix"], *after_ids, ids["middle"])
        request = GenerateRequest((*control, *before_ids), 12)
        if not model.generate(request).text.strip():
            empty += 1
            assert model.generate(replace(request, may_be_empty=False)).text.strip()
    assert empty
