"""Holes of a repository, and their labels with a model that says what it is told."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from repocoder.engine import Engine
from repocoder.gate.features import FEATURES, features_of
from repocoder.gate.holes import KINDS, draw_holes
from repocoder.gate.labels import edit_similarity, exact_match, label, prompts
from repocoder.llm.fake import FakeGenerator
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import open_generator
from repocoder.memory.repository import RepositoryMemory
from retrieval.types import Place

OpenEngine = Callable[..., Engine]


def test_holes_are_code_with_its_file_around_it(open_engine: OpenEngine, root: Path) -> None:
    with open_engine().subject() as subject:
        holes = draw_holes(subject.snapshot, 40, 0)
        again = draw_holes(subject.snapshot, 12, 0)
        other = draw_holes(subject.snapshot, 12, 1)
    assert {hole.kind for hole in holes} == set(KINDS)
    assert again == holes[:12] and other != again
    assert len({hole.truth for hole in holes}) == len(holes) == len({hole.key for hole in holes})
    for hole in holes:
        text = (root / hole.path).read_text()
        assert text.startswith(hole.prefix + hole.truth)
        assert not hole.suffix or text == hole.prefix + hole.truth + hole.suffix
        assert "that is no code" not in hole.truth and not hole.truth.startswith("#")
        assert not hole.path.startswith("tests/")
        assert hole.truth == hole.truth.strip()
        assert hole.prefix.count("\n") == hole.line - 1
        assert len(hole.prefix.rpartition("\n")[2]) == hole.column
        assert hole.request.exclusions[0].start_line == hole.line
    assert {bool(hole.suffix) for hole in holes} == {True, False}
    assert all("fetch_value" in hole.truth for hole in holes if hole.kind == "call" and "use_" in hole.path)


def test_a_snippet_that_gives_the_answer_helps(open_engine: OpenEngine) -> None:
    """The model knows the call only where it is shown the definition."""
    answer = "total = store.fetch_value"
    engine = open_engine(FakeGenerator({"def fetch_value": answer}))
    with engine.subject() as subject:
        hole = next(
            hole
            for hole in draw_holes(subject.snapshot, 40, 0)
            if hole.kind == "call" and "use_" in hole.path
        )
        found = label(hole, subject, threading.Event())
    assert found is not None and found.shown
    assert (
        found.similarity_without == 0.0 and found.similarity_with == edit_similarity(answer, hole.truth) > 50
    )
    assert found.helped and found.tokens_with > found.tokens_without
    assert {*found.features} == {*FEATURES}


def test_both_prompts_have_the_same_text_of_the_file(open_engine: OpenEngine) -> None:
    for n_ctx in (700, 8192):  # with and without need to cut
        engine = open_engine(FakeGenerator(n_ctx=n_ctx))
        with engine.subject() as subject:
            for hole in draw_holes(subject.snapshot, 9, 0):
                query = subject.query(hole.request)
                without, shown = prompts(query, subject.retrieve(query), subject)
                assert not without.hits
                assert (without.prefix_tokens, without.suffix_tokens) == (
                    shown.prefix_tokens,
                    shown.suffix_tokens,
                )
                assert len(shown.token_ids) <= n_ctx - 64


def test_a_cancelled_label_is_none(open_engine: OpenEngine) -> None:
    cancel = threading.Event()
    cancel.set()
    with open_engine(FakeGenerator("x = 1")).subject() as subject:
        hole = draw_holes(subject.snapshot, 1, 0)[0]
        assert label(hole, subject, cancel) is None


def test_features_do_not_look_at_what_is_behind_the_hole(open_engine: OpenEngine) -> None:
    with open_engine().subject() as subject:
        hole = next(hole for hole in draw_holes(subject.snapshot, 40, 0) if hole.suffix)
        query = subject.query(hole.request)
        values = features_of(query, subject.retrieve(query))
    assert hole.truth not in query.prefix + query.suffix
    assert values["definitions"] > 0 and values["suffix_characters"] > 0
    assert values["memory_length"] == 0


def test_the_memory_foretells_what_other_files_have(open_engine: OpenEngine, tmp_path: Path) -> None:
    """Eleven other files go on alike; the hole's own and excluded ones say nothing, nor does a new text."""
    generator = FakeGenerator()
    engine = open_engine(generator)
    memory = RepositoryMemory(tmp_path / "memory", generator)
    with engine.subject() as subject:
        hole = next(one for one in draw_holes(subject.snapshot, 40, 0) if "fetch_value" in one.truth)
        query = subject.query(hole.request)
        assert memory.foretell(query) is None  # nothing is remembered yet
        memory.update(subject.snapshot)
    above = query.prefix.rpartition(hole.truth)[0] if hole.kind == "rest" else query.prefix
    asked = replace(query, prefix=above + "total_1 = store.fetch_v")
    said = memory.foretell(asked)
    assert said is not None and said.length == 16 and said.count >= 11
    assert generator.detokenize(said.token_ids[:1]) == "a" and said.shares[0] > 0.9
    hidden = (*(Place(f"use_{number}.py") for number in range(12)), Place("lib/store.py"))
    nothing = memory.foretell(replace(asked, hidden=hidden))
    assert nothing is None or nothing.length < said.length


def test_the_worker_tells_how_sure_the_first_token_was() -> None:
    generator = open_generator(threads=1)
    try:
        ids = tuple(generator.tokenize("def add(a, b):\n    return a"))
        plain, told = (
            generator.generate(GenerateRequest(ids, 4, with_doubt=doubt)) for doubt in (False, True)
        )
    finally:
        generator.close()
    assert (plain.margin, plain.entropy) == (0.0, 0.0) and plain.token_ids == told.token_ids
    assert 0 < told.margin <= math.exp(told.token_logprobs[0]) <= 1
    assert 0 < told.entropy < math.log(generator.vocab.size) and -told.token_logprobs[0] <= told.entropy


def test_scores_are_those_of_the_evaluation() -> None:
    pytest.importorskip("rapidfuzz")
    from eval.metrics.exact import exact_match_lines, first_lines, stripped_lines
    from eval.metrics.similarity import edit_similarity_levenshtein

    texts = ["", "return x", "  return x\n\nmore()", "retrn  xy", "a = b(c)\nd = e", "ünï = 1"]
    for text in texts:
        for truth in texts[1:]:
            wanted = stripped_lines(truth)
            said = "\n".join(first_lines(text, len(wanted)))
            expected = edit_similarity_levenshtein(said, "\n".join(wanted))
            assert edit_similarity(text, truth) == pytest.approx(expected)
            assert exact_match(text, truth) == exact_match_lines(text, truth)
