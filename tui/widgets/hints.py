"""The line of keys at the bottom: those that are of use now, as many as fit; leaving and help are always there."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

ALWAYS = ("quit", "help")
"""Who knows nothing yet needs these: room is kept for them. The last one stands at the right."""

PADDING = 3  # cells of an entry around and between its key and its words


class Hints(Footer):
    """Textual's footer, but no entry is cut in two: what does not fit is left out."""

    def compose(self) -> ComposeResult:
        active = _one_for_each_action(self.screen.active_bindings.values())
        always = [one for action in ALWAYS for one in active if one.binding.action == action]
        room = self.app.size.width - sum(self._width(one.binding) for one in always) - 1
        for one in active:
            if one.binding.show and one not in always:
                room -= self._width(one.binding)
                if room < 0:
                    break
                yield self._entry(one)
        for one in always:
            yield self._entry(one, "-command-palette" if one is always[-1] else "")

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.recompose)

    def _width(self, binding: Binding) -> int:
        return cell_len(self.app.get_key_display(binding)) + cell_len(binding.description) + PADDING

    def _entry(self, one: ActiveBinding, classes: str = "") -> FooterKey:
        binding = one.binding
        return FooterKey(
            binding.key,
            self.app.get_key_display(binding),
            binding.description,
            binding.action,
            disabled=not one.enabled,
            tooltip=one.tooltip or binding.description,
            classes=classes,
        ).data_bind(compact=Footer.compact)


def _one_for_each_action(active: Iterable[ActiveBinding]) -> list[ActiveBinding]:
    """An action with several keys is named once, with its first one."""
    found: dict[str, ActiveBinding] = {}
    for one in active:
        found.setdefault(one.binding.action, one)
    return list(found.values())
