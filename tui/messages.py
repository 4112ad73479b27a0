"""What the parts of the UI tell each other. Those of engine threads may come from any thread.

Nobody compares or prints them: each method that is not made is a third of a millisecond less at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from indexer.types import BuildReport, Progress
    from repocoder.edits import TextFile
    from repocoder.types import Completion, IndexStatus, ModelInfo, Prompt
    from tui.colours import Row
    from tui.listing import Listing
    from tui.preview import Preview
    from tui.widgets.editor import Editor


@dataclass(eq=False, repr=False)
class GhostDropped(Message):
    """The suggestion is gone without having been taken to its end: typed over, left, or refused with Esc."""

    editor: Editor


@dataclass(eq=False, repr=False)
class GhostTaken(Message):
    """Characters of the suggestion went into the document; `whole`: all that was shown, by one key."""

    editor: Editor
    whole: bool


@dataclass(eq=False, repr=False)
class GhostTurned(Message):
    """Another of several suggestions is shown."""

    editor: Editor
    number: int  # 1-based
    count: int


@dataclass(eq=False, repr=False)
class PreviewWanted(Message):
    """Show a suggestion as a diff, and take it only when that is confirmed."""

    editor: Editor
    preview: Preview


@dataclass(eq=False, repr=False)
class Edited(Message):
    """The document changed by a key, and no suggestion is shown."""

    editor: Editor
    characters: int  # typed or pasted


@dataclass(eq=False, repr=False)
class CompletionStreamed(Message):
    """Text of a running completion so far."""

    number: int
    text: str
    turn: int  # pass, 1-based

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CompletionStreamed) and (message.number, message.turn) == (
            self.number,
            self.turn,
        )


@dataclass(eq=False, repr=False)
class CompletionDone(Message):
    number: int
    completion: Completion


@dataclass(eq=False, repr=False)
class CompletionFailed(Message):
    number: int
    reason: str


@dataclass(eq=False, repr=False)
class IndexProgressed(Message):
    progress: Progress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, IndexProgressed)


@dataclass(eq=False, repr=False)
class IndexReady(Message):
    """The index can be read. `report` is None when it was there before this program looked for changes."""

    status: IndexStatus
    report: BuildReport | None


@dataclass(eq=False, repr=False)
class IndexFailed(Message):
    reason: str


@dataclass(eq=False, repr=False)
class IndexNoted(Message):
    """The watcher waits for something, or watches in another way now."""

    line: str


@dataclass(eq=False, repr=False)
class EngineOpened(Message):
    """The engine can be asked without waiting for its parts to be imported."""


@dataclass(eq=False, repr=False)
class ModelReady(Message):
    model: ModelInfo


@dataclass(eq=False, repr=False)
class ModelFailed(Message):
    reason: str


@dataclass(eq=False, repr=False)
class FilesListed(Message):
    listing: Listing


@dataclass(eq=False, repr=False)
class FileOnDisk(Message):
    """An open file as it is on disk now. `base` is the SHA-256 that the editor had when it was looked for."""

    path: str
    base: str
    file: TextFile | None  # None: it cannot be read any more
    reason: str = ""


@dataclass(eq=False, repr=False)
class TabsChanged(Message):
    """A file was opened or closed, or another one is shown."""


@dataclass(eq=False, repr=False)
class FileChosen(Message):
    """Open a file, at a line (1-based) and column (0-based) if they are given."""

    path: str
    line: int | None = None
    column: int | None = None


@dataclass(eq=False, repr=False)
class ChoiceMade(Message):
    """Pin, exclude or clear a place, as `repocoder.choices` writes it."""

    place: str
    action: str  # pin | exclude | clear
    scope: str  # session | project


@dataclass(eq=False, repr=False)
class RetrievalTurned(Message):
    """The next completion is to retrieve in the next of the ways."""


@dataclass(eq=False, repr=False)
class BudgetChanged(Message):
    """The next completion has more or fewer tokens for snippets."""

    step: int


@dataclass(eq=False, repr=False)
class PromptWanted(Message):
    """Show a prompt as the model got it."""

    prompt: Prompt


@dataclass(eq=False, repr=False)
class ColoursReady(Message):
    """The whole of a document was lexed in a thread."""

    rows: list[Row]
    revision: int
