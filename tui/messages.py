"""What the parts of the UI tell each other. Those of engine threads may come from any thread."""

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


@dataclass
class GhostDropped(Message):
    """The suggestion is gone without having been taken to its end: typed over, left, or refused with Esc."""

    editor: Editor


@dataclass
class GhostTaken(Message):
    """Characters of the suggestion went into the document; `whole`: all that was shown, by one key."""

    editor: Editor
    whole: bool


@dataclass
class GhostTurned(Message):
    """Another of several suggestions is shown."""

    editor: Editor
    number: int  # 1-based
    count: int


@dataclass
class PreviewWanted(Message):
    """Show a suggestion as a diff, and take it only when that is confirmed."""

    editor: Editor
    preview: Preview


@dataclass
class Edited(Message):
    """The document changed by a key, and no suggestion is shown."""

    editor: Editor
    characters: int  # typed or pasted


@dataclass
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


@dataclass
class CompletionDone(Message):
    number: int
    completion: Completion


@dataclass
class CompletionFailed(Message):
    number: int
    reason: str


@dataclass
class IndexProgressed(Message):
    progress: Progress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, IndexProgressed)


@dataclass
class IndexReady(Message):
    """The index can be read. `report` is None when it was there before this program looked for changes."""

    status: IndexStatus
    report: BuildReport | None


@dataclass
class IndexFailed(Message):
    reason: str


@dataclass
class IndexNoted(Message):
    """The watcher waits for something, or watches in another way now."""

    line: str


@dataclass
class EngineOpened(Message):
    """The engine can be asked without waiting for its parts to be imported."""


@dataclass
class ModelReady(Message):
    model: ModelInfo


@dataclass
class ModelFailed(Message):
    reason: str


@dataclass
class FilesListed(Message):
    listing: Listing


@dataclass
class FileOnDisk(Message):
    """An open file as it is on disk now. `base` is the SHA-256 that the editor had when it was looked for."""

    path: str
    base: str
    file: TextFile | None  # None: it cannot be read any more
    reason: str = ""


@dataclass
class TabsChanged(Message):
    """A file was opened or closed, or another one is shown."""


@dataclass
class FileChosen(Message):
    """Open a file, at a line (1-based) and column (0-based) if they are given."""

    path: str
    line: int | None = None
    column: int | None = None


@dataclass
class ChoiceMade(Message):
    """Pin, exclude or clear a place, as `repocoder.choices` writes it."""

    place: str
    action: str  # pin | exclude | clear
    scope: str  # session | project


@dataclass
class RetrievalTurned(Message):
    """The next completion is to retrieve in the next of the ways."""


@dataclass
class BudgetChanged(Message):
    """The next completion has more or fewer tokens for snippets."""

    step: int


@dataclass
class PromptWanted(Message):
    """Show a prompt as the model got it."""

    prompt: Prompt


@dataclass
class ColoursReady(Message):
    """The whole of a document was lexed in a thread."""

    rows: list[Row]
    revision: int
