"""Which snippets stay while one types on a line, and what makes them give way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from indexer.types import Chunk, Span
from repocoder.config import Settings
from repocoder.sticky import Ground, Sticky, finished_names, ground_of
from repocoder.types import CompletionRequest
from retrieval.query import query_at
from retrieval.retriever import Retrieved
from retrieval.types import Evidence, Exclusion, GateDecision, Hit, Place, Query

ABOVE = "import os\n\n\ndef main():\n    "
BELOW = "\n    return value\n"


def place(typed: str, above: str = ABOVE, below: str = BELOW, path: str = "main.py") -> Query:
    text = above + typed + below
    line = (above + typed).count("\n") + 1
    return query_at(path, text, line, len((above + typed).rpartition("\n")[2]), facts=None)


def ground(query: Query, generation: int = 1, **request: Any) -> Ground:
    return ground_of(query, CompletionRequest(query.path, query.line, **request), Settings(), generation)


def hit(name: str, why: str = "", source: str = "definitions") -> Hit:
    number = sum(name.encode())
    chunk = Chunk(number, f"{name}.py", Span(number, number + 1, 0, 1), "python", "function", name, "", name)
    evidence = Evidence(source, 1, 1.0, why or f"defines `{name}`, `{name}` is used at line 5")
    return Hit(chunk, 1.0, (evidence,), name, number, number + 1)


def found(*hits: Hit, retrieve: bool = True) -> Retrieved:
    return Retrieved(hits, GateDecision(retrieve, 1.0, 0.5, "because"), {"similar_ms": 1.0})


def test_the_ground_is_the_same_while_one_types_on_a_line() -> None:
    first = ground(place("val"))
    assert ground(place("value = os.fspath(")) == first
    assert ground(place("")) == first


@pytest.mark.parametrize(
    "other",
    [
        ground(place("val\n    ")),  # the next line
        ground(place("val", above="import sys\n" + ABOVE)),
        ground(place("val", below=BELOW + "\n")),
        ground(place("val", path="other.py")),
        ground(place("val"), generation=2),
        ground(place("val"), retrieval="always"),
        ground(place("val"), exclusions=(Exclusion("a.py", 1, 2),)),
        ground(replace(place("val"), pins=(Place("helper.py"),))),
        ground(replace(place("val"), hidden=(Place("helper.py"),))),
        ground(replace(place("val"), buffers=(("a.py", "x = 1\n"),))),
        ground_of(place("val"), CompletionRequest("main.py", 5), Settings(k=3), 1),
    ],
)
def test_anything_else_that_snippets_depend_on_is_another_ground(other: Ground) -> None:
    assert other != ground(place("val"))


def test_a_name_is_finished_when_something_follows_it() -> None:
    assert finished_names(place("value = os.fsp")) == {"value", "os"}
    assert finished_names(place("value = os.fspath(")) == {"value", "os", "fspath"}
    assert finished_names(place("")) == frozenset()
    assert finished_names(query_at("a.py", "first.call()\nsecond", 2, 6, facts=None)) == frozenset()


def test_what_is_held_stays_and_nothing_is_looked_for_within_a_word() -> None:
    sticky, here = Sticky(), ground(place(""))
    names = finished_names(place("value = o"))
    first = found(hit("build"), hit("other"))
    assert sticky.held(here) is None
    assert sticky.settle(here, names, first) is first
    assert sticky.held(here, finished_names(place("value = os"))) is first
    assert sticky.held(here, finished_names(place("value = os."))) is None  # `os` is finished: look again
    assert sticky.held(here, frozenset()) is first  # what was deleted again asks for nothing
    assert sticky.held(ground(place("", path="b.py"))) is None
    again = replace(found(hit("other"), hit("third", source="similar")), timings={"similar_ms": 9.0})
    kept = sticky.settle(here, finished_names(place("value = os.")), again)
    assert (kept.hits, kept.gate, kept.timings) == (first.hits, first.gate, again.timings)
    assert sticky.held(here, finished_names(place("value = os.pa"))) is not None


@pytest.mark.parametrize(
    ("fresh", "gives_way"),
    [
        (found(hit("send")), True),
        (found(hit("Client", "defines `Client`, its members can follow `send.`")), True),
        (found(hit("sender")), False),
        (found(hit("send", source="similar")), False),
        (found(hit("build", "defines `build`, `send` is used at line 5")), False),  # held already
        (found(*[hit(name, source="similar") for name in "abcd"], hit("send")), False),  # too far behind
        (found(hit("send"), retrieve=False), False),
    ],
)
def test_only_the_definition_of_a_name_that_was_just_finished_replaces_it(
    fresh: Retrieved, gives_way: bool
) -> None:
    sticky, here = Sticky(), ground(place(""))
    first = found(hit("build"))
    sticky.settle(here, frozenset(), first)
    assert (sticky.settle(here, frozenset({"send"}), fresh) is fresh) == gives_way


def test_the_gate_opens_once_and_does_not_close() -> None:
    sticky, here = Sticky(), ground(place(""))
    closed, opened = found(hit("a"), retrieve=False), found(hit("b", source="similar"))
    sticky.settle(here, frozenset(), closed)
    assert sticky.settle(here, frozenset({"x"}), opened) is opened
    assert sticky.settle(here, frozenset({"x", "y"}), closed).gate.retrieve


def test_the_snippets_of_the_last_prompt_are_held_on_its_own_ground_only() -> None:
    sticky, here = Sticky(), ground(place(""))
    sticky.settle(here, frozenset(), found(hit("a")))
    second = found(hit("b"))
    sticky.adopt(ground(place("", path="b.py")), found(hit("c")))
    sticky.adopt(here, second)
    assert sticky.held(here, frozenset()) is second
