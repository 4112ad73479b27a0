"""From a query and its hits to the token ids of a prompt, within a budget.

The prefix gets the most, the suffix and the snippets have a ceiling each. What the user pinned is given room
first. It and the definitions come first, since they change least while one types; the most similar snippet comes
last, nearest to the hole (RepoCoder, Zhang et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.languages import language_named
from repocoder.fim import Infill, Part, Template, assemble, render_snippet
from repocoder.llm.generator import Generator
from repocoder.types import DroppedHit, Prompt
from repocoder.window import TokenizeMany, fit_lines, fit_prefix, fit_suffix, split_open_end
from retrieval.types import Hit, Query

DEFAULT_TOKENS = 2048
"""Of a whole prompt: 82 % of the time of a 0.5B model on a CPU is prompt evaluation."""

SUFFIX_SHARE = 0.2  # of the prompt, at most
PREFIX_SHARE = 0.4  # of the prompt, at least, if the file has so much before the cursor
SNIPPET_SHARE = 0.5  # of the prompt, at most: RepoCoder's half
SNIPPET_PART = 0.4  # of the snippets' room for one of them, so that at least two and a half fit

ROUNDING = 64
"""Tokens to which the room of snippets and suffix is rounded up before the prefix gets the rest: a token more
or less in them must not move the start of the prefix."""

MAX_PATH, MAX_REPO_NAME = 200, 100  # characters; the end of a longer path, the start of a longer name


@dataclass(frozen=True, slots=True)
class PromptBudget:
    """Tokens: of the whole prompt with its control tokens, and the ceilings within it."""

    total: int
    suffix: int
    snippets: int

    @classmethod
    def for_model(
        cls, n_ctx: int, max_tokens: int, *, wanted: int | None = None, snippets: int | None = None
    ) -> PromptBudget:
        """What a model can take beside `max_tokens` of completion, at least half of its context."""
        room = max(n_ctx - max_tokens, n_ctx // 2)
        total = max(1, min(wanted or DEFAULT_TOKENS, room, n_ctx - 1))
        ceiling = int(total * SNIPPET_SHARE)
        return cls(total, int(total * SUFFIX_SHARE), ceiling if snippets is None else min(snippets, ceiling))


@dataclass(frozen=True, slots=True)
class Snippets:
    """Hits that fit, with their text as the prompt has it, and those that do not."""

    hits: tuple[Hit, ...]
    parts: tuple[Part, ...]
    dropped: tuple[DroppedHit, ...]

    @property
    def tokens(self) -> int:
        return sum(len(part.ids or ()) for part in self.parts)


def build_prompt(
    query: Query,
    hits: Sequence[Hit],
    generator: Generator,
    *,
    budget: PromptBudget,
    repo_name: str,
    heals: bool = False,
) -> Prompt:
    """The prompt for a hole; `hits` come best first. Never longer than `budget.total`, whatever it holds.

    If it `heals`, it ends before the word or blanks at the cursor, which are its `typed` (`repocoder.llm.retyping`).
    """
    template = generator.vocab.template
    tokenize_many = generator.tokenize_many
    before, after = (text.replace("\r\n", "\n") for text in (query.prefix, query.suffix))
    overhead = _overhead(query, repo_name, template, tokenize_many)
    room = max(0, budget.total - overhead)
    suffix = fit_suffix(after, min(budget.suffix, room), template, tokenize_many)
    room -= _rounded(len(suffix.ids or ()), room)
    widest = fit_prefix(before, room, template, tokenize_many)
    least = min(len(widest.ids or ()), int(budget.total * PREFIX_SHARE))
    chosen = fit_snippets(query.language, hits, min(budget.snippets, room - least), template, tokenize_many)
    # Each snippet may cost a control token beside its text.
    room -= _rounded(chosen.tokens + len(chosen.parts), room)
    prefix = widest if len(widest.ids or ()) <= room else fit_prefix(before, room, template, tokenize_many)
    prefix, typed = split_open_end(prefix, template, tokenize_many) if heals else (prefix, "")
    infill = Infill(repo_name[:MAX_REPO_NAME], chosen.parts, query.path[-MAX_PATH:], prefix, suffix)
    ids, parts = assemble(template, infill, tokenize_many)
    return Prompt(
        token_ids=ids
        if len(ids) <= budget.total
        else ids[-budget.total :],  # a budget below the template's own
        text="".join(part.text for part in parts),
        hits=chosen.hits,
        dropped=chosen.dropped,
        prefix_tokens=len(prefix.ids or ()),
        suffix_tokens=len(suffix.ids or ()),
        snippet_tokens=chosen.tokens,
        template=template.name,
        hit_tokens=tuple(len(part.ids or ()) for part in chosen.parts),
        typed=typed,
    )


def fit_snippets(
    language: str, hits: Sequence[Hit], room: int, template: Template, tokenize_many: TokenizeMany
) -> Snippets:
    """Take hits best first while they fit in `room` tokens; a smaller one may still enter after one that did not."""
    comment = language_named(language).line_comment
    texts = [render_snippet(template, hit.path[-MAX_PATH:], hit.text, comment) for hit in hits]
    tokenize_many(texts)  # one message for all; below they come from the cache
    ceiling = int(room * SNIPPET_PART)
    taken: list[tuple[Hit, Part]] = []
    dropped: list[DroppedHit] = []
    for number, (hit, text) in enumerate(zip(hits, texts, strict=True)):
        if template.max_snippets is not None and len(taken) == template.max_snippets:
            dropped.append(DroppedHit(hit, f"the model takes at most {template.max_snippets} snippets"))
            continue
        alone = number == len(hits) - 1 and not taken
        part = fit_lines(text, (room if alone else min(ceiling, room)) - 1, template, tokenize_many)
        if part is None or not part.ids:
            size = len(tokenize_many([text])[0])
            dropped.append(DroppedHit(hit, f"no room: {size} tokens, {max(0, room)} left"))
            continue
        taken.append((hit, part))
        room -= len(part.ids) + 1
    taken = _ordered(taken)
    return Snippets(tuple(hit for hit, _ in taken), tuple(part for _, part in taken), tuple(dropped))


def _ordered(taken: Sequence[tuple[Hit, Part]]) -> list[tuple[Hit, Part]]:
    """What is pinned as the user pinned it and definitions by place, so that neither order follows scores; then the
    others, the best last.
    """
    pinned = [pair for pair in taken if _is_from("pinned", pair[0])]
    rest = [pair for pair in taken if not _is_from("pinned", pair[0])]
    definitions = [pair for pair in rest if _is_from("definitions", pair[0])]
    definitions.sort(key=lambda pair: (pair[0].path, pair[0].start_line))
    return [*pinned, *definitions, *(pair for pair in reversed(rest) if not _is_from("definitions", pair[0]))]


def _is_from(source: str, hit: Hit) -> bool:
    return any(evidence.source == source for evidence in hit.evidence)


def _overhead(query: Query, repo_name: str, template: Template, tokenize_many: TokenizeMany) -> int:
    """Tokens of the template itself with its paths, where there is a snippet."""
    nothing = Part("", ())
    infill = Infill(repo_name[:MAX_REPO_NAME], (Part(" ", (-1,)),), query.path[-MAX_PATH:], nothing, nothing)
    return len(assemble(template, infill, tokenize_many)[0])


def _rounded(tokens: int, room: int) -> int:
    """Up to a multiple of `ROUNDING`, as far as there is room; 0 stays 0."""
    return min(-(-tokens // ROUNDING) * ROUNDING, max(room, tokens))
