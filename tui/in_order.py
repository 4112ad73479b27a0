"""Keys in their order: what is typed after a command waits until the command is carried out.

Textual hands a key to the widget that has the focus. A letter is taken there; any other key rises from it to the
application, which looks for its binding, while the letters behind it are taken at once. They would go where the focus
was. So a key that rises is followed by a message that takes the same way, through the same queues; what comes meanwhile
waits for it. It goes the way several times, for what a command begins goes its way by messages too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual import events
from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App
    from textual.timer import Timer
    from textual.widget import Widget

ROUNDS = 3
"""From the choice in a finder to the open file: it is told of, the finder is left, the file is opened."""

LONGEST_S = 2.0
"""A widget that is removed may take the message along; and then nothing waits for longer than this."""

STAY = frozenset(
    before + key
    for key in ("up", "down", "left", "right", "home", "end", "backspace", "delete")
    for before in ("", "shift+", "ctrl+", "ctrl+shift+")
) | {"pageup", "pagedown"}
"""Keys that leave the focus where it is: several of them go one behind the other, as fast as they are repeated."""

Typed = events.Key | events.Paste


@runtime_checkable
class CarriesOut(Protocol):
    """A widget that has more keys of its own than text, as `CodeArea`, which the first paint does not wait for."""

    def carries_out(self, key: str) -> bool: ...


class KeyFollowed(Message):
    """All that was sent before it, on its way from the focus to the application, has come."""

    def __init__(self, key: events.Key, rounds: int) -> None:
        super().__init__()
        self.key = key
        self.rounds = rounds  # that are left


class KeysInOrder:
    """Of one application; belongs to its message loop."""

    def __init__(self, app: App[None], go_on: Callable[[Typed], Awaitable[None]]) -> None:
        """`go_on` takes in what has waited."""
        self._app = app
        self._go_on = go_on
        self._rising: events.Key | None = None
        self._since = 0.0  # when it began to rise, on the monotonic clock
        self._waiting: deque[Typed] = deque()
        self._last_resort: Timer | None = None

    def must_wait(self, event: Typed) -> bool:
        """Keep it for later, if a key before it is not carried out yet."""
        if self._rising is None or (not self._waiting and stays(self._rising) and stays(event)):
            return False
        if not self._waiting and time.monotonic() - self._since >= LONGEST_S:
            self._rising = None
            return False
        self._waiting.append(event)
        self._limit()
        return True

    def follow(self, event: Typed, focused: Widget | None) -> None:
        """It was handed on to what was `focused` then, or carried out: some bindings come first."""
        if not isinstance(event, events.Key):
            return
        if not event.is_forwarded:
            focused = self._app.focused
        elif is_taken_at_once(event, focused):
            return
        self._rising, self._since = event, time.monotonic()
        self._send(KeyFollowed(event, ROUNDS - 1), focused)

    async def come(self, message: KeyFollowed) -> None:
        """The message that follows a key has reached the application."""
        if message.key is not self._rising:
            return
        if message.rounds:
            self._send(KeyFollowed(message.key, message.rounds - 1), self._app.focused)
        else:
            await self._release()

    def _send(self, message: KeyFollowed, focused: Widget | None) -> None:
        if focused is None or not focused.post_message(message):
            self._app.screen.post_message(message)

    async def _release(self) -> None:
        self._rising = None
        if self._last_resort is not None:
            self._last_resort.stop()
            self._last_resort = None
        while self._waiting and self._rising is None:
            await self._go_on(self._waiting.popleft())
        if self._waiting:
            self._limit()

    def _limit(self) -> None:
        if self._last_resort is None:
            self._last_resort = self._app.set_timer(LONGEST_S, self._release)


def is_taken_at_once(key: events.Key, focused: Widget | None) -> bool:
    """Does the widget that has the focus carry it out itself, before it looks at the next key?"""
    if focused is None:
        return False
    if not key.key.startswith("alt+") and focused.check_consume_key(key.key, key.character):
        return True
    return isinstance(focused, CarriesOut) and focused.carries_out(key.key)


def stays(event: Typed) -> bool:
    """Does the focus stay where it is after this key?"""
    return isinstance(event, events.Key) and event.key in STAY
