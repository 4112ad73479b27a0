"""Is a retrieved context any good? Scores that need no model, only the truth and the repository. Percent, 0 to 100.

Two kinds of names of the truth are looked for in the snippets that a prompt shows:

- A *cross-file identifier* is an identifier of the truth (strings, comments and keywords deleted, each name counted
  once) that does not occur in the task's own file above the hole and does occur in another file of the language. It
  can only be known from there, or guessed.
- A *gold definition* is the place in another file where a name of the truth is defined. It is found by the name alone,
  never by the resolver that the definitions channel of the product uses, which would judge itself: see `gold_of`.

Names are compared as whole words. A snippet counts with its text as it stands in the prompt; its path does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from eval.metrics.definition_table import Definition, definitions_in, is_word_at, may_define
from eval.metrics.identifiers import identifiers
from eval.types import Scores, Task
from indexer.languages import Language, language_named, language_of
from retrieval.types import Hit

MAX_DEFINITIONS = 3
"""Of one name in other files. A name that is defined more often (`get`, `run`) does not tell which one is meant."""

_WORD = re.compile(r"\w+")
_MEMBER_OF = ("javascript", "typescript", "tsx", "python", "go", "rust", "php")
"""Languages in which a member is only reached through something: `self.name`, `Type::name`, never `name` alone."""
_BACKTICKS = ("javascript", "typescript", "tsx", "go")
_BEFORE_NAME = re.compile(r"(?:\.|->|::)\s*$")


class Place(NamedTuple):
    """Where a gold definition stands."""

    path: str
    line: int  # 1-based, of the name


class RepositoryNames:
    """Which word stands in which file of a repository, and where a name is defined.

    The words are read once (about 4 million lines a minute); a file is parsed when a name is asked for that it may
    define, and then remembered. Nothing is looked up in an index. Not for two threads.
    """

    def __init__(self, files: Mapping[str, str], language: str = "") -> None:
        """`files`: path -> text of all files of the language. `language`: of all of them; "" goes by their names."""
        self._texts = files
        self._language = language_named(language) if language else None
        self._paths = list(files)
        self._holders: dict[str, list[int]] = {}  # word -> positions in `_paths`
        for number, path in enumerate(self._paths):
            for word in set(_WORD.findall(files[path])):
                self._holders.setdefault(word, []).append(number)
        self._tables: dict[str, dict[str, tuple[Definition, ...]]] = {}  # path -> name -> its definitions
        self._places: dict[str, tuple[tuple[str, Definition], ...] | None] = {}

    def occurs_outside(self, name: str, path: str) -> bool:
        """Whether a file other than `path` holds the name as a word."""
        held = self._holders.get(name, ())
        return len(held) > 1 or (len(held) == 1 and self._paths[held[0]] != path)

    def definitions(self, name: str) -> tuple[tuple[str, Definition], ...] | None:
        """Path and definition wherever the name is defined; None if that is at more than MAX_DEFINITIONS + 1 places.

        One more, because those of the task's own file, which do not count, are among them.
        """
        if name not in self._places:
            self._places[name] = self._find(name)
        return self._places[name]

    def _find(self, name: str) -> tuple[tuple[str, Definition], ...] | None:
        found: list[tuple[str, Definition]] = []
        for number in self._holders.get(name, ()):
            path = self._paths[number]
            if path in self._tables or self._may_define(path, name):
                found += [(path, definition) for definition in self._table(path).get(name, ())]
                if len(found) > MAX_DEFINITIONS + 1:
                    return None
        return tuple(found)

    def _may_define(self, path: str, name: str) -> bool:
        language = self._language or language_of(path)
        return language is not None and may_define(self._texts[path], name, language)

    def _table(self, path: str) -> dict[str, tuple[Definition, ...]]:
        table = self._tables.get(path)
        if table is None:
            table = {}
            language = self._language or language_of(path)
            for definition in definitions_in(self._texts[path], language) if language else ():
                table[definition.name] = (*table.get(definition.name, ()), definition)
            self._tables[path] = table
        return table


def context_scores(
    task: Task, shown: Sequence[Hit], names: RepositoryNames, *, context_tokens: int | None = None
) -> Scores:
    """Scores of the snippets that the prompt shows, each with its `text` as it stands there.

    - `identifier_coverage`: share of the cross-file identifiers that a snippet holds. None without such.
    - `gold_definition_hit`: 100 if a gold definition of at least one name is shown, else 0. None without such.
    - `gold_definition_coverage`: share of the names with a gold definition of which one is shown. None without such.
    - `context_precision`: share of the snippets that hold at least one cross-file identifier. None without snippets or
      without cross-file identifiers. Snippets of the task's own file count, and never hold one.
    - `context_snippets`, `context_tokens`: plain numbers, the second as given.

    A gold definition is shown by a snippet of its file whose lines cover it and whose text holds the name; so an
    outline of a class shows those of its members that it names.
    """
    wanted = cross_file_identifiers(task, names)
    texts = [hit.text for hit in shown]
    seen = [name for name in wanted if any(holds_word(text, name) for text in texts)]
    useful = sum(any(holds_word(text, name) for name in seen) for text in texts)
    gold = gold_of(task, names)
    found = sum(any(_shows(hit, name, places) for hit in shown) for name, places in gold.items())
    return {
        "identifier_coverage": _share(len(seen), len(wanted)),
        "gold_definition_hit": (100.0 if found else 0.0) if gold else None,
        "gold_definition_coverage": _share(found, len(gold)),
        "context_precision": _share(useful, len(texts)) if wanted else None,
        "context_snippets": float(len(shown)),
        "context_tokens": None if context_tokens is None else float(context_tokens),
    }


def cross_file_identifiers(task: Task, names: RepositoryNames) -> list[str]:
    """The identifiers of the truth that only other files tell, each once, in order."""
    return [
        name
        for name in _truth_names(task)
        if not holds_word(task.prefix, name) and names.occurs_outside(name, task.path)
    ]


def gold_of(task: Task, names: RepositoryNames) -> dict[str, tuple[Place, ...]]:
    """Name of the truth -> its definitions in other files.

    Left out are names that the task's own file defines too, and names with more than MAX_DEFINITIONS definitions. In
    languages where members are reached through an object or a type (not in Java, C#, C++, Kotlin, Ruby), a name that
    stands alone is no member.

    What it misses, because nothing is resolved: which of two or three definitions is meant (any counts); overloads and
    common names (too many definitions); names that are made at run time or come from generated code. What it takes for
    gold and is not: a local name, or a name of a library, that is also defined somewhere in the repository.
    """
    gold: dict[str, tuple[Place, ...]] = {}
    line_start = task.prefix.rpartition("\n")[2]
    for name in _truth_names(task):
        found = names.definitions(name)
        if not found or any(path == task.path for path, _ in found):
            continue
        through = task.language not in _MEMBER_OF or _stands_behind_joint(line_start + task.truth, name)
        places = tuple(
            Place(path, definition.line) for path, definition in found if through or not definition.is_member
        )
        if 0 < len(places) <= MAX_DEFINITIONS and len(found) <= MAX_DEFINITIONS:
            gold[name] = places
    return gold


def helped_or_harmed(
    without: Scores, with_: Scores, metric: str = "edit_similarity_levenshtein"
) -> Literal["helped", "harmed", "same"] | None:
    """What a context did to one task: its similarity is strictly higher, strictly lower, or the same.

    The two are the scores of the same task without and with the context. None if either has no such score.
    """
    before, after = without.get(metric), with_.get(metric)
    if before is None or after is None:
        return None
    return "helped" if after > before else "harmed" if after < before else "same"


def holds_word(text: str, word: str) -> bool:
    """Whether the text holds the word as a whole one."""
    position = text.find(word)
    while position >= 0:
        end = position + len(word)
        if is_word_at(text, position, end):
            return True
        position = text.find(word, end)
    return False


def _truth_names(task: Task) -> list[str]:
    """The identifiers of the truth, each once, in order."""
    language = language_named(task.language)
    code = _no_code(language).sub(" ", task.truth)
    return list(dict.fromkeys(identifiers(code, task.language)))


@cache
def _no_code(language: Language) -> re.Pattern[str]:
    """Strings and comments of a language. A truth may begin or end inside one: then it is taken for code."""
    strings = [r'"(?:[^"\\\n]|\\.)*"']
    if language.name == "rust":
        strings += [r"'(?:[^'\\\n]|\\.)'", r"'\w+"]  # a lifetime is no name
    else:
        strings.append(r"'(?:[^'\\\n]|\\.)*'")
    if language.name == "python":
        strings = [r'"""(?:[^\\]|\\.)*?"""', r"'''(?:[^\\]|\\.)*?'''", *strings]
    if language.name in _BACKTICKS:
        strings.append(r"`(?:[^`\\]|\\.)*`")
    comments = [re.escape(language.line_comment) + r"[^\n]*"]
    if language.block_comment[0]:
        comments.append(r".*?".join(re.escape(mark) for mark in language.block_comment))
    if language.name == "php":
        comments.append(r"#[^\n]*")
    return re.compile("|".join((*strings, *comments)), re.DOTALL)


def _stands_behind_joint(text: str, name: str) -> bool:
    """Whether the name stands anywhere behind `.`, `->` or `::`."""
    position = text.find(name)
    while position >= 0:
        end = position + len(name)
        if is_word_at(text, position, end) and _BEFORE_NAME.search(text, max(0, position - 80), position):
            return True
        position = text.find(name, end)
    return False


def _shows(hit: Hit, name: str, places: Sequence[Place]) -> bool:
    covers = any(place.path == hit.path and hit.start_line <= place.line <= hit.end_line for place in places)
    return covers and holds_word(hit.text, name)


def _share(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None
