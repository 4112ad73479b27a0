"""The pane that answers "why this?": the gate, the checks, and the snippets of the last completion, each with its
evidence in words, its score and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.display import MUTED, plain
from tui.messages import BudgetChanged, ChoiceMade, FileChosen, PromptWanted, RetrievalTurned
from tui.reasons import channel_in_words, stop_in_words, why_nothing

if TYPE_CHECKING:
    from repocoder.choices import Choice
    from repocoder.config import Settings
    from repocoder.types import Completion, Origin
    from retrieval.types import Hit, Place

NO_BREAK = "\u00a0"
"""A space that keeps the number and a long name on one line."""

BUDGET_STEP = 256  # tokens for snippets, with one key

SHOWN_ORIGINS = 3  # places that the memory learnt words of the completion from
ORIGIN_CHARACTERS = 40  # of what was learnt there: about a line of the pane

EMPTY = "Ask for a completion: the snippets it used appear here, each with the reason for it."


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry: a snippet of the completion, or a choice of the user that is not among them."""

    place: Place
    path: str
    line: int
    hit: Hit | None = None


class SnippetPane(Vertical):
    """Snippets in the prompt in its order, then those that were left out, then the user's other choices."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "choose('pin','session')", "Pin", id="pin", tooltip="Snippets: always show this one"),
        Binding(
            "x",
            "choose('exclude','session')",
            "Exclude",
            id="exclude",
            tooltip="Snippets: never show this one",
        ),
        Binding(
            "P",
            "choose('pin','project')",
            "Pin for good",
            id="pin-project",
            tooltip="Snippets: pin it for this repository, beyond this session",
            show=False,
        ),
        Binding(
            "X",
            "choose('exclude','project')",
            "Exclude for good",
            id="exclude-project",
            tooltip="Snippets: exclude it for this repository, beyond this session",
            show=False,
        ),
        Binding(
            "c",
            "choose('clear','session')",
            "Clear",
            id="clear-choice",
            tooltip="Snippets: undo pin or exclude",
        ),
        Binding(
            "r",
            "turn_retrieval",
            "Retrieval",
            id="retrieval",
            tooltip="Snippets: retrieve auto, always, never",
        ),
        Binding(
            "plus",
            "budget(1)",
            "More",
            id="budget-more",
            tooltip="Snippets: more tokens for them",
            show=False,
        ),
        Binding(
            "minus",
            "budget(-1)",
            "Less",
            id="budget-less",
            tooltip="Snippets: fewer tokens for them",
            show=False,
        ),
        Binding("o", "prompt", "Prompt", id="prompt", tooltip="Snippets: the exact prompt"),
    ]

    def compose(self) -> ComposeResult:
        yield Static(Content(EMPTY), id="snippets-note")
        yield Static(Content(""), id="snippets-how")

    def on_mount(self) -> None:
        self._listed: list[Listed] = []
        self._completion: Completion | None = None
        self._choices: tuple[Choice, ...] = ()

    @cached_property
    def entries(self) -> OptionList:
        """Takes the focus of the pane. Made when it is wanted: at first there is nothing to list."""
        options = OptionList(id="snippets-list", markup=False)
        options.display = False
        self.mount(options, before="#snippets-how")
        return options

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The snippets that are listed, in order."""
        return tuple(entry.hit for entry in self._listed if entry.hit is not None)

    def show(self, completion: Completion) -> None:
        """List the snippets of a completion."""
        self._completion = completion
        self._refill(0)

    def show_nothing(self, why: str) -> None:
        """There is no completion: say why."""
        self._completion = None
        self._refill(0)
        self.query_one("#snippets-note", Static).update(
            Content.assemble(("Nothing came: ", "bold"), plain(why, "$text-warning"))
        )

    def show_choices(self, choices: Sequence[Choice]) -> None:
        """Mark what the user pinned and excluded, beginning with the next completion."""
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self._refill(self.entries.highlighted or 0)

    def show_settings(self, settings: Settings) -> None:
        """Say how the next completion is going to retrieve."""
        automatic = settings.retrieval == "auto"
        self.query_one("#snippets-how", Static).update(
            Content.assemble(
                ("next: ", MUTED),
                f"retrieval {settings.retrieval}",
                f" ({settings.gate} gate)" if automatic and settings.gate != "auto" else "",
                f", {settings.snippet_tokens:,} tokens for snippets",
            )
        )

    def _refill(self, highlighted: int) -> None:
        completion = self._completion
        chosen = {choice.place: choice for choice in self._choices}
        options: list[Option] = []
        self._listed = []
        if completion is not None:
            self.query_one("#snippets-note", Static).update(_heading(completion))
            for entry, content in _snippets(completion):
                self._listed.append(entry)
                options.append(Option(_marked(content, chosen.pop(entry.place, None))))
        for place, choice in chosen.items():
            self._listed.append(Listed(place, place.path, place.lines[0] if place.lines else 1))
            options.append(Option(_marked(plain(str(place)), choice)))
        self.entries.clear_options()
        for option in options:
            self.entries.add_options([option, None])
        self.entries.display = bool(options)
        if options:
            self.entries.highlighted = min(highlighted, len(options) - 1)

    # ---- keys

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        entry = self._listed[event.option_index]
        self.post_message(FileChosen(entry.path, entry.line))

    def action_choose(self, action: str, scope: str) -> None:
        """Pin or exclude the place under the cursor, or take that back."""
        if self._listed and self.entries.highlighted is not None:
            self.post_message(ChoiceMade(str(self._listed[self.entries.highlighted].place), action, scope))

    def action_turn_retrieval(self) -> None:
        self.post_message(RetrievalTurned())

    def action_budget(self, step: int) -> None:
        self.post_message(BudgetChanged(step * BUDGET_STEP))

    def action_prompt(self) -> None:
        if self._completion is not None:
            self.post_message(PromptWanted(self._completion.prompt))


def place_of(hit: Hit) -> Place:
    """The place that a choice about a snippet is for: the definition if it is one, else its lines."""
    from retrieval.types import Place  # known by then: a hit came

    if hit.chunk.name:
        return Place(hit.path, hit.chunk.name)
    return Place(hit.path, lines=(hit.start_line, hit.end_line))


def _snippets(completion: Completion) -> list[tuple[Listed, Content]]:
    """Every hit: first those of the prompt, then those that were left out with the reason."""
    prompt = completion.prompt
    why = {dropped.hit: dropped.why for dropped in prompt.dropped}
    sizes = [*prompt.hit_tokens, *[None] * len(prompt.hits)]
    found = [
        (hit, _describe(number, hit, tokens=size))
        for number, (hit, size) in enumerate(zip(prompt.hits, sizes, strict=False), 1)
    ]
    left = [hit for hit in completion.hits if hit not in prompt.hits]
    found += [(hit, _describe(None, hit, left_out=why.get(hit, "not in the prompt"))) for hit in left]
    return [(Listed(place_of(hit), hit.path, hit.start_line, hit), content) for hit, content in found]


def _heading(completion: Completion) -> Content:
    """What is in the prompt, whether snippets were retrieved and why, what the checks say, how it ended."""
    gate, prompt = completion.gate, completion.prompt
    used = len(prompt.hits)
    lines = []
    if not completion.text.strip():
        lines.append(
            Content.assemble(("Nothing to suggest: ", "bold $text-warning"), plain(why_nothing(completion)))
        )
    if not gate.retrieve:
        lines.append(Content.assemble(("Nothing was retrieved: ", "bold"), plain(gate.reason)))
    elif not completion.hits:
        lines.append(Content.assemble(("Nothing was found: ", "bold"), plain(gate.reason)))
    else:
        plural = "" if used == 1 else "s"
        lines.append(
            Content.assemble(
                (f"{used} snippet{plural}", "bold"), f" in the prompt, {prompt.snippet_tokens} tokens"
            )
        )
        lines.append(Content.assemble(("Retrieved: ", "bold"), plain(_first_reason(gate.reason))))
    if prompt.limit:
        lines.append(plain(f"Prompt: {prompt.limit}", MUTED))
    passed = [check.name for check in completion.checks if check.passed]
    if passed:
        lines.append(Content.assemble(("✓ ", "$text-success"), plain(f"checked: {', '.join(passed)}")))
    for check in completion.checks:
        if not check.passed:
            lines.append(
                Content.assemble(("! ", "bold $text-warning"), plain(f"{check.name}: {check.detail}"))
            )
    lines += _origins(completion.origins)[:SHOWN_ORIGINS]
    lines += [plain(f"pass {report.number}: {report.reason}", MUTED) for report in completion.passes[1:]]
    if completion.text.strip():
        lines.append(plain(f"Ended: {stop_in_words(completion.stop_reason)}", MUTED))
    return Content("\n").join(lines)


def _first_reason(reason: str) -> str:
    """The first of the gate's reasons: the others are told again with the snippets that they are about."""
    first, more, _ = reason.partition("; ")
    return f"{first} …" if more else first


def _origins(origins: Sequence[Origin]) -> list[Content]:
    """What the memory knew, and from where, on a line or two for each place: the model's own words stand between."""
    texts: dict[str, list[str]] = {}
    for origin in origins:
        texts.setdefault(f"{origin.path}:{origin.line}", []).append(" ".join(origin.text.split()))
    return [
        Content.assemble(
            ("↺ ", "$text-accent"),
            "remembered: ",
            plain(_short(" … ".join(some))),
            "  from ",
            plain(place, MUTED),
        )
        for place, some in texts.items()
    ]


def _short(text: str) -> str:
    return text if len(text) <= ORIGIN_CHARACTERS else text[: ORIGIN_CHARACTERS - 1] + "…"


def _describe(number: int | None, hit: Hit, *, left_out: str = "", tokens: int | None = None) -> Content:
    """Name, place, score, cost and every reason of one snippet; `left_out` says why it is not in the prompt."""
    place = f"{hit.path}:{hit.start_line}"
    style = "bold $text-accent" if number is not None else ""
    mark = f"{number}{NO_BREAK}" if number is not None else f"-{NO_BREAK}"
    lines = [Content.assemble(mark, plain(hit.chunk.name or place, style))]
    if hit.chunk.name:
        lines.append(plain(place, MUTED))
    cost = "" if tokens is None else f", {tokens} tokens"
    lines.append(Content.styled(f"score {hit.score:.2f}{cost}", MUTED))
    reasons = dict.fromkeys((evidence.source, evidence.why) for evidence in hit.evidence)
    lines += [
        Content.assemble((channel_in_words(source), "italic"), ": ", plain(why)) for source, why in reasons
    ]
    if left_out:
        lines.append(plain(f"left out: {left_out}", "italic"))
    content = Content("\n").join(lines)
    return content if number is not None else content.stylize(MUTED)


def _marked(content: Content, choice: Choice | None) -> Content:
    """The entry with what the user chose for it."""
    if choice is None:
        return content
    word = "pinned" if choice.action == "pin" else "excluded"
    scope = "" if choice.scope == "session" else " for this repository"
    style = "$text-success" if choice.action == "pin" else "$text-error"
    return Content("\n").join([content, Content.styled(f"{word}{scope}, from the next completion on", style)])
