"""The repository as the rules of a language see it. Every look is noted, so that changes find who looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from indexer.resolvers.rules import FileView, Named

Answer = TypeVar("Answer")


class World(Protocol):
    """What rules may ask."""

    def exists(self, path: str) -> bool:
        """Whether a file of that path is indexed."""
        ...

    def first(self, paths: Iterable[str]) -> str:
        """The first of the paths that is indexed, "" if none is. Those after it are not looked at."""
        ...

    def folder(self, folder: str) -> Sequence[str]:
        """The paths of the files right in a folder ("" or "a/b/"), sorted."""
        ...

    def ending(self, tail: str) -> Sequence[str]:
        """The paths that are `tail` or end with "/" + `tail` ("vector.h", "a/b.rb"), sorted."""
        ...

    def file(self, path: str) -> FileView | None:
        """An indexed file. Use it sparingly: its imports and package may be looked at, its names through `Place`s."""
        ...

    def text(self, path: str) -> str:
        """The content of a configuration file that is indexed as text (go.mod, tsconfig.json); "" if it is not
        there. A change of it resolves all files anew that asked, so ask through `remember`.
        """
        ...

    def named(self, name: str) -> Sequence[Named]:
        """All symbols of that last name in files of the asking language's family, by path and position."""
        ...

    def qualified(self, full: str) -> Sequence[Named]:
        """Those of `named` whose package + "." + qualname is `full`."""
        ...

    def is_package(self, package: str) -> bool:
        """Whether a file of the family is in that package or in one below it."""
        ...

    def remember(self, question: tuple[object, ...], answer: Callable[[], Answer]) -> Answer:
        """The answer to a question of the rules (its first item a name of its kind), found once. What is noted while
        it is found is noted again for whoever asks later.
        """
        ...

    def note(self, key: str) -> None:
        """Note a lookup under a key that `Rules.module_keys` gives for the files which would change its answer."""
        ...
