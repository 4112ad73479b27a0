"""The keys of the application and the workspace, how keys are named, and those that the user gave to actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding, BindingType

APP_BINDINGS: tuple[BindingType, ...] = (
    Binding(
        "ctrl+q",
        "quit",
        "Quit",
        id="quit",
        tooltip="Leave; asks when something is not saved",
        priority=True,
    ),
    Binding("f1", "help", "Help", id="help", tooltip="The keys of where you are, then all", priority=True),
    Binding("question_mark", "help", "Help", id="help-sign", tooltip="The same, outside of text", show=False),
)
"""Keys that hold everywhere; those with priority on all screens."""

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
WORK_BINDINGS: tuple[BindingType, ...] = (
    Binding("f3", "pane('snippets')", "Why", id="snippets", tooltip="Show, enter or hide the snippets used"),
    Binding("ctrl+s", "save", "Save", id="save", tooltip="Write the file to disk"),
    Binding("f2", "pane('files')", "Files", id="files", tooltip="Show, enter or hide the file tree"),
    Binding("f4,alt+left", "back", "Back", id="back", tooltip="Return to where you came from", show=False),
    Binding(
        "f5", "refresh", "Refresh", id="refresh", tooltip="Read the files and the index again", show=False
    ),
    Binding("escape", "leave", "Leave", id="leave", tooltip="Back to the editor", show=False),
)

_NAMES = {
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "right_square_bracket": "]",
    "slash": "/",
    "period": ".",
    "comma": ",",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "delete": "Del",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def key_names(keys: str) -> str:
    """Keys as people write them: "Ctrl+Space, Ctrl+N"."""
    # terminals without the newer protocol send Ctrl+Space as ctrl+@
    return ", ".join(_key_name(key) for key in keys.split(",") if key != "ctrl+@")


def short_key(key: str) -> str:
    """One key as briefly as it can be said: "^N", "Alt+N", "F1"."""
    return _key_name(key).replace("Ctrl+", "^")


def _key_name(key: str) -> str:
    if len(key) == 1:  # p and P are two keys
        return key
    return "+".join(_NAMES.get(part, part[:1].upper() + part[1:]) for part in key.split("+"))


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
