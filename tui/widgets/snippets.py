"""The pane that answers "why this?": the snippets of the last completion, each with its evidence in words."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from repocoder.types import Completion
from retrieval.types import Hit
from tui.display import plain
from tui.messages import FileChosen

NO_BREAK = "\u00a0"
"""A space that keeps the number and a long name on one line."""

EMPTY = "Ask for a completion: the snippets it used appear here, each with the reason for it."


class SnippetPane(Vertical):
    """Snippets in the prompt in its order, then those that were left out. Enter jumps to one."""

    def compose(self) -> ComposeResult:
        yield Static(Content(EMPTY), id="snippets-note")
        yield OptionList(id="snippets-list", markup=False)

    def on_mount(self) -> None:
        self._hits: list[Hit] = []
        self._list.display = False

    @property
    def _list(self) -> OptionList:
        return self.query_one("#snippets-list", OptionList)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What is listed, in order."""
        return tuple(self._hits)

    def show(self, completion: Completion) -> None:
        """List the snippets of a completion."""
        why = {id(dropped.hit): dropped.why for dropped in completion.prompt.dropped}
        used = list(completion.prompt.hits)
        left = [hit for hit in completion.hits if hit not in used]
        self._hits = used + left
        note = self.query_one("#snippets-note", Static)
        note.update(_heading(completion, len(used)))
        options = [Option(_describe(number, hit)) for number, hit in enumerate(used, 1)]
        options += [Option(_describe(None, hit, why.get(id(hit), "not in the prompt"))) for hit in left]
        self._list.clear_options()
        for option in options:
            self._list.add_options([option, None])
        self._list.display = bool(options)
        if options:
            self._list.highlighted = 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        hit = self._hits[event.option_index]
        self.post_message(FileChosen(hit.path, hit.start_line))


def _heading(completion: Completion, used: int) -> Content:
    gate = completion.gate
    if not gate.retrieve:
        return Content.assemble(("Nothing was retrieved: ", "bold"), plain(gate.reason))
    if not completion.hits:
        return Content.assemble(("Nothing was found. ", "bold"), plain(gate.reason))
    tokens = completion.prompt.snippet_tokens
    plural = "" if used == 1 else "s"
    return Content.assemble(
        (f"{used} snippet{plural}", "bold"), f" in the prompt, {tokens} tokens. Enter jumps there."
    )


def _describe(number: int | None, hit: Hit, left_out: str = "") -> Content:
    """Name, place and every reason of one snippet; `left_out` says why it is not in the prompt."""
    place = f"{hit.path}:{hit.start_line}"
    style = "bold $text-accent" if number is not None else ""
    mark = f"{number}{NO_BREAK}" if number is not None else f"-{NO_BREAK}"
    lines = [Content.assemble(mark, plain(hit.chunk.name or place, style))]
    if hit.chunk.name:
        lines.append(plain(place, "$text-muted"))
    lines += [plain(why) for why in dict.fromkeys(evidence.why for evidence in hit.evidence)]
    if left_out:
        lines.append(plain(f"left out: {left_out}", "italic"))
    content = Content("\n").join(lines)
    return content if number is not None else content.stylize("dim")
