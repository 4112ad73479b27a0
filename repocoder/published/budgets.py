"""How a published method asks a model: token budgets, and where what stands in a prompt.

RepoEval (RepoCoder, Zhang et al., EMNLP 2023): the left context only, half of the budget for at most ten snippets,
the most similar one nearest to the hole; 2,048 tokens in all for the small models of the paper, 100 of them new (500
for functions). CrossCodeEval (Ding et al., NeurIPS 2023): the left context only, at most five chunks in 512 of 2,048
tokens, 50 of them new. Fill-in-the-middle (Repoformer, Wu et al., ICML 2024): what follows the hole is shown too, 512
tokens of it, 512 of snippets, 50 new tokens (256 for functions).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Layout = Literal["published", "native"]

TOTAL_TOKENS = 2048
MIN_ROOM = 64
"""Tokens of prompt below which nothing can be measured."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """Numbers of one way to ask; tokens are those of the model that runs."""

    name: str
    family: str  # repoeval | crosscodeeval | mined: whose layout of snippets
    total_tokens: int  # prompt and completion together
    new_tokens: int
    context_tokens: int  # ceiling of what is retrieved, headers and paths included
    right_tokens: int  # ceiling of what follows the hole
    max_snippets: int
    best_last: bool  # is the most similar snippet next to the hole?
    layout: Layout
    context_after_suffix: bool = (
        False  # Repoformer: snippets stand behind the suffix, just before the middle token
    )

    @property
    def prompt_tokens(self) -> int:
        return self.total_tokens - self.new_tokens

    def within(self, n_ctx: int) -> Protocol:
        """The same for a model with a smaller context: every share of the prompt shrinks alike."""
        return self if n_ctx >= self.total_tokens else self.scaled(n_ctx - self.new_tokens)

    def scaled(self, prompt_tokens: int) -> Protocol:
        """The same with a prompt of so many tokens; every share of it changes alike."""
        factor = prompt_tokens / self.prompt_tokens
        return replace(
            self,
            total_tokens=prompt_tokens + self.new_tokens,
            context_tokens=int(self.context_tokens * factor),
            right_tokens=int(self.right_tokens * factor),
        )


def protocol_for(family: str, kind: str, *, both_sides: bool = False, layout: Layout) -> Protocol:
    """The published numbers of a benchmark; `both_sides` is the fill-in-the-middle variant."""
    is_function = kind == "function"
    if both_sides:
        new = 256 if is_function else 50
        return Protocol("infill", family, TOTAL_TOKENS, new, 512, 512, 10, True, layout)
    if family == "crosscodeeval":
        return Protocol("crosscodeeval", family, TOTAL_TOKENS, 50, 512, 0, 5, False, layout)
    new = 500 if is_function else 100
    return Protocol("repocoder", family, TOTAL_TOKENS, new, (TOTAL_TOKENS - new) // 2, 0, 10, True, layout)
