"""One module for each language whose names can be followed across files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from indexer.resolvers.base import LanguageResolver, SymbolTable
from indexer.resolvers.modules import python_module_keys
from indexer.resolvers.plain import SameFileResolver
from indexer.resolvers.python import PythonResolver
from indexer.resolvers.rules import Rules

# The rules of each language by its name in `indexer.languages`: a new language is a row here.
RULES: dict[str, Callable[[], Rules]] = {}

RESOLVERS: dict[str, Callable[[SymbolTable], LanguageResolver]] = {"python": PythonResolver}

# Each gives the names under which files of its language look for a path; nothing for a path that is not its
# own.
KEY_MAKERS: tuple[Callable[[str], Iterable[str]], ...] = (python_module_keys,)


def make_resolver(language: str, table: SymbolTable) -> LanguageResolver:
    """The resolver of a language by its name in `indexer.languages`; same-file definitions where there is
    none.
    """
    return RESOLVERS.get(language, SameFileResolver)(table)
