"""From a task and its hits to a prompt: the published layouts as comments, and the model's own.

Every layout gives `repocoder.types.Prompt` whose `hits` carry the text as it stands in the prompt, cut or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eval.protocols import Protocol
from eval.types import Task
from indexer.languages import language_named
from repocoder.fim import render_snippet
from repocoder.llm.generator import Generator
from repocoder.prompt import PromptBudget, build_prompt, fit_snippets
from repocoder.published import layouts as published
from repocoder.published.layouts import Context, TokenizeMany
from repocoder.types import Prompt
from retrieval.types import Hit, Query


def build(protocol: Protocol, task: Task, hits: Sequence[Hit], generator: Generator) -> Prompt:
    """The prompt of a task. Raises ModelError where the model's context leaves no room."""
    limits = published.limits_for(protocol, generator)
    query = _query(limits, task)
    if limits.layout == "native":
        return _native(limits, task, query, hits, generator)
    return published.published_prompt(limits, query, hits, generator)


def fit_context(protocol: Protocol, task: Task, hits: Sequence[Hit], generator: Generator) -> Context:
    """What of the hits fits into `protocol.context_tokens`, where no model is run: in the layout of the paper, or as
    the product puts them before the file for the model whose tokenizer counts.
    """
    if protocol.layout != "native":
        return published.fit_context(protocol, task.language, hits, generator.tokenize_many)
    template = generator.vocab.template
    given = hits[: protocol.max_snippets]
    fitted = fit_snippets(task.language, given, protocol.context_tokens, template, generator.tokenize_many)
    text = "".join(part.text for part in fitted.parts)
    comment = language_named(task.language).line_comment
    shown = tuple(_as_shown(hit, text, generator, comment) for hit in fitted.hits)
    return Context(text, fitted.tokens, shown, fitted.dropped)


def context_start_line(task: Task, protocol: Protocol, tokenize_many: TokenizeMany) -> int:
    """See `repocoder.published.layouts`. Where the benchmark ships a cut prompt, its own first line is the one that
    counts."""
    return max(task.context_start_line, published.context_start_line(task.prefix, protocol, tokenize_many))


def _query(limits: Protocol, task: Task) -> Query:
    return Query(
        path=task.path,
        language=task.language,
        line=task.line,
        column=task.column,
        prefix=task.prefix,
        suffix=task.suffix if limits.right_tokens else "",
        scope="",
        identifiers=(),
    )


def _native(limits: Protocol, task: Task, query: Query, hits: Sequence[Hit], generator: Generator) -> Prompt:
    """The model's own repository layout, as the product builds it, within the same budgets."""
    budget = PromptBudget(limits.prompt_tokens, limits.right_tokens, limits.context_tokens)
    prompt = build_prompt(
        query,
        hits[: limits.max_snippets],
        generator,
        budget=budget,
        repo_name=task.repository,
        heals=generator.can_retype,
    )
    comment = language_named(task.language).line_comment
    shown = tuple(_as_shown(hit, prompt.text, generator, comment) for hit in prompt.hits)
    return replace(prompt, hits=shown)


def _as_shown(hit: Hit, text: str, generator: Generator, comment: str) -> Hit:
    """The hit with so many of its lines as the prompt holds."""
    lines = hit.text.splitlines()
    for kept in range(len(lines), 0, -1):
        part = "\n".join(lines[:kept])
        if render_snippet(generator.vocab.template, hit.path, part, comment).rstrip("\n") in text:
            return hit if kept == len(lines) else replace(hit, text=part)
    return replace(hit, text="")
