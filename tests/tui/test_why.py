"""The pane that explains: gate, checks, snippets with their reasons; pins, exclusions, the prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from repocoder.errors import ModelError
from repocoder.types import CompletionRequest, Origin
from retrieval.types import GateDecision
from tui.reasons import STOPS, stop_in_words, why_nothing
from tui.screens.prompt import marked


async def _asked(pilot: Any, ui: Any) -> Any:
    await ui.ask(pilot)
    await pilot.press("f3")
    pane = pilot.app.workspace.query_one("#snippets")
    await ui.wait(pilot, lambda: pane.has_focus_within)
    await pilot.pause()
    return pane


async def test_gate_checks_and_cost_of_each_snippet_are_shown(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _asked(pilot, ui)
        screen = " ".join("\n".join(ui.painted(pilot)).split())
        assert "score 1.00, 50 tokens" in screen
        assert "names: defines `build`, imported" in screen
        assert "✓ checked: brackets" in screen
        assert "Retrieved: `helper` is imported" in screen
        assert "1 snippet in the prompt, 50 tokens" in screen
        assert "retrieval auto, 1,024 tokens" in ui.text(pilot, "#snippets-how")


async def test_pins_and_exclusions_go_to_the_choices(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _asked(pilot, ui)
        await pilot.press("p")
        await ui.wait(pilot, lambda: scripted.choices.items())
        (choice,) = scripted.choices.items()
        assert (str(choice.place), choice.action, choice.scope) == ("helper.py::build", "pin", "session")
        await ui.wait(pilot, lambda: "pinned, from the next" in "\n".join(ui.painted(pilot)))
        await pilot.press("down", "X")
        await ui.wait(pilot, lambda: len(scripted.choices.items()) == 2)
        assert [(str(c.place), c.scope) for c in scripted.choices.items() if c.action == "exclude"] == [
            ("other.py::other", "project")
        ]
        await pilot.press("c")
        await ui.wait(pilot, lambda: len(scripted.choices.items()) == 1)


async def test_a_pinned_place_that_was_not_found_is_listed_too(app: Any, scripted: Any, ui: Any) -> None:
    scripted.choices.pin("package/inner.py:1-1")
    async with app.run_test(size=(140, 40)) as pilot:
        await _asked(pilot, ui)
        await pilot.press("end", "enter")
        await ui.wait(pilot, lambda: app.workspace.area.current.file.path == "package/inner.py")


async def test_retrieval_and_budget_of_the_next_completion(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _asked(pilot, ui)
        for mode in ("always", "never", "auto", "always"):
            await pilot.press("r")
            await ui.wait(pilot, lambda: scripted.settings.retrieval == mode)  # noqa: B023
        await pilot.press("minus", "minus", "plus")
        await ui.wait(pilot, lambda: "retrieval always, 768 tokens" in ui.text(pilot, "#snippets-how"))
        await pilot.press("escape", "ctrl+n")
        await ui.wait(pilot, lambda: len(scripted.requests) == 2)
        assert scripted.requests[1].retrieval == "always"
        assert scripted.settings.snippet_tokens == 768


async def test_the_prompt_is_shown_as_the_model_got_it(app: Any, scripted: Any, ui: Any) -> None:
    async with app.run_test(size=(140, 40)) as pilot:
        await _asked(pilot, ui)
        await pilot.press("o")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        assert "Prompt: 100 tokens = 50 snippets, 40 before the cursor" in "\n".join(ui.painted(pilot))
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)


def test_control_tokens_are_marked_and_payloads_are_not_obeyed() -> None:
    content = marked("<|fim_prefix|>a\x1b]52;c;AA\x07 [red]b[/]<|fim_middle|>\n\tc")
    assert "\x1b" not in content.plain
    assert "[red]b[/]" in content.plain
    assert [content.plain[span.start : span.end] for span in content.spans] == [
        "<|fim_prefix|>",
        "<|fim_middle|>",
    ]


async def test_an_empty_answer_and_an_error_say_why(app: Any, scripted: Any, ui: Any) -> None:
    scripted.text = ""
    async with app.run_test(size=(140, 40)) as pilot:
        await ui.ask(pilot)
        assert "Nothing to suggest: the model was done" not in ui.text(pilot, "#snippets-note")
        assert "Nothing to suggest: the model said that it was done" in ui.text(pilot, "#snippets-note")
        scripted.error = ModelError("model: gone: [x]: see `repocoder models list`")
        await pilot.press("ctrl+n")
        await ui.wait(pilot, lambda: "Nothing came: model: gone: [x]" in ui.text(pilot, "#snippets-note"))


@pytest.mark.parametrize("stop", [*STOPS, "something new"])
async def test_nothing_always_has_a_reason(scripted: Any, stop: str) -> None:
    completion = scripted._completion(CompletionRequest("main.py", 1, 0, ""), "", stop)
    assert stop_in_words(stop) in why_nothing(completion)


async def test_what_was_remembered_names_its_place(
    app: Any, scripted: Any, ui: Any, monkeypatch: Any
) -> None:
    original = scripted._completion

    def remembered(*arguments: Any) -> Any:
        known = (("helper.py", 3, "helper.[red]build"), ("main.py", 1, "x"), ("helper.py", 3, "(name)"))
        return replace(original(*arguments), origins=tuple(Origin(*one, 0.9) for one in known))

    monkeypatch.setattr(scripted, "_completion", remembered)
    async with app.run_test(size=(140, 40)) as pilot:
        await ui.ask(pilot)
        note = ui.text(pilot, "#snippets-note")
        assert "remembered: helper.[red]build … (name)  from helper.py:3" in note
        assert note.count("remembered:") == 2


async def test_no_retrieval_has_its_reason(app: Any, scripted: Any, ui: Any, monkeypatch: Any) -> None:
    original = scripted._completion

    def without(*arguments: Any) -> Any:
        gate = GateDecision(False, 0.1, 0.5, "the line needs nothing from elsewhere")
        return replace(original(*arguments), gate=gate, hits=())

    monkeypatch.setattr(scripted, "_completion", without)
    async with app.run_test(size=(140, 40)) as pilot:
        await ui.ask(pilot)
        assert "Nothing was retrieved: the line needs nothing" in ui.text(pilot, "#snippets-note")
