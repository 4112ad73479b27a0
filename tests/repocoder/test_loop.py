"""The loop's decisions, over scripted steps: the steps themselves are tested where they live."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from indexer.types import Chunk, Span
from repocoder.loop import MENDS, Draft, run_loop
from repocoder.types import Prompt
from repocoder.verify import Fault
from retrieval.retriever import Retrieved
from retrieval.types import Evidence, GateDecision, Hit, Query

QUERY = Query("a.py", "python", 3, 4, "def f():\n    ", "\n", "f", ())
YES = GateDecision(True, 1.0, 0.5, "because")
NO = GateDecision(False, 0.0, 0.5, "nothing near")


GHOST = Fault("known-names", "nope", "nothing here defines `nope`")
WRONG = Fault("known-members", "g.nope", "`G` has no `nope`", "b.py", "G")


def hit(line: int) -> Hit:
    chunk = Chunk(line, "b.py", Span(line, line + 1, 0, 1), "python", "function", "g", "", "def g(): ...")
    return Hit(chunk, 1.0, (Evidence("similar", 1, 1.0, "shares g"),), chunk.text, line, line + 1)


def draft(text: str, logprob: float | None = -1.0, stop: str = "end") -> Draft:
    return Draft(text, stop, logprob, 5, 1.0, 2.0, 3.0)


@dataclass
class Script:
    """Steps that answer from lists; `queries` is what they were asked."""

    found: list[Retrieved]
    drafts: list[Draft]
    unknown: dict[str, tuple[Fault, ...]] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)
    prompted: list[tuple[Hit, ...]] = field(default_factory=list)
    mended: dict[str, Draft] = field(default_factory=dict)
    asked_to_mend: list[str] = field(default_factory=list)

    def retrieve(self, query: Query) -> Retrieved:
        self.queries.append(query)
        return self.found[len(self.queries) - 1]

    def prompt(self, query: Query, hits: tuple[Hit, ...]) -> Prompt:
        self.prompted.append(hits)
        return Prompt((1, 2), "", hits, (), 1, 1, 0, "none")

    def generate(
        self, prompt: Prompt, query: Query, on_text: Callable[[str], None] | None, cancel: threading.Event
    ) -> Draft:
        answer = self.drafts[len(self.prompted) - 1]
        if on_text is not None:
            on_text(answer.text)
        return answer

    def faults(self, query: Query, text: str) -> tuple[Fault, ...]:
        return self.unknown.get(text, ())

    def mend(
        self, query: Query, prompt: Prompt, text: str, faults: Sequence[Fault], cancel: threading.Event
    ) -> Draft | None:
        self.asked_to_mend.append(text)
        return self.mended.get(text)

    def with_definitions(self, query: Query, found: Retrieved, faults: tuple[Fault, ...]) -> Retrieved:
        told = tuple(hit(100 + place) for place, fault in enumerate(faults) if fault.path)
        return replace(found, hits=(*told, *found.hits))


def found(*hits: Hit, gate: GateDecision = YES) -> Retrieved:
    return Retrieved(hits=hits, gate=gate, timings={})


def run(script: Script, passes: int = 2, seen: list[tuple[str, int]] | None = None):  # type: ignore[no-untyped-def]
    on_text = None if seen is None else lambda text, number: seen.append((text, number))
    return run_loop(script, QUERY, passes=passes, on_text=on_text, cancel=threading.Event())


def test_a_sure_draft_is_taken_as_it_is() -> None:
    result = run(Script([found(hit(1))], [draft("x", -0.1)]))
    assert [p.kept for p in result.passes] == [True]
    assert result.turn.draft.text == "x"


def test_an_unsure_draft_is_tried_again_with_itself_in_the_query() -> None:
    script = Script([found(hit(1)), found(hit(9))], [draft("x"), draft("y", -0.3)])
    seen: list[tuple[str, int]] = []
    result = run(script, seen=seen)
    assert script.queries[1].draft == "x"
    assert [(p.number, p.kept) for p in result.passes] == [(1, False), (2, True)]
    assert result.turn.draft.text == "y"
    assert seen == [("x", 1), ("y", 2)]


def test_a_less_likely_second_draft_does_not_replace_the_first() -> None:
    result = run(Script([found(hit(1)), found(hit(9))], [draft("x", -0.5), draft("y", -0.9)]))
    assert result.turn.draft.text == "x"
    assert [p.kept for p in result.passes] == [True, False]
    assert "not likelier" in result.passes[1].reason


def test_the_same_text_twice_still_tells_the_passes_apart() -> None:
    result = run(Script([found(hit(1)), found(hit(9))], [draft("x", -0.5), draft("x", -0.9)]))
    assert [p.kept for p in result.passes] == [True, False]


def test_fewer_unknown_names_win_over_likelihood() -> None:
    script = Script(
        [found(hit(1)), found(hit(9))], [draft("bad", -0.1), draft("good", -0.6)], unknown={"bad": (GHOST,)}
    )
    result = run(script)
    assert result.turn.draft.text == "good"
    assert "`nope`" in result.passes[1].reason


def test_what_tells_better_comes_first_in_the_second_prompt_even_if_retrieval_finds_nothing_new() -> None:
    script = Script(
        [found(hit(1)), found(hit(1))], [draft("bad", -0.1), draft("good", -0.6)], unknown={"bad": (WRONG,)}
    )
    result = run(script)
    assert [one.start_line for one in script.prompted[1]] == [100, 1]
    assert result.turn.draft.text == "good"
    assert "`G` has no `nope`" in result.passes[1].reason


def test_a_second_draft_with_as_many_faults_must_be_likelier() -> None:
    wrong = {"bad": (WRONG,), "worse": (GHOST,)}
    script = Script([found(hit(1)), found(hit(1))], [draft("bad", -0.3), draft("worse", -0.6)], unknown=wrong)
    assert run(script).turn.draft.text == "bad"


def test_no_second_pass_when_the_draft_changes_nothing_that_is_retrieved() -> None:
    script = Script([found(hit(1)), found(hit(1))], [draft("x")])
    assert len(run(script).passes) == 1


def test_a_closed_gate_shows_nothing_and_ends_after_one_pass() -> None:
    script = Script([found(hit(1), gate=NO)], [draft("x")])
    result = run(script)
    assert script.prompted == [()]
    assert len(result.passes) == 1


def test_a_cancelled_second_pass_leaves_the_first() -> None:
    script = Script([found(hit(1)), found(hit(9))], [draft("x"), draft("", None, "cancelled")])
    result = run(script)
    assert result.turn.draft.text == "x"
    assert len(result.passes) == 1


def test_a_cancelled_draft_is_not_checked() -> None:
    script = Script([found(hit(1))], [draft("bad", None, "cancelled")], unknown={"bad": (GHOST,)})
    assert run(script).turn.unknown == ()


def test_passes_limits_the_turns() -> None:
    script = Script([found(hit(n)) for n in range(1, 6)], [draft(str(n), -1.0 + n / 5) for n in range(5)])
    assert len(run(script, passes=1).passes) == 1
    script = Script([found(hit(n)) for n in range(1, 6)], [draft(str(n), -1.5 + n / 5) for n in range(5)])
    assert len(run(script, passes=4).passes) == 4


def test_a_wrong_name_is_mended_after_the_last_pass() -> None:
    script = Script(
        [found(hit(1)), found(hit(1))],
        [draft("bad", -0.1)],
        unknown={"bad": (GHOST, GHOST), "better": (GHOST,)},
        mended={"bad": draft("better", -0.4), "better": draft("good", -0.5)},
    )
    seen: list[tuple[str, int]] = []
    result = run(script, seen=seen)
    assert result.turn.draft.text == "good"
    assert not result.turn.unknown
    assert [(p.number, p.text, p.kept) for p in result.passes] == [
        (1, "bad", False),
        (2, "better", False),
        (3, "good", True),
    ]
    assert "`nope`: written anew from there; fewer checks" in result.passes[1].reason
    assert seen == [("bad", 1), ("better", 2), ("good", 3)]


def test_a_mended_draft_that_is_no_better_is_not_kept() -> None:
    wrong = {"bad": (GHOST,), "worse": (GHOST, WRONG)}
    script = Script(
        [found(hit(1)), found(hit(1))],
        [draft("bad", -0.1)],
        unknown=wrong,
        mended={"bad": draft("worse", -0.01)},
    )
    result = run(script)
    assert result.turn.draft.text == "bad"
    assert [p.kept for p in result.passes] == [True, False]


def test_only_so_many_names_are_mended() -> None:
    texts = [f"t{number}" for number in range(9)]
    faults = {text: (GHOST,) * (9 - number) for number, text in enumerate(texts)}
    mended = {text: draft(after) for text, after in pairwise(texts)}
    script = Script([found(hit(1)), found(hit(1))], [draft("t0", -0.1)], unknown=faults, mended=mended)
    assert run(script).turn.draft.text == f"t{MENDS}"


def test_what_is_right_or_was_asked_for_once_is_not_mended() -> None:
    right = Script([found(hit(1))], [draft("x", -0.1)])
    run(right)
    once = Script(
        [found(hit(1))], [draft("bad", -0.1)], unknown={"bad": (GHOST,)}, mended={"bad": draft("good")}
    )
    assert run(once, passes=1).turn.draft.text == "bad"
    assert right.asked_to_mend == once.asked_to_mend == []
