"""The product's worker beside llama.cpp's own `llama-bench`, on the same file, threads and libraries.

    python -m training.completion.speed MODEL.gguf [--threads 2] [--repetitions 5] [--json FILE]

The tool is compiled once from the sources in llama-cpp-python's source distribution, and linked with the libraries of
the installed wheel: so both sides run the same kernels, and the ratio says what the worker loses. Both take turns, so
that a machine that is busy for a while is busy for both.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eval.run.provenance import origin_facts
from repocoder.errors import RepocoderError
from repocoder.gguf import read_header
from repocoder.llm.link import Link
from repocoder.llm.messages import Done, Failed, Generate, Load, Piece, Prefilled, Reply
from training.completion.bench import find_tool
from training.completion.weights import TrainingError

PROMPTS = (512, 1500)
DECODED = 128
SEED = 5
LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens a second, medians of all repetitions; `lowest` and `highest` of each side show how steady they were."""

    test: str
    bench: float
    worker: float
    ratio: float
    bench_range: tuple[float, float]
    worker_range: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Speed:
    bench: str  # the tool, with its version
    file: str
    threads: int
    repetitions: int
    machine: str
    load_average: float  # one minute, at the end
    rows: list[Row]


class Worker:
    """The model worker of the product, spoken to as its parent does, but with prompts of random tokens."""

    def __init__(self, gguf: Path, threads: int) -> None:
        context = max(PROMPTS) + DECODED
        self._link = Link(Load(os.fsencode(gguf), context, threads))
        if not self._link.wait_loaded(None):
            raise TrainingError(f"GGUF: {gguf}: the worker does not load it")
        assert self._link.loaded is not None
        if self._link.loaded.n_ctx < context:
            raise TrainingError(f"GGUF: {gguf}: its context is below {context} tokens: measure another model")
        self._n_vocab = self._link.loaded.n_vocab
        self._random = np.random.default_rng(SEED)

    def prompt(self, tokens: int) -> float:
        """Tokens a second of a prompt that has nothing in common with those before."""
        started, number = time.perf_counter(), self._order(tokens, 1)
        ended = 0.0
        for reply in self._replies(number):
            if isinstance(reply, Prefilled):
                ended = time.perf_counter()
        return tokens / (ended - started)

    def decode(self, tokens: int) -> float:
        """Generated tokens a second, from the first one that arrives to the last one."""
        number, times = self._order(2, tokens), []
        for reply in self._replies(number):
            if isinstance(reply, Piece):
                times.append(time.perf_counter())
        return (len(times) - 1) / (times[-1] - times[0])

    def close(self) -> None:
        self._link.kill()

    def _order(self, prompt: int, new: int) -> int:
        number = self._link.next_number()
        ids = [int(one) for one in self._random.integers(0, self._n_vocab, prompt)]
        self._link.send(Generate(number, ids, new, [], True))  # no end tokens: it never ends early
        return number

    def _replies(self, number: int) -> Iterator[Reply]:
        while True:
            reply = self._link.receive(None, LIMIT_S)
            if isinstance(reply, Failed):
                raise TrainingError(f"worker: {reply.why}: measure another model")
            assert reply is not None  # nobody cancels
            yield reply
            if isinstance(reply, Done) and reply.number == number:
                return


def run_bench(tool: Path, gguf: Path, threads: int) -> dict[str, float]:
    """Tokens a second of each test, one repetition after a warm-up. TrainingError: the tool fails."""
    command = [str(tool), "-m", str(gguf), "-t", str(threads), "-r", "1", "-o", "json"]
    command += ["-p", ",".join(map(str, PROMPTS)), "-n", str(DECODED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode:
        raise TrainingError(f"llama-bench: {(done.stderr.strip() or 'failed').splitlines()[-1]}: see its log")
    found = {}
    for row in json.loads(done.stdout):
        name = f"prompt of {row['n_prompt']}" if row["n_prompt"] else f"decoding {row['n_gen']}"
        found[name] = float(row["avg_ts"])
    return found


def measure(gguf: Path, *, threads: int, repetitions: int) -> Speed:
    """Both sides in turn. TrainingError: no compiler, no sources, or a model that does not fit."""
    tool = find_tool()
    read_header(gguf)
    bench: dict[str, list[float]] = {}
    ours: dict[str, list[float]] = {}
    for number in range(1, repetitions + 1):
        for name, value in run_bench(tool, gguf, threads).items():
            bench.setdefault(name, []).append(value)
        worker = Worker(gguf, threads)
        try:
            worker.prompt(PROMPTS[0])  # the warm-up, as the tool does
            for tokens in PROMPTS:
                ours.setdefault(f"prompt of {tokens}", []).append(worker.prompt(tokens))
            ours.setdefault(f"decoding {DECODED}", []).append(worker.decode(DECODED))
        finally:
            worker.close()
        print(f"{number}/{repetitions}", file=sys.stderr, flush=True)
    rows = []
    for name, values in ours.items():
        theirs, mine = statistics.median(bench[name]), statistics.median(values)
        ranges = [(round(min(one), 1), round(max(one), 1)) for one in (bench[name], values)]
        rows.append(
            Row(name, round(theirs, 1), round(mine, 1), round(mine / theirs, 3), ranges[0], ranges[1])
        )
    facts = origin_facts()["machine"]
    machine = f"{facts['processor']}, {facts['cores']} cores"
    return Speed(
        tool.parent.name, gguf.name, threads, repetitions, machine, round(os.getloadavg()[0], 1), rows
    )


def text_of(found: Speed) -> str:
    lines = [
        f"{found.file}, {found.threads} threads, {found.repetitions} repetitions, load {found.load_average}"
    ]
    for row in found.rows:
        lines.append(
            f"{row.test:16} worker {row.worker:8.1f} {list(row.worker_range)}  llama-bench {row.bench:8.1f} "
            f"{list(row.bench_range)}  ratio {row.ratio:.3f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gguf", type=lambda text: Path(text).resolve())
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    try:
        found = measure(given.gguf, threads=given.threads, repetitions=given.repetitions)
    except RepocoderError as error:
        print(f"speed: {error}", file=sys.stderr)
        return error.exit_code
    print(text_of(found))
    if given.json is not None:
        command = f"python -m training.completion.speed {given.gguf.name} --repetitions {given.repetitions}"
        date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        given.json.write_text(
            json.dumps({"command": command, "date": date, **asdict(found)}, indent=1) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
