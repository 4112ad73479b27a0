"""The keys of the workspace, in the order of the footer, and those that the user gave to actions instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding, BindingType

FIRST_BINDINGS: tuple[BindingType, ...] = (
    Binding(
        "ctrl+space,ctrl+@,ctrl+n",
        "complete",
        "Complete",
        id="complete",
        key_display="^Space",
        tooltip="Suggest code at the cursor",
    ),
    Binding(
        "f8",
        "automatic",
        "Automatic",
        id="automatic",
        tooltip="Suggest when the keys rest, or only when asked",
        show=False,
    ),
)
LAST_BINDINGS: tuple[BindingType, ...] = (
    Binding("ctrl+s", "save", "Save", id="save", tooltip="Write the file to disk"),
    Binding("f2", "pane('files')", "Files", id="files", tooltip="Show, enter or hide the file tree"),
    Binding("f3", "pane('snippets')", "Why", id="snippets", tooltip="Show, enter or hide the snippets used"),
    Binding("f4,alt+left", "back", "Back", id="back", tooltip="Return to where you came from", show=False),
    Binding(
        "f5", "refresh", "Refresh", id="refresh", tooltip="Read the files and the index again", show=False
    ),
    Binding("f1,question_mark", "help", "Help", id="help", tooltip="All keys"),
    Binding("escape", "leave", "Leave", id="leave", tooltip="Back to the editor", show=False),
)


def keymap_of(
    assignments: Sequence[str], bindings: Iterable[BindingType]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(action -> keys) of "complete=ctrl+j" and the like, and a line for each that names no action."""
    known = {binding.id for binding in bindings if isinstance(binding, Binding)}
    keymap: dict[str, str] = {}
    unknown = []
    for assignment in assignments:
        action, _, keys = assignment.partition("=")
        if action in known:
            keymap[action] = keys
        else:
            unknown.append(f"keys: no such action: {action}: F1 lists all")
    return keymap, tuple(unknown)
