"""An engine that is there before its parts are: the first paint does not wait for numpy and the index."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repocoder.config import Settings
    from repocoder.engine import Engine


class OpenedLater:
    """Stands for an `Engine` and becomes it: root and settings are known at once, all else opens it and waits for that.

    Any thread may ask, but that of the UI only for what is known, or after another has opened it.
    """

    def __init__(self, root: Path, settings: Settings, opens: Callable[[Settings], Engine]) -> None:
        self.root = root.resolve()
        self._settings = settings
        self._opens = opens
        self._engine: Engine | None = None
        self._closed = False
        self._state = threading.Lock()

    @property
    def settings(self) -> Settings:
        return self._settings if self._engine is None else self._engine.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        with self._state:
            self._settings = settings
            if self._engine is not None:
                self._engine.settings = settings

    @property
    def notes(self) -> list[str]:
        return [] if self._engine is None else self._engine.notes

    def close(self) -> None:
        """Close it if it was opened, and open it no more. May be called again."""
        self._closed = True
        with self._state:
            if self._engine is not None:
                self._engine.close()

    def __getattr__(self, name: str) -> Any:
        """What an `Engine` has and is not named above."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._opened(), name)

    def _opened(self) -> Engine:
        with self._state:
            if self._engine is None:
                try:
                    self._engine = self._opens(self._settings)
                finally:
                    gc.enable()  # it was off since the start
                gc.freeze()  # what was imported stays: no collection looks at it again
                if self._closed:
                    self._engine.close()
            return self._engine
