"""A prompt that ends before the word at the cursor, and a completion that begins with what is typed of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocoder.fim import Part
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import LocalGenerator, open_generator
from repocoder.llm.messages import Remember
from repocoder.llm.retyping import Retyping, Spellings
from repocoder.memory.calibration import default_weights
from repocoder.prompt import PromptBudget, build_prompt
from repocoder.window import fit_prefix, split_open_end
from retrieval.types import Query

SOURCE = Path(__file__).parents[2].joinpath("repocoder", "gguf.py").read_text()
ABOVE = 'def area(radius):\n    """The area of a circle."""\n'
LINES = ("    return radius * 3.14  # größer\n", "\tvalue = self.items[0]['x'] == \"é\"\n")

words = st.text("ab\xff é", max_size=4).map(str.encode)


@pytest.fixture(scope="module")
def model() -> Iterator[LocalGenerator]:
    generator = open_generator(threads=1)
    yield generator
    generator.close()


def query(prefix: str, suffix: str = "\n") -> Query:
    return Query("pkg/m.py", "python", prefix.count("\n") + 1, 0, prefix, suffix, "", ())


@given(st.lists(st.binary(max_size=3) | words, max_size=30), st.binary(min_size=1, max_size=4) | words)
@settings(deadline=None)
def test_a_token_may_come_if_it_and_the_text_begin_alike(pieces: list[bytes], text: bytes) -> None:
    if text:
        expected = [bool(one) and (one.startswith(text) or text.startswith(one)) for one in pieces]
        assert Spellings(pieces).mask(text).tolist() == expected


def test_what_goes_beyond_the_typed_text_is_told() -> None:
    spellings = Spellings([b"", b"re", b"return", b"t", b"x"])
    typing = Retyping(b"ret", lambda: spellings)
    assert np.flatnonzero(typing.allowed()).tolist() == [1, 2]  # type: ignore[arg-type]
    assert (typing.take(b"re"), typing.left) == (b"", b"t")
    assert np.flatnonzero(typing.allowed()).tolist() == [3]  # type: ignore[arg-type]
    assert (typing.take(b"t x"), typing.left, typing.allowed()) == (b" x", b"", None)
    assert Retyping(b"q", lambda: spellings).is_stuck


@pytest.mark.parametrize("line", LINES)
def test_what_is_left_out_is_cut_the_same_way_whatever_follows(model: LocalGenerator, line: str) -> None:
    template = model.vocab.template
    for end in range(len(line)):
        prefix = fit_prefix(ABOVE + line[:end], 500, template, model.tokenize_many)
        kept, typed = split_open_end(prefix, template, model.tokenize_many)
        assert kept.text + typed == prefix.text
        assert (typed == "") == (end == 0)
        whole = model.tokenize(ABOVE + line)
        assert kept.ids == tuple(whole[: len(kept.ids or ())])


def test_a_prompt_is_never_left_without_tokens(model: LocalGenerator) -> None:
    template = model.vocab.template
    prefix = Part("imp", tuple(model.tokenize("imp")))
    assert split_open_end(prefix, template, model.tokenize_many) == (Part("", ()), "imp")
    bare = replace(template, layout="bare", ids={})
    assert split_open_end(prefix, bare, model.tokenize_many) == (prefix, "")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("mixed", [False, True])
def test_at_each_cursor_the_text_begins_with_what_is_typed(
    model: LocalGenerator, line: str, mixed: bool
) -> None:
    budget = PromptBudget.for_model(model.vocab.n_ctx, 12)
    for end in range(1, len(line) - 1):
        asked = query(ABOVE + line[:end])
        prompt = build_prompt(asked, (), model, budget=budget, repo_name="r", heals=True)
        before = model.tokenize(asked.prefix.removesuffix(prompt.typed))
        memory = Remember([], before, default_weights().experts) if mixed else None
        order = GenerateRequest(prompt.token_ids, 6, may_be_empty=False, memory=memory, typed=prompt.typed)
        written = model.generate(order)
        assert model.detokenize(written.token_ids).startswith(prompt.typed + written.text[:1])
        assert all(value <= 0 for value in written.token_logprobs)


def test_drafts_change_nothing(model: LocalGenerator) -> None:
    above = "total = compute_total(first_value)\n" * 6 + "total = compute_t"
    budget = PromptBudget.for_model(model.vocab.n_ctx, 12)
    prompt = build_prompt(query(above), (), model, budget=budget, repo_name="r", heals=True)
    alone = GenerateRequest(prompt.token_ids, 12, typed=prompt.typed)
    drafting = replace(
        alone, memory=Remember([], model.tokenize(above.removesuffix(prompt.typed)), {}, drafts=8)
    )
    texts = [model.generate(order).text for order in (alone, drafting)]
    assert texts[0] == texts[1]
    assert texts[0].startswith("otal(first_value)")


def test_typed_tokens_take_no_room_from_the_completion(model: LocalGenerator) -> None:
    ids = (*model.vocab.template.ids.values(),)[:1] + tuple(model.tokenize(ABOVE))
    written = model.generate(GenerateRequest(ids, 1, may_be_empty=False, typed="    zqxjw_kvx"))
    assert written.text
    assert (written.n_tokens, len(written.token_ids) > 1) == (1, True)
    assert written.mean_logprob == written.token_logprobs[-1] == written.mean_logprob_of(1)


def test_what_cannot_be_spelt_ends_it() -> None:
    spellings = Spellings([b"a"])
    assert Retyping("é".encode(), lambda: spellings).is_stuck
