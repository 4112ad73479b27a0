"""The gate token: labels from the model itself, a short second stage, and how well it decides.

    python -m training.completion.gate label --work DIR --model X.gguf --name N --split train --count 4000 --workers 2
    python -m training.completion.gate train --work DIR --labels N --init MODEL_DIR --out MODEL_DIR --packed P
    python -m training.completion.gate label --work DIR --model X.gguf --name T --split test --count 600
    python -m training.completion.gate evaluate --work DIR --model GATE.gguf --labels N --test-labels T --json FILE

Labels are resumable and land in `DIR/gate/NAME.jsonl`. Use samples that the model was not trained on (`--sample-seed`).
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from repocoder.errors import RepocoderError
from repocoder.llm.gate import GateTokens
from training.completion.gate_report import GateReport, report_of, text_of
from training.completion.labels import (
    LABELLED_KINDS,
    append,
    label,
    labelled,
    labels_file,
    question_ids,
    read_labels,
)
from training.completion.measure import CONTEXT, open_model, subject
from training.completion.tasks import Task, draw, read_tasks
from training.completion.weights import TOKENIZER, TrainingError, load, save

GATE_ROLES = ("repo", "file", "middle")
"""Roles of the tokens that ask, say yes and say no; `training.completion.export` names their ids in the GGUF."""


def make_labels(given: argparse.Namespace) -> str:
    """Label tasks that have none yet, each worker with a model worker of its own."""
    tasks = _tasks(given, given.split, given.sample_seed)[: given.count]
    path = labels_file(given.work, given.name)
    known, digest = read_labels(path), subject(given.model).digest
    if any(row is not None and row.model != digest for row in known.values()):
        raise TrainingError(f"labels: {path}: made with another model: choose another --name")
    todo: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        if task.key not in known:
            todo.put(task)
    total, started, lock = todo.qsize(), time.monotonic(), threading.Lock()

    def work() -> None:
        generator = open_model(str(given.model), context=CONTEXT)
        try:
            while True:
                try:
                    task = todo.get_nowait()
                except Empty:
                    return
                row = label(task, generator, digest)
                with lock:
                    append(path, [(task.key, row)])
                    done = total - todo.qsize()
                    if done % 50 == 0:
                        each = (time.monotonic() - started) / done
                        _say(f"{done}/{total} labels, {each:.2f} s each, {each * (total - done):.0f} s left")
        finally:
            generator.close()

    with ThreadPoolExecutor(given.workers) as pool:
        for future in [pool.submit(work) for _ in range(given.workers)]:
            future.result()
    rows = [row for _, row in labelled(tasks, path)]
    helped = sum(row.helped for row in rows) / len(rows)
    likelier = sum(row.likelier for row in rows) / len(rows)
    return (
        f"{path}: {len(rows)} labels of {len(tasks)} holes, {helped:.1%} helped, "
        f"{likelier:.1%} likelier with snippets"
    )


def train(given: argparse.Namespace) -> str:
    """The second stage of a model's folder into another folder."""
    from training.completion.gate_stage import Example, Stage, learn
    from training.completion.vocabulary import Vocabulary

    model, tokenizer, facts = load(given.init)
    vocabulary = Vocabulary(given.init / TOKENIZER)
    ids = vocabulary.vocab.template.ids
    tokens = GateTokens(*(ids[role] for role in GATE_ROLES))
    rows = labelled(_tasks(given, "train", given.sample_seed), labels_file(given.work, given.labels))
    examples = [
        Example(
            question_ids(task, vocabulary, tokens),
            row.helped,
            row.similarity_with - row.similarity_without,
            row.package,
        )
        for task, row in rows
    ]
    if given.packed is None:
        _say("no --packed: without ordinary samples the model may forget how to complete")
    stage = Stage(
        steps=given.steps,
        questions=given.questions,
        ordinary=given.ordinary if given.packed else 0,
        rate=given.rate,
    )
    found = learn(
        model,
        examples,
        (tokens.yes, tokens.no),
        stage,
        packed=given.packed,
        validation=given.validation,
        say=_say,
    )
    best = found["looks"][[look["step"] for look in found["looks"]].index(found["best_step"])]
    said = {
        "gate": True,
        "gate_threshold": found["threshold"],
        "gate_area": best["area"],
        "gate_stage": found,
    }
    save(given.out, model, tokenizer, {**facts, **said})
    before, after = found["hole_nats_before"], found["hole_nats_after"]
    completion = "" if before is None else f"; holes {before:.4f} -> {after:.4f} nats a token"
    return (
        f"{given.out}: {found['labels']} labels, step {found['best_step']}: area {best['area']:.4f} on "
        f"{len(found['held_out_packages'])} held-out packages, threshold {found['threshold']}{completion}"
    )


def evaluate(given: argparse.Namespace) -> str:
    """The gate token of a GGUF beside the logistic gate, both on labels of held-out packages."""
    test = list(labelled(_tasks(given, given.split, []), labels_file(given.work, given.test_labels)))
    learnt = list(labelled(_tasks(given, "train", given.sample_seed), labels_file(given.work, given.labels)))
    generator = open_model(str(given.model), context=CONTEXT)
    try:
        if generator.vocab.gate is None:
            raise TrainingError(
                f"gate: {given.model}: it has no gate token: export a model that `gate train` made"
            )
        report: GateReport = report_of(learnt, test, generator, generator.vocab.gate, given.model.stem, _say)
    finally:
        generator.close()
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return text_of(report)


def _tasks(given: argparse.Namespace, split: str, seeds: Sequence[int]) -> list[Task]:
    """All tasks of a split in the order of their labelling."""
    tasks = read_tasks(given.work, split, kinds=LABELLED_KINDS, seeds=seeds)
    return draw(tasks, len(tasks), given.seed)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.completion.gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", required=True)
    parts = {
        name: steps.add_parser(name, help=what)
        for name, what in (
            ("label", "did snippets help?"),
            ("train", "the second stage"),
            ("evaluate", "how well it decides"),
        )
    }
    for part in parts.values():
        part.add_argument("--work", type=Path, default=Path("build/training"))
        part.add_argument("--seed", type=int, default=1, help="of the order of the samples")
        part.add_argument(
            "--sample-seed", type=int, nargs="+", default=[], help="only samples made with these"
        )
    parts["label"].add_argument("--model", type=Path, required=True)
    parts["label"].add_argument("--name", required=True)
    parts["label"].add_argument("--split", default="train")
    parts["label"].add_argument("--count", type=int, default=4000)
    parts["label"].add_argument("--workers", type=int, default=2)
    parts["train"].add_argument("--labels", required=True)
    parts["train"].add_argument("--init", type=Path, required=True)
    parts["train"].add_argument("--out", type=Path, required=True)
    parts["train"].add_argument("--packed", type=Path, help="folder of packed samples that go along")
    parts["train"].add_argument(
        "--validation", type=Path, help="folder of packed samples: nats before and after"
    )
    parts["train"].add_argument("--steps", type=int, default=300)
    parts["train"].add_argument("--questions", type=int, default=16)
    parts["train"].add_argument(
        "--ordinary", type=int, default=4096, help="tokens of packed samples of a step"
    )
    parts["train"].add_argument("--rate", type=float, default=0.15, help="multiplies the learning rates")
    parts["evaluate"].add_argument("--model", type=Path, required=True)
    parts["evaluate"].add_argument("--labels", required=True, help="what the logistic gate is fitted on")
    parts["evaluate"].add_argument("--test-labels", required=True)
    parts["evaluate"].add_argument("--split", default="test")
    parts["evaluate"].add_argument("--json", type=Path)
    return parser


STEPS = {"label": make_labels, "train": train, "evaluate": evaluate}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        print(STEPS[given.step](given))
    except RepocoderError as error:
        print(f"gate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
