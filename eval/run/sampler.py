"""One task in, one record out: retrieve, build the prompt, run the model, score; for each pass.

The record holds all that a number can be traced to: the prompt, every hit with its evidence, the gate, the text of the
model, the log-likelihood of the truth, scores and milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from eval.ablations import without
from eval.methods import ORACLES, TAKES_DRAFTS, Method, open_method
from eval.metrics import cut, family_of, score
from eval.metrics.context import context_scores
from eval.metrics.undefined import fault_rates, undefined_name_rate
from eval.protocols import Layout, Protocol, as_infill, protocol_for
from eval.protocols.layouts import build, fit_context
from eval.run.recipe import record_head
from eval.types import RunConfig, Scores, Task
from eval.workspace import EngineOptions, Workspace
from repocoder import paths
from repocoder.errors import UsageError
from repocoder.jsonout import gate_json, hit_json
from repocoder.llm.generator import Generated, GenerateRequest, Generator
from repocoder.llm.messages import Remember
from repocoder.published.endings import DRAFT_LINES, StopAfterLines
from repocoder.types import Prompt
from retrieval.retriever import Retrieved
from retrieval.types import GateDecision, Hit

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    """What does not belong to the identity of a run: where things are and how fast they go."""

    folders: dict[str, str] = field(default_factory=dict)  # repository -> its unpacked folder
    indexes: str = ""  # folder of the indexes; "": in the user's cache
    threads: int | None = None  # of the model
    embedder: str | None = None  # for the dense channel
    keep_prompts: bool = True  # False leaves the prompt's text and those of the hits out of the record


class Sampler:
    """Makes records. One repository is open at a time, so tasks should come by repository. Not for two threads."""

    def __init__(self, config: RunConfig, options: SamplerOptions, generator: Generator) -> None:
        self._config = config
        self._options = options
        self._generator = generator
        self._workspace: Workspace | None = None
        self._method: Method | None = None
        self._repository = ""
        self._both_sides = config.context == "both"

    def sample(self, task: Task) -> Record:
        """The record of a task. Raises errors of `repocoder.errors`."""
        started = time.monotonic()
        self._open(task)
        asked = as_infill(task) if self._both_sides else task
        protocol = self._protocol(asked)
        if self._config.method == "engine":
            passes, gate = self._complete(asked, protocol)
        else:
            passes, gate = self._passes(asked, protocol)
        return {
            **record_head(task, self._config.method),
            "truth": asked.truth,
            "gate": gate,
            "passes": passes,
            "scores": passes[-1]["scores"],
            "timings": _summed([one["timings"] for one in passes], _since(started)),
            "error": None,
        }

    def close(self) -> None:
        """End the workers of the repository that is open; the generator is its owner's."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    # ---- one repository

    def _open(self, task: Task) -> None:
        if self._workspace is not None and self._repository == task.repository:
            return
        folder = self._options.folders.get(task.repository)
        if folder is None and self._config.method not in ("in-file", "published", "published-oracle"):
            raise UsageError(
                f"no sources: {task.repository}: {self._config.method} needs the repository: take data that has it"
            )
        place = Path(folder) if folder else paths.cache_dir() / "no-sources"
        workspace = Workspace(
            place,
            task.language,
            self._generator,
            indexes=self._indexes / task.benchmark.partition("-")[0],
            method=self._config.method,
            both_sides=self._both_sides,
            is_own=family_of(task) == "mined",
            options=EngineOptions(
                self._options.embedder, self._config.memory, self._config.gate, self._config.without
            ),
        )
        if self._workspace is not None:
            workspace.take_over(self._workspace)
            self._workspace.close()
        self._workspace, self._repository = workspace, task.repository
        self._method = open_method(self._config.method, workspace)

    @property
    def _indexes(self) -> Path:
        return (
            Path(self._options.indexes)
            if self._options.indexes
            else paths.cache_dir() / "evaluation" / "index"
        )

    def _protocol(self, task: Task) -> Protocol:
        layout: Layout = "native" if self._config.layout == "native" else "published"
        protocol = protocol_for(family_of(task), task.kind, both_sides=self._both_sides, layout=layout)
        protocol = replace(protocol, context_after_suffix=self._config.method == "repoformer")
        return protocol.scaled(self._config.budget) if self._config.budget else protocol

    # ---- passes

    def _passes(self, task: Task, protocol: Protocol) -> tuple[list[Record], Record | None]:
        assert self._method is not None
        count = self._config.passes if self._config.method in TAKES_DRAFTS and self._config.model else 1
        done: list[Record] = []
        gate: Record | None = None
        draft = ""
        for number in range(1, count + 1):
            started = time.monotonic()
            found = self._method.retrieve(task, draft)
            retrieve_ms = _since(started)
            if gate is None:
                gate = _gate_record(found.gate)
            timings = {"retrieve_ms": retrieve_ms, "gate_ms": found.timings.get("gate_ms", 0.0)}
            record = self._pass(task, protocol, found, timings, is_last=number == count)
            done.append({"number": number, **record})
            draft = record["prediction"] or ""
            if not draft.strip():
                break  # the same query would be asked again
        return done, gate

    def _pass(
        self, task: Task, protocol: Protocol, found: Retrieved, timings: dict[str, float], *, is_last: bool
    ) -> Record:
        hits = found.hits if found.gate.retrieve else ()
        if not self._config.model:
            context = fit_context(protocol, task, hits, self._generator)
            scores = self._context_scores(task, context.hits, context.tokens)
            shown = self._shown(found.hits, context.hits, context.text, 0, context.tokens)
            return {**shown, "prediction": None, "scores": scores, "timings": timings}
        prompt = build(protocol, task, hits, self._generator)
        written = self._generate(task, prompt, protocol, 0 if is_last else DRAFT_LINES)
        timings = timings | {
            "prefill_ms": written.prefill_ms,
            "generate_ms": written.total_ms - written.prefill_ms,
        }
        truth = self._truth(task, prompt)
        scores = score(task, written.text) | self._context_scores(task, prompt.hits, prompt.snippet_tokens)
        shown = self._shown(
            found.hits, prompt.hits, prompt.text, len(prompt.token_ids), prompt.snippet_tokens
        )
        return {
            **shown,
            "prediction": written.text,
            "stop_reason": written.stop_reason,
            "completion_tokens": written.n_tokens,
            "mean_logprob": written.mean_logprob,
            **truth,
            "scores": scores | self._undefined(task, written.text),
            "timings": timings,
        }

    def _generate(self, task: Task, prompt: Prompt, protocol: Protocol, draft_lines: int) -> Generated:
        """Greedy. It may stop once no further line can change a score or the next query."""
        lines = max(sum(1 for line in task.truth.split("\n") if line.strip()), draft_lines)
        stop = (
            StopAfterLines(lines) if family_of(task) != "crosscodeeval" and task.kind != "function" else None
        )
        order = GenerateRequest(
            prompt.token_ids,
            protocol.new_tokens,
            stop,
            may_be_empty=protocol.layout == "published",
            memory=self._remembered(task, prompt.typed),
            typed=prompt.typed,
        )
        return self._generator.generate(order)

    def _truth(self, task: Task, prompt: Prompt) -> Record:
        """Nats of the truth after this prompt; empty where the backend gives no log-probabilities."""
        ids = self._generator.tokenize(task.truth)
        start = (*prompt.token_ids, *self._generator.tokenize(prompt.typed))
        room = self._generator.vocab.n_ctx - len(start)
        if not self._generator.can_score or not ids or room <= 0:
            return {}
        values = self._generator.score(start, ids[:room], memory=self._remembered(task))
        characters = len(task.truth) if len(ids) <= room else len(self._generator.detokenize(ids[:room]))
        return {
            "truth_log_likelihood": sum(values),
            "truth_tokens": len(values),
            "truth_characters": characters,
        }

    def _remembered(self, task: Task, typed: str = "") -> Remember | None:
        assert self._workspace is not None
        return None if self._config.memory == "off" else self._workspace.remembered(task, typed)

    def _complete(self, task: Task, protocol: Protocol) -> tuple[list[Record], Record | None]:
        """The product, end to end: its own gate, loop, prompt and stop rules."""
        assert self._workspace is not None
        request = replace(
            self._workspace.request(task),
            retrieval="always" if self._config.gate == "always" else "auto",
            passes=self._config.passes,
            max_tokens=protocol.new_tokens,
        )
        done = self._workspace.engine.complete(request)
        prompt = done.prompt
        scores = score(task, done.text) | self._context_scores(task, prompt.hits, prompt.snippet_tokens)
        record = {
            "number": 1,
            **self._shown(done.hits, prompt.hits, prompt.text, done.prompt_tokens, prompt.snippet_tokens),
            "prediction": done.text,
            "stop_reason": done.stop_reason,
            "completion_tokens": done.completion_tokens,
            "mean_logprob": done.mean_logprob,
            **self._truth(task, prompt),
            "scores": scores | self._undefined(task, done.text),
            "timings": {
                "retrieve_ms": done.timings.retrieve_ms,
                "gate_ms": done.timings.gate_ms,
                "prefill_ms": done.timings.prefill_ms,
                "generate_ms": done.timings.total_ms - done.timings.prefill_ms - done.timings.retrieve_ms,
            },
        }
        return [record], _gate_record(done.gate)

    # ---- scores and records

    def _context_scores(self, task: Task, hits: tuple[Hit, ...], tokens: int) -> Scores:
        assert self._workspace is not None
        if not self._options.folders.get(task.repository):
            return {"context_tokens": float(tokens), "context_snippets": float(len(hits))}
        return context_scores(task, hits, self._workspace.names) | {"context_tokens": float(tokens)}

    def _undefined(self, task: Task, prediction: str) -> Scores:
        """Static validity, of Python alone, and where there are sources."""
        assert self._workspace is not None
        if task.language != "python" or not self._options.folders.get(task.repository):
            return {}
        engine = self._workspace.engine
        query = engine.query(replace(self._workspace.request(task), text=task.prefix + task.suffix))
        with engine.snapshot() as snapshot:
            said = cut(task, prediction)
            rates = fault_rates(query, said, snapshot)
            return {"undefined_name_rate": undefined_name_rate(query, said, snapshot), **rates}

    def _shown(
        self, found: tuple[Hit, ...], shown: tuple[Hit, ...], text: str, tokens: int, context_tokens: int
    ) -> Record:
        inside = {(hit.path, hit.start_line, hit.end_line, hit.chunk.id): hit for hit in shown}
        hits = []
        for hit in found:
            entered = inside.get((hit.path, hit.start_line, hit.end_line, hit.chunk.id))
            entry = {**hit_json(hit), "in_prompt": entered is not None}
            if self._options.keep_prompts:
                entry["text"] = (entered or hit).text
            hits.append(entry)
        return {
            "hits": hits,
            "prompt": text if self._options.keep_prompts else None,
            "prompt_tokens": tokens,
            "context_tokens": context_tokens,
            "context_snippets": len(shown),
        }


@contextmanager
def open_sampler(config: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[Sampler]:
    """A sampler with a model process of its own, for the life of the context. Arguments are JSON: `RunConfig` and
    `SamplerOptions` as mappings. Where no model is run, the tokenizer of the default one counts the budget.
    """
    run = msgspec.convert(dict(config), RunConfig)
    chosen = msgspec.convert(dict(options), SamplerOptions)
    generator = open_model(run.details.get("model", ""), chosen, run.details)
    sampler = Sampler(run, chosen, generator)
    try:
        with without(run.without):
            yield sampler
    finally:
        sampler.close()
        generator.close()


def open_model(name: str, options: SamplerOptions, details: Mapping[str, Any]) -> Generator:
    """A GGUF by name or path (the embedded one for ""), or a server by its URL."""
    if name.startswith(("http://", "https://")):
        from repocoder.llm.remote import open_remote

        return open_remote(name, template=str(details.get("remote_template", "none")))
    from repocoder.llm.local import open_generator

    return open_generator(name or None, threads=options.threads)


def is_upper_bound(method: str) -> bool:
    """Is the method shown the truth?"""
    return method in ORACLES


def _gate_record(gate: GateDecision) -> Record:
    return {**gate_json(gate), "features": dict(gate.features)}


def _summed(parts: list[dict[str, float]], total_ms: float) -> dict[str, float]:
    names = {name for part in parts for name in part}
    return {name: sum(part.get(name, 0.0) for part in parts) for name in sorted(names)} | {
        "total_ms": total_ms
    }


def _since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000
