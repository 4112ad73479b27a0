"""From a task and its hits to a prompt: the published layouts as comments, and the model's own.

Every layout gives `repocoder.types.Prompt` whose `hits` carry the text as it stands in the prompt, cut or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eval.protocols import MIN_ROOM, Protocol
from eval.types import Task
from indexer.languages import language_named
from repocoder.errors import ModelError
from repocoder.fim import Infill, Part, assemble, render_snippet
from repocoder.llm.generator import Generator
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.types import DroppedHit, Prompt
from retrieval.types import Hit, Query

TokenizeMany = Callable[[Sequence[str]], list[list[int]]]

RULE = "-" * 50
HEADER = "Here are some relevant code fragments from other files of the repo:"
FOUND_IN = "the below code fragment can be found in:"
CHARACTERS_PER_TOKEN = (
    16  # no tokenizer of code does better over a stretch: what lies farther is not looked at
)


@dataclass(frozen=True, slots=True)
class Context:
    """What of the hits fits: the text to put before the file, its size, and the hits as they are shown."""

    text: str
    tokens: int
    hits: tuple[Hit, ...]  # best first
    dropped: tuple[DroppedHit, ...]


def build(protocol: Protocol, task: Task, hits: Sequence[Hit], generator: Generator) -> Prompt:
    """The prompt of a task. Raises ModelError where the model's context leaves no room."""
    limits = protocol.within(generator.vocab.n_ctx)
    if limits.prompt_tokens < MIN_ROOM:
        raise ModelError(
            f"model context: {generator.info.name}: {generator.vocab.n_ctx} tokens leave no room for a prompt beside "
            f"{limits.new_tokens} new ones: take another model"
        )
    if limits.layout == "native":
        return _native(limits, task, hits, generator)
    return _published(limits, task, hits, generator)


def fit_context(protocol: Protocol, task: Task, hits: Sequence[Hit], tokenize_many: TokenizeMany) -> Context:
    """The published block of comments, in at most `protocol.context_tokens`."""
    if protocol.family == "crosscodeeval":
        return _cut_to_tokens(protocol, task, hits, tokenize_many)
    return _whole_blocks(protocol, task, hits, tokenize_many)


def _whole_blocks(
    protocol: Protocol, task: Task, hits: Sequence[Hit], tokenize_many: TokenizeMany
) -> Context:
    """RepoCoder: the best hit first in line for room, a block that does not fit is skipped, a smaller one may enter."""
    comment = language_named(task.language).line_comment
    head = f"{comment} {HEADER}\n{comment} {RULE}\n"
    blocks = [_block(hit, comment) for hit in hits]
    sizes = [len(ids) for ids in tokenize_many([head, *blocks])]
    room = protocol.context_tokens - sizes[0]
    taken: list[tuple[Hit, str, int]] = []
    dropped: list[DroppedHit] = []
    for hit, block, size in zip(hits, blocks, sizes[1:], strict=True):
        if len(taken) == protocol.max_snippets:
            dropped.append(DroppedHit(hit, f"at most {protocol.max_snippets} snippets"))
        elif size > room:
            dropped.append(DroppedHit(hit, f"no room: {size} tokens, {max(0, room)} left"))
        else:
            room -= size
            taken.append((hit, block, size))
    if not taken:
        return Context("", 0, (), tuple(dropped))
    shown = taken[::-1] if protocol.best_last else taken
    tokens = sizes[0] + sum(size for _, _, size in taken)
    text = head + "".join(block for _, block, _ in shown) + "\n"
    return Context(text, tokens, tuple(hit for hit, _, _ in taken), tuple(dropped))


def _block(hit: Hit, comment: str) -> str:
    rule = f"{comment} {RULE}"
    lines = [f"{comment} {line}" for line in hit.text.splitlines()]
    return "\n".join([f"{comment} {FOUND_IN}", f"{comment} {hit.path}", rule, *lines, rule]) + "\n"


def _cut_to_tokens(
    protocol: Protocol, task: Task, hits: Sequence[Hit], tokenize_many: TokenizeMany
) -> Context:
    """CrossCodeEval: the best chunk first, and the whole text cut to the budget, after a line of a chunk if need be."""
    comment = language_named(task.language).line_comment
    given = list(hits[: protocol.max_snippets])
    dropped = [DroppedHit(hit, f"at most {protocol.max_snippets} snippets") for hit in hits[len(given) :]]
    if not given:
        return Context("", 0, (), tuple(dropped))
    text, tokens = f"{comment} {HEADER}\n\n", 0
    shown: list[Hit] = []
    for hit in given:
        above = f"{comment} {FOUND_IN}\n{comment} {hit.path}\n"
        lines = hit.text.splitlines()
        kept = _lines_within(
            text + above, [f"{comment} {line}" for line in lines], protocol.context_tokens, tokenize_many
        )
        if kept == 0 and lines:
            dropped.append(DroppedHit(hit, "no room"))
            continue
        text += above + "".join(f"{comment} {line}\n" for line in lines[:kept]) + "\n"
        shown.append(hit if kept == len(lines) else replace(hit, text="\n".join(lines[:kept])))
        if kept < len(lines):
            break
    tokens = len(tokenize_many([text])[0])
    return (
        Context(text, tokens, tuple(shown), tuple(dropped)) if shown else Context("", 0, (), tuple(dropped))
    )


def _lines_within(head: str, lines: Sequence[str], budget: int, tokenize_many: TokenizeMany) -> int:
    """How many of `lines` may follow `head` in so many tokens."""
    sizes = [len(ids) for ids in tokenize_many([head + "\n", *(line + "\n" for line in lines)])]
    used, kept = sizes[0], 0  # with the blank line that ends the chunk
    for size in sizes[1:]:
        if used + size > budget:
            break
        used, kept = used + size, kept + 1
    return kept


def _published(protocol: Protocol, task: Task, hits: Sequence[Hit], generator: Generator) -> Prompt:
    template, tokenize_many = generator.vocab.template, generator.tokenize_many
    context = fit_context(protocol, task, hits, tokenize_many)
    suffix = Part("", ())
    if protocol.right_tokens and template.infills:
        ids = tuple(tokenize_many([task.suffix])[0][: protocol.right_tokens])
        suffix = Part(generator.detokenize(ids), ids)
    fixed = len(suffix.ids or ()) + 4  # the control tokens of a fill-in-the-middle prompt and a BOS
    prefix = last_lines(task.prefix, protocol.prompt_tokens - context.tokens - fixed, tokenize_many)
    if protocol.right_tokens and template.infills:
        infill = Infill("", (Part(context.text),) if context.text else (), task.path, Part(prefix), suffix)
        ids, parts = assemble(replace(template, layout="comments"), infill, tokenize_many)
    else:
        text = context.text + prefix
        bos = () if template.bos is None else (template.bos,)
        ids = (*bos, *tokenize_many([text])[0])
        parts = (Part(text),)
    return Prompt(
        token_ids=ids[-protocol.prompt_tokens :],
        text="".join(part.text for part in parts),
        hits=context.hits,
        dropped=context.dropped,
        prefix_tokens=max(0, len(ids) - context.tokens - len(suffix.ids or ())),
        suffix_tokens=len(suffix.ids or ()),
        snippet_tokens=context.tokens,
        template=f"published ({protocol.name})",
    )


def last_lines(text: str, budget: int, tokenize_many: TokenizeMany) -> str:
    """The most whole lines at the end of `text` in at most `budget` tokens; the end of a line that is longer."""
    lines = text[-max(0, budget) * CHARACTERS_PER_TOKEN :].splitlines(keepends=True) if budget > 0 else []
    if text and len("".join(lines)) < len(text) and len(lines) > 1:
        lines = lines[1:]  # the first may be cut
    sizes = [len(ids) for ids in tokenize_many(lines)] if lines else []
    used, start = 0, len(lines)
    while start > 0 and used + sizes[start - 1] <= budget:
        start -= 1
        used += sizes[start]
    if start == len(lines) and lines:  # one line alone is too long: about as many characters as fit
        return lines[-1][-max(1, len(lines[-1]) * budget // sizes[-1]) :]
    return "".join(lines[start:])


def context_start_line(task: Task, protocol: Protocol, tokenize_many: TokenizeMany) -> int:
    """1-based line at which an in-file prompt that has the whole budget would begin.

    What lies above is not in any prompt, so RepoCoder may retrieve it from the task's own file. Where the benchmark
    ships a cut prompt, its own first line is the one that counts.
    """
    shown = last_lines(task.prefix, protocol.prompt_tokens, tokenize_many)
    return max(task.context_start_line, task.prefix.count("\n") - shown.count("\n") + 1)


def _native(protocol: Protocol, task: Task, hits: Sequence[Hit], generator: Generator) -> Prompt:
    """The model's own repository layout, as the product builds it, within the same budgets."""
    query = Query(
        path=task.path,
        language=task.language,
        line=task.line,
        column=task.column,
        prefix=task.prefix,
        suffix=task.suffix if protocol.right_tokens else "",
        scope="",
        identifiers=(),
    )
    budget = PromptBudget(protocol.prompt_tokens, protocol.right_tokens, protocol.context_tokens)
    prompt = build_prompt(
        query, hits[: protocol.max_snippets], generator, budget=budget, repo_name=task.repository
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
