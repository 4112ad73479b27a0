"""How long the first token takes while one types: cold, and at the next keys on the same line, with each measure off.

    python -m eval.bench.typing REPO [--cursors 8] [--keys 12] [--model M.gguf] [--server llama-server] [--json FILE]

At each cursor (a random line of a function, taken out of its file) the line is typed again, key by key, and after
every key a completion is asked for, as the UI does. The time is that of the whole request with one new token: parsing,
retrieval, prompt, model. *Cold* is the first request of a line after the model's cache was emptied. The ways of a run:
everything on; without snippets that stay put; with a prefix that is always the last tokens before the cursor; with the
prefix before the suffix; and with a request that knows nothing of the one before it.

Then what the two orders of prefix and suffix cost in nats of the true line, how many keys are answered without the
model, and, with `--server`, whole warm requests beside llama.cpp's `llama-server`: same model, prompts of the same
parts, as many new tokens.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from eval.bench.infill_server import Filled, InfillServer, ServerError, infill_server
from eval.bench.speed import machine, percentile
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.fim import Part, Template, plain
from repocoder.llm.generator import Generated, GenerateRequest, OnText
from repocoder.llm.local import LocalGenerator, LocalModel, open_generator, physical_cores
from repocoder.models import resolve
from repocoder.types import Completion, CompletionRequest
from repocoder.window import CHARACTERS_PER_TOKEN, TokenizeMany
from retrieval.types import Exclusion

MIN_LINES = 40  # of a file that has cursors
MIN_LINE = 24  # characters of a line that is typed, without its indentation
TRUE_TOKENS = 32  # of a true line, at most, that are scored
SERVED_TOKENS = 16  # new ones of a whole request
PREFIX_FIRST = "prefix before suffix"
WAYS = ("all", "no sticky snippets", "last tokens as prefix", PREFIX_FIRST, "nothing is kept")
PARTS = ("ways", "orders", "known", "server")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A line that is typed again. `before` and `after` are the file without it."""

    path: str
    before: str
    after: str
    line: str  # without its end
    number: int  # 1-based

    @property
    def start(self) -> int:
        """Columns of its indentation."""
        return len(self.line) - len(self.line.lstrip())

    def request(self, column: int, **more: Any) -> CompletionRequest:
        """What is asked when the line is typed up to this column."""
        exclusions = (Exclusion(self.path, self.number, self.number),)
        return CompletionRequest(
            self.path,
            self.number,
            column,
            text=self.before + self.line[:column] + self.after,
            exclusions=exclusions,
            **{"passes": 1, "live": True, **more},
        )


@dataclass(slots=True)
class Times:
    """Seconds of one way, over all cursors."""

    name: str
    cold: list[float] = field(default_factory=list)
    keys: list[float] = field(default_factory=list)
    reused: list[float] = field(default_factory=list)  # share of the prompt, at the keys
    tokens: list[int] = field(default_factory=list)  # of the cold prompts

    def row(self) -> dict[str, Any]:
        cold = statistics.median(self.cold)
        return {
            "way": self.name,
            "cold_p50_ms": 1000 * cold,
            "cold_p95_ms": 1000 * percentile(self.cold, 0.95),
            "key_p50_ms": 1000 * statistics.median(self.keys),
            "key_p95_ms": 1000 * percentile(self.keys, 0.95),
            "key_p50_of_cold": statistics.median(self.keys) / cold,
            "key_p95_of_cold": percentile(self.keys, 0.95) / cold,
            "keys_within_0.35": sum(key <= 0.35 * cold for key in self.keys) / len(self.keys),
            "reused_p50": statistics.median(self.reused),
            "reused_mean": statistics.fmean(self.reused),
            "prompt_tokens": statistics.fmean(self.tokens),
            "keys": len(self.keys),
        }


class PrefixFirst(LocalGenerator):
    """The same model with its prompts in the order prefix, suffix, middle, which the embedded model knows too."""

    def generate(
        self, request: GenerateRequest, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Generated:
        swapped = prefix_first(request.token_ids, self.vocab.template)
        return super().generate(replace(request, token_ids=swapped), on_text, cancel)


def prefix_first(ids: Sequence[int], template: Template) -> tuple[int, ...]:
    """`<prefix><suffix>S<middle>P` as `<prefix>P<suffix>S<middle>`, whatever stands before it."""
    marks = [template.ids[role] for role in ("prefix", "suffix", "middle")]
    if not set(marks) <= set(ids):
        return tuple(ids)  # no hole in it
    start, turn, end = (len(ids) - 1 - list(reversed(ids)).index(mark) for mark in marks)
    if not start + 1 == turn < end:
        return tuple(ids)  # in this order already
    return (*ids[: start + 1], *ids[end + 1 :], marks[1], *ids[turn + 1 : end], marks[2])


def last_tokens(text: str, budget: int, template: Template, tokenize_many: TokenizeMany) -> Part:
    """What `fit_prefix` would be without a stable start: the last tokens, wherever they begin."""
    if budget <= 0 or not text:
        return Part("", ())
    tail = text[-budget * CHARACTERS_PER_TOKEN :]
    return Part(tail, plain(tokenize_many([tail])[0], template)[-budget:])


def cursors_of(engine: Engine, count: int, seed: int) -> list[Cursor]:
    """Random lines of functions of random Python files, one a file."""
    rng = random.Random(seed)  # noqa: S311
    with engine.snapshot() as snapshot:
        paths = sorted(path for path in snapshot.paths() if snapshot.language(path) == "python")
    rng.shuffle(paths)
    found: list[Cursor] = []
    for path in paths:
        lines = (engine.root / path).read_text("utf-8", "replace").split("\n")
        places = [
            number
            for number, line in enumerate(lines)
            if number > MIN_LINES / 2 and line[:1] in " \t" and len(line.strip()) >= MIN_LINE
        ]
        if len(lines) < MIN_LINES or not places:
            continue
        at = rng.choice(places)
        before = "\n".join([*lines[:at], ""])
        found.append(Cursor(path, before, "\n".join(["", *lines[at + 1 :]]), lines[at].rstrip(), at + 1))
        if len(found) == count:
            break
    return found


@contextlib.contextmanager
def way(name: str, engine: Engine) -> Iterator[None]:
    """Switch one measure off."""
    live = engine.live
    live.keeps_answers = False  # what is known costs no model at all, and is counted by itself
    live.keeps_snippets = name not in ("no sticky snippets", "nothing is kept")
    unstable = name == "last tokens as prefix"
    try:
        with patch("repocoder.prompt.fit_prefix", last_tokens) if unstable else contextlib.nullcontext():
            yield
    finally:
        live.keeps_answers = live.keeps_snippets = True


def measure(name: str, engine: Engine, cursors: Sequence[Cursor], keys: int) -> Times:
    """Type every line in one way."""
    times = Times(name)
    with way(name, engine):
        for cursor in cursors:
            forget(engine)
            columns = range(cursor.start, min(cursor.start + keys + 1, len(cursor.line)))
            for column in columns:
                if name == "nothing is kept":
                    forget(engine)
                started = time.perf_counter()
                completion = engine.complete(cursor.request(column, max_tokens=1))
                seconds = time.perf_counter() - started
                if column == cursor.start:
                    times.cold.append(seconds)
                    times.tokens.append(completion.prompt_tokens)
                else:
                    times.keys.append(seconds)
                    times.reused.append(completion.passes[0].reused_tokens / completion.prompt_tokens)
    return times


def forget(engine: Engine) -> None:
    """Empty the model's cache: its next prompt has nothing in common with this one."""
    generator = engine.generator
    generator.generate(GenerateRequest(tuple(generator.tokenize("\n\n# "))[:8] or (0, 0), 1))


def known_keys(engine: Engine, cursors: Sequence[Cursor], keys: int) -> dict[str, float]:
    """How many keys are answered without the model, where each is asked for and the true line is typed."""
    known: list[float] = []
    asked = 0
    for cursor in cursors:
        for column in range(cursor.start, min(cursor.start + keys + 1, len(cursor.line))):
            started = time.perf_counter()
            completion = engine.complete(cursor.request(column, max_tokens=SERVED_TOKENS))
            asked += 1
            if completion.known:
                known.append(time.perf_counter() - started)
    middle = 1000 * statistics.median(known) if known else 0.0
    return {"keys": asked, "known": len(known), "share": len(known) / max(1, asked), "known_p50_ms": middle}


def order_costs(engine: Engine, cursors: Sequence[Cursor]) -> dict[str, float]:
    """Nats a token of the true rest of the lines in both orders, and the difference with its 95 % interval."""
    generator = engine.generator
    sums: dict[str, list[float]] = {"suffix first": [], "prefix first": []}
    tokens: list[int] = []
    for cursor in cursors:
        middle = cursor.start + (len(cursor.line) - cursor.start) // 2
        for column in (cursor.start, middle):
            prompt = engine.explain(cursor.request(column)).prompt
            truth = generator.tokenize(prompt.typed + cursor.line[column:])[:TRUE_TOKENS]
            tokens.append(len(truth))
            for name, ids in (
                ("suffix first", prompt.token_ids),
                ("prefix first", prefix_first(prompt.token_ids, generator.vocab.template)),
            ):
                sums[name].append(-sum(generator.score(ids, truth)))
    total = sum(tokens)
    differences = [a - b for a, b in zip(sums["suffix first"], sums["prefix first"], strict=True)]
    spread = statistics.stdev(differences) * len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return {
        "holes": len(tokens),
        "suffix_first": sum(sums["suffix first"]) / total,
        "prefix_first": sum(sums["prefix first"]) / total,
        "difference": sum(differences) / total,
        "interval_95": 1.96 * spread / total,
    }


def beside_server(
    engine: Engine, server: InfillServer, cursors: Sequence[Cursor], keys: int
) -> dict[str, Any]:
    """Whole warm requests, ours and the server's in turn: same parts of the prompt, as many new tokens."""
    ours: list[float] = []
    theirs: list[float] = []
    lengths: list[tuple[int, int]] = []
    reused: list[tuple[float, float]] = []
    engine.live.keeps_answers = False
    try:
        for cursor in cursors:
            for column in range(cursor.start, min(cursor.start + keys + 1, len(cursor.line))):
                started = time.perf_counter()
                completion = engine.complete(cursor.request(column, max_tokens=SERVED_TOKENS))
                seconds = time.perf_counter() - started
                filled = _served(server, cursor, column, completion)
                if (
                    column > cursor.start and completion.completion_tokens
                ):  # else it is cold, or wrote nothing
                    ours.append(seconds)
                    theirs.append(filled.seconds)
                    lengths.append((completion.prompt_tokens, filled.prompt_tokens))
                    reused.append(
                        (
                            completion.passes[0].reused_tokens / completion.prompt_tokens,
                            filled.cached_tokens / max(1, filled.prompt_tokens),
                        )
                    )
    finally:
        engine.live.keeps_answers = True
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "requests": len(ours),
        "ours_p50_ms": 1000 * statistics.median(ours),
        "ours_p95_ms": 1000 * percentile(ours, 0.95),
        "server_p50_ms": 1000 * statistics.median(theirs),
        "server_p95_ms": 1000 * percentile(theirs, 0.95),
        "ratio_p50": statistics.median(ratios),
        "ratio_p25": percentile(ratios, 0.25),
        "ratio_p75": percentile(ratios, 0.75),
        "ratio_of_sums": sum(ours) / sum(theirs),
        "prompt_tokens_ours": statistics.fmean(one for one, _ in lengths),
        "prompt_tokens_server": statistics.fmean(other for _, other in lengths),
        "reused_ours": statistics.fmean(one for one, _ in reused),
        "reused_server": statistics.fmean(other for _, other in reused),
    }


def _served(server: InfillServer, cursor: Cursor, column: int, completion: Completion) -> Filled:
    """The server's answer for the parts that our prompt had."""
    prompt = completion.prompt
    before, after = cursor.before + cursor.line[:column], cursor.after
    marks = [mark for mark in ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>") if mark in prompt.text]
    if len(marks) == 3:  # what our budget left of both sides
        rest = prompt.text.partition(marks[0])[2].removeprefix(marks[1])
        after, _, before = rest.partition(marks[2])
    shown = prompt.text.split("<|file_sep|>")[1:-1]  # as far as each snippet was shown
    extra = [(path, text) for path, _, text in (one.partition("\n") for one in shown)]
    return server.infill(before, after, extra, max(1, completion.completion_tokens))


def run(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All parts of a run on one repository."""
    threads = options.threads
    found = resolve(options.model)
    result: dict[str, Any] = {
        "repo": root.name,
        "model": found.name,
        "threads": threads,
        "machine": machine(),
    }
    settings = Settings(threads=threads, workers=1)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "index"
        plain_one = open_generator(options.model, threads=threads)
        other = PrefixFirst(LocalModel(found.path, plain_one.info, threads=threads))
        rows = []
        with contextlib.closing(plain_one), contextlib.closing(other):
            with Engine(root, settings, generator=plain_one, directory=directory) as engine:
                engine.ensure_index()
                engine.remember()
                cursors = cursors_of(engine, options.cursors, options.seed)
                engine.complete(cursors[0].request(cursors[0].start, max_tokens=1))  # everything is loaded
                for name in WAYS if "ways" in options.parts else ():
                    if name != PREFIX_FIRST:
                        rows.append(measure(name, engine, cursors, options.keys).row())
                        tell(rows[-1])
                if "orders" in options.parts:
                    holes = cursors_of(engine, options.holes, options.seed + 1)
                    tell_part(result, "orders", order_costs(engine, holes))
                if "known" in options.parts:
                    tell_part(result, "known", known_keys(engine, cursors, options.keys))
                if options.server and "server" in options.parts:
                    context = plain_one.vocab.n_ctx
                    with infill_server(
                        options.server, found.path, context=context, threads=threads
                    ) as server:
                        tell_part(result, "server", beside_server(engine, server, cursors, options.keys))
            if "ways" in options.parts:
                with Engine(root, settings, generator=other, directory=directory) as engine:
                    engine.complete(cursors[0].request(cursors[0].start, max_tokens=1))
                    rows.append(measure(PREFIX_FIRST, engine, cursors, options.keys).row())
                    tell(rows[-1])
    result["ways"] = rows
    return result


def tell_part(result: dict[str, Any], name: str, figures: dict[str, Any]) -> None:
    result[name] = figures
    print(name, ", ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)


def tell(row: dict[str, Any]) -> None:
    print(
        f"{row['way']:24} cold {row['cold_p50_ms']:6.0f} / {row['cold_p95_ms']:6.0f} ms   key {row['key_p50_ms']:6.0f}"
        f" / {row['key_p95_ms']:6.0f} ms   of cold {row['key_p50_of_cold']:.2f} / {row['key_p95_of_cold']:.2f}"
        f"   within 0.35: {row['keys_within_0.35']:.0%}   reused {row['reused_mean']:.0%}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.bench.typing", description=__doc__.splitlines()[0])
    parser.add_argument("repo", type=Path)
    parser.add_argument("--model", help="a recorded model or a GGUF; else the embedded one")
    parser.add_argument("--cursors", type=int, default=8)
    parser.add_argument("--keys", type=int, default=12)
    parser.add_argument("--holes", type=int, default=24, help="for the orders of prefix and suffix")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--server", type=Path, help="the binary `llama-server`")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        result = run(options.repo.resolve(), options)
    except ServerError as error:
        print(f"no server: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
