"""Settings, models and machine: what the pages show, what they write, and what they leave alone."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from indexer.types import Progress
from repocoder.errors import ModelError
from repocoder.llm.fake import FakeGenerator
from repocoder.models import EMBEDDED_NAME, add
from repocoder.paths import config_file
from repocoder.types import CompletionRequest, ModelInfo, Timings
from tui.app import RepocoderApp
from tui.chosen_model import ChosenModel
from tui.latency import BARS, Latency, bars, sample_of
from tui.widgets.status import Rate, describe_done


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


async def _page(app: Any, pilot: Any, ui: Any, key: str) -> Any:
    await ui.ready(pilot)
    await pilot.press(key)
    await ui.wait(pilot, lambda: app.screen is not app.workspace)
    await pilot.pause()
    return app.screen


async def _go_to(pilot: Any, ui: Any, page: Any, words: str) -> None:
    """Put the cursor of the page's list on the entry with these words."""
    options = page.query_one("OptionList")
    for number in range(options.option_count):
        if words in str(options.get_option_at_index(number).prompt).partition("   ")[0]:
            options.highlighted = number
            await pilot.pause()
            return
    raise AssertionError(words)


async def test_a_setting_is_written_to_the_users_file_and_holds(app: Any, scripted: Any, ui: Any) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text("# mine\nk = 4  # few\n")
    async with app.run_test(size=(120, 50)) as pilot:
        page = await _page(app, pilot, ui, "alt+s")
        screen = "\n".join(ui.painted(pilot))
        assert "snippets that may enter a prompt" in screen
        assert "user file" in screen
        await _go_to(pilot, ui, page, "max_tokens")
        await pilot.press("enter", *"lots", "enter")
        await ui.wait(pilot, lambda: "max_tokens must be a whole number" in "\n".join(ui.painted(pilot)))
        await pilot.press(*["backspace"] * 4, *"32", "enter")
        await ui.wait(pilot, lambda: scripted.settings.max_tokens == 32)
        assert config_file().read_text() == "# mine\nk = 4  # few\nmax_tokens = 32\n"
        await pilot.press("delete")
        await ui.wait(pilot, lambda: scripted.settings.max_tokens == 96)
        assert config_file().read_text() == "# mine\nk = 4  # few\n"
        await pilot.press("enter", "9", "escape")
        assert app.screen is page
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)
        assert config_file().read_text() == "# mine\nk = 4  # few\n"


async def test_a_broken_file_is_left_alone_and_said(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 50)) as pilot:
        page = await _page(app, pilot, ui, "alt+s")
        config_file().parent.mkdir(parents=True)
        config_file().write_text("k = [")
        await _go_to(pilot, ui, page, "passes")
        await pilot.press("enter", "1", "enter")
        await ui.wait(pilot, lambda: "left alone" in "\n".join(ui.painted(pilot)))
        assert config_file().read_text() == "k = ["


async def test_the_switch_and_the_theme_hold_at_once(app: Any, ui: Any) -> None:
    async with app.run_test(size=(120, 50)) as pilot:
        page = await _page(app, pilot, ui, "alt+s")
        await _go_to(pilot, ui, page, "automatic")
        await pilot.press("enter", *"on", "enter")
        await ui.wait(pilot, lambda: app.workspace.completing.automatic)
        await _go_to(pilot, ui, page, "theme")
        await pilot.press("enter", *"nord", "enter")
        await ui.wait(pilot, lambda: app.theme == "nord")


async def test_another_model_is_loaded_and_kept_only_when_asked(
    scripted: Any, ui: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repocoder.models import EMBEDDED_FILE

    add(EMBEDDED_FILE, name="mine")
    opened: list[FakeGenerator] = []

    def opener(name: str | None) -> FakeGenerator:
        if name is None and opened:
            raise ModelError("model: [x]: gone")
        opened.append(FakeGenerator(name or ""))
        return opened[-1]

    app = RepocoderApp(scripted, ChosenModel(None, opener))
    assert app.model is not None
    app.model.tokenize("")
    async with app.run_test(size=(120, 50)) as pilot:
        page = await _page(app, pilot, ui, "alt+m")
        screen = "\n".join(ui.painted(pilot))
        assert EMBEDDED_NAME in screen
        assert "not downloaded" in screen
        await _go_to(pilot, ui, page, "mine")
        await pilot.press("enter")
        await ui.wait(pilot, lambda: len(opened) == 2 and app.model.name == "mine")
        assert opened[0].closed
        assert not opened[1].closed
        assert not config_file().exists()
        await ui.wait(pilot, lambda: "in use for this session" in "\n".join(ui.painted(pilot)))
        await pilot.press("s")
        await ui.wait(pilot, config_file().exists)
        assert tomllib.loads(config_file().read_text()) == {"model": "mine"}
        await _go_to(pilot, ui, page, EMBEDDED_NAME)
        await pilot.press("enter")
        await ui.wait(pilot, lambda: "model: [x]: gone" in "\n".join(ui.painted(pilot)))
        assert app.model.name == "mine"
        await pilot.press("s", "escape")
        await ui.wait(pilot, lambda: tomllib.loads(config_file().read_text()) == {})


async def test_a_download_without_a_network_is_one_line(app: Any, ui: Any) -> None:
    from tui.screens.models import ModelsScreen

    async with app.run_test(size=(120, 50)) as pilot:
        await ui.ready(pilot)
        page = ModelsScreen(
            ModelInfo("scripted-1m", "0" * 64), lambda name: None, endpoint="http://127.0.0.1:9"
        )
        app.push_screen(page)
        await ui.wait(pilot, lambda: app.screen is page and page._rows)
        await _go_to(pilot, ui, page, "qwen2.5-coder-0.5b")
        await pilot.press("enter")
        await ui.wait(pilot, lambda: "download: " in ui_text(page, "#models-note"), 60)
        assert "check the network" in ui_text(page, "#models-note")


def test_a_memory_is_used_with_the_model_that_it_is_made_of() -> None:
    class Remembering(FakeGenerator):
        can_remember = True

        def __init__(self, sha256: str) -> None:
            super().__init__("")
            self._sha256 = sha256

        @property
        def info(self) -> ModelInfo:
            return ModelInfo("fake", self._sha256)

    model = ChosenModel(None, lambda name: Remembering("1" * 64))
    assert model.can_remember
    model.put("other", Remembering("2" * 64))
    assert not model.can_remember
    model.put("first", Remembering("1" * 64))
    assert model.can_remember


def ui_text(page: Any, selector: str) -> str:
    return str(page.query_one(selector).render())


async def test_the_machine_page_shows_findings_and_times(
    app: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repocoder.doctor import check_python, check_threads
    from tui.screens import doctor

    def two(root: Path, settings: Any) -> Any:  # the others start processes and load the model
        yield check_python()
        yield check_threads(settings)

    monkeypatch.setattr(doctor, "diagnose", two)
    async with app.run_test(size=(120, 50)) as pilot:
        await ui.ask(pilot)
        assert "tokens/s" in ui.text(pilot, "#status-ground")
        await pilot.press("alt+d")
        await ui.wait(pilot, lambda: app.screen is not app.workspace)
        await ui.wait(pilot, lambda: "processors" in "\n".join(ui.painted(pilot)))
        screen = "\n".join(ui.painted(pilot))
        assert "✓ ok" in screen
        for part in ("gate", "retrieve", "prefill", "decode", "tokens/s while decoding"):
            assert part in screen
        await pilot.press("escape")
        await ui.wait(pilot, lambda: app.screen is app.workspace)


def test_bars_and_speed(scripted: Any) -> None:
    assert bars([0, 1, 2, 4]) == BARS[0] + BARS[2] + BARS[4] + BARS[7]
    assert bars([0, 0]) == BARS[0] * 2
    latency = Latency()
    assert latency.line() == ""
    completion = scripted._completion(CompletionRequest("main.py", 1, 0, ""), scripted.text, "end")
    latency.note(completion)
    (sample,) = latency.samples
    assert sample.decode == 321.0
    assert sample.tokens_s == pytest.approx(12 / 0.321)
    assert latency.line() == f"{BARS[7]} 37 tokens/s"


def test_the_first_index_is_no_part_of_a_completions_time(scripted: Any) -> None:
    completion = scripted._completion(CompletionRequest("main.py", 1, 0, ""), scripted.text, "end")
    slow = replace(completion, timings=Timings(index_ms=17_000.0, total_ms=17_321.0))
    assert describe_done(slow) == describe_done(completion)
    assert sample_of(slow) == sample_of(completion)


def test_rate_and_time_left_of_the_index() -> None:
    rate = Rate()
    assert rate.line(Progress("parse", 0, 100, ""), 10.0) == ""
    assert rate.line(Progress("parse", 1, 100, ""), 10.1) == ""
    assert rate.line(Progress("parse", 20, 100, ""), 12.0) == ", 10/s, 8 s left"
    assert rate.line(Progress("derive", 20, 100, ""), 13.0) == ""
