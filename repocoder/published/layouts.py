"""Prompts as the papers lay them out: commented blocks before the file, or behind what follows the hole.

Every layout gives `repocoder.types.Prompt` whose `hits` carry the text as it stands in the prompt, cut or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from indexer.languages import language_named
from repocoder.errors import ModelError
from repocoder.fim import Infill, Part, Template, assemble, plain
from repocoder.llm.generator import Generator
from repocoder.published.budgets import MIN_ROOM, Protocol
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


def fit_context(
    protocol: Protocol, language: str, hits: Sequence[Hit], tokenize_many: TokenizeMany
) -> Context:
    """The published block of comments, in at most `protocol.context_tokens`."""
    if protocol.family == "crosscodeeval":
        return _cut_to_tokens(protocol, language, hits, tokenize_many)
    return _whole_blocks(protocol, language, hits, tokenize_many)


def _whole_blocks(
    protocol: Protocol, language: str, hits: Sequence[Hit], tokenize_many: TokenizeMany
) -> Context:
    """RepoCoder: the best hit first in line for room, a block that does not fit is skipped, a smaller one may enter."""
    comment = language_named(language).line_comment
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
    protocol: Protocol, language: str, hits: Sequence[Hit], tokenize_many: TokenizeMany
) -> Context:
    """CrossCodeEval: the best chunk first, and the whole text cut to the budget, after a line of a chunk if need be."""
    comment = language_named(language).line_comment
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


def limits_for(protocol: Protocol, generator: Generator) -> Protocol:
    """The budgets for this model. Raises ModelError where its context leaves no room."""
    limits = protocol.within(generator.vocab.n_ctx)
    if limits.prompt_tokens < MIN_ROOM:
        raise ModelError(
            f"model context: {generator.info.name}: {generator.vocab.n_ctx} tokens leave no room for a prompt beside "
            f"{limits.new_tokens} new ones: take another model"
        )
    return limits


def published_prompt(limits: Protocol, query: Query, hits: Sequence[Hit], generator: Generator) -> Prompt:
    """The prompt of a published method; `limits` are those for this model (`Protocol.within`)."""
    template, tokenize_many = generator.vocab.template, generator.tokenize_many
    context = fit_context(limits, query.language, hits, tokenize_many)
    suffix = _suffix(limits, query, generator)
    fixed = len(suffix.ids or ()) + 4  # the control tokens of a fill-in-the-middle prompt and a BOS
    taken = limits.context_tokens if limits.context_after_suffix else context.tokens
    prefix = last_lines(query.prefix, limits.prompt_tokens - taken - fixed, tokenize_many)
    if limits.right_tokens and limits.context_after_suffix and "middle" in template.ids:
        ids, parts = _behind_suffix(template, context.text, prefix, suffix, tokenize_many)
    elif limits.right_tokens and template.infills:
        infill = Infill("", (Part(context.text),) if context.text else (), query.path, Part(prefix), suffix)
        ids, parts = assemble(replace(template, layout="comments"), infill, tokenize_many)
    else:
        text = context.text + prefix
        bos = () if template.bos is None else (template.bos,)
        ids = (*bos, *tokenize_many([text])[0])
        parts = (Part(text),)
    return Prompt(
        token_ids=ids[-limits.prompt_tokens :],
        text="".join(part.text for part in parts),
        hits=context.hits,
        dropped=context.dropped,
        prefix_tokens=max(0, len(ids) - context.tokens - len(suffix.ids or ())),
        suffix_tokens=len(suffix.ids or ()),
        snippet_tokens=context.tokens,
        template=f"published ({limits.name})",
    )


def question_prompt(limits: Protocol, query: Query, generator: Generator) -> tuple[int, ...] | None:
    """What Repoformer's gate is asked after: prefix, suffix, and nothing behind it; None where the model has no token
    for the middle. The prompt with snippets begins with these ids.
    """
    template, suffix = generator.vocab.template, _suffix(limits, query, generator)
    if "middle" not in template.ids:
        return None
    room = limits.prompt_tokens - limits.context_tokens - len(suffix.ids or ()) - 4
    prefix = last_lines(query.prefix, room, generator.tokenize_many)
    return _behind_suffix(template, "", prefix, suffix, generator.tokenize_many)[0][:-1]


def _suffix(limits: Protocol, query: Query, generator: Generator) -> Part:
    if not limits.right_tokens or not generator.vocab.template.infills:
        return Part("", ())
    ids = tuple(generator.tokenize_many([query.suffix])[0][: limits.right_tokens])
    return Part(generator.detokenize(ids), ids)


def _behind_suffix(
    template: Template, context: str, prefix: str, suffix: Part, tokenize_many: TokenizeMany
) -> tuple[tuple[int, ...], tuple[Part, ...]]:
    """Repoformer: prefix, suffix, snippets, middle, whatever order the model's own template has: what was computed to
    ask the gate is used again."""
    control = {
        role: Part(template.texts[role], (template.ids[role],)) for role in ("prefix", "suffix", "middle")
    }
    bos = () if template.bos is None else (Part("", (template.bos,)),)
    texts = iter(plain(ids, template) for ids in tokenize_many([prefix, context]))
    before, behind = Part(prefix, next(texts)), Part(context, next(texts))
    parts = (*bos, control["prefix"], before, control["suffix"], suffix, behind, control["middle"])
    return tuple(number for part in parts for number in part.ids or ()), parts


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


def context_start_line(prefix: str, limits: Protocol, tokenize_many: TokenizeMany) -> int:
    """1-based line at which an in-file prompt that has the whole budget would begin.

    What lies above is not in any prompt, so RepoCoder may retrieve it from the file of the hole.
    """
    shown = last_lines(prefix, limits.prompt_tokens, tokenize_many)
    return prefix.count("\n") - shown.count("\n") + 1
