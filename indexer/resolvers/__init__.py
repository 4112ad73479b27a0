"""One module of rules for each language whose names can be followed across files; the core is beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from indexer.resolvers.c import CppRules, CRules
from indexer.resolvers.csharp import CSharpRules
from indexer.resolvers.go import GoRules
from indexer.resolvers.java import JavaRules, KotlinRules
from indexer.resolvers.javascript import JavaScriptRules
from indexer.resolvers.php import PhpRules
from indexer.resolvers.python import PythonRules
from indexer.resolvers.ruby import RubyRules
from indexer.resolvers.rules import Rules
from indexer.resolvers.rust import RustRules

# By the name of the language in `indexer.languages`. Any other has `Rules` as they are: names of the same file.
RULES: dict[str, Callable[[], Rules]] = {
    "c": CRules,
    "cpp": CppRules,
    "csharp": CSharpRules,
    "go": GoRules,
    "java": JavaRules,
    "javascript": JavaScriptRules,
    "kotlin": KotlinRules,
    "php": PhpRules,
    "python": PythonRules,
    "ruby": RubyRules,
    "rust": RustRules,
    "tsx": JavaScriptRules,
    "typescript": JavaScriptRules,
}


def make_rules() -> Callable[[str], Rules]:
    """The rules of each language, made when they are first asked for: they may remember what they saw of one state
    of the repository.
    """

    @cache
    def of(language: str) -> Rules:
        return RULES.get(language, Rules)()

    return of
