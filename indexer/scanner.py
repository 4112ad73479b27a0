"""Names in code: what the expression of a language finds, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from indexer.dotted import flatten_chain, is_dotted, with_self
from indexer.languages import Language

SELF_NAMES = frozenset({"self", "cls", "this", "super"})  # alone they tell nothing
CALLED_SELF = "cls"  # but a call of the class itself does
Reading = tuple[str, str, str, int]  # name, kind, first name, offset
_WORD = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*+"
_DOT = rb"\s*+\.\s*+"
_ARGUMENTS = rb"\([^()]{0,100}+\)"
_TYPE_ARGUMENTS = rb"(?:\. )?<[^<>;(){}]{0,60}+>"
_LEADING_BACKSLASH = re.compile(rb"(?<!\w)\\")  # of PHP's absolute names
_INSIDE = re.compile(rb"(?<=\()[^()]+")


class Scanner:
    """Finds dotted names in the code of one language, and reads what it found."""

    def __init__(self, language: Language) -> None:
        marks = rb"[" + re.escape(language.marks) + rb"]?+" if language.marks else b""
        word = _WORD + marks
        types = rb"(?:" + _TYPE_ARGUMENTS + rb")?" if language.generics else b""
        chain = _DOT + word + rb"|" + types + _ARGUMENTS + _DOT + word
        if language.generics:
            chain += rb"|" + _TYPE_ARGUMENTS + _DOT + word
        after = types + rb"!{0,2}[ \t]*+\(|[\"']"
        after += rb"|[ \t]*+=(?![=~])" if language.named_arguments else b""
        # It starts with a set of characters, which the search skips to. What is no name is sorted out later, once for
        # each text: a number, a member of something else (a dot in front), the prefix of a string (a quote behind).
        first = rb"[.0-9A-Za-z_$@\x80-\xff" + re.escape(language.sigils) + rb"]"
        rest = rb"[\w$\x80-\xff]*+" + marks
        self.pattern = re.compile(first + rest + rb"(?:" + chain + rb")*+(?:" + after + rb")?")
        self.alone = SELF_NAMES | frozenset(language.self_names)
        signs = rb"[" + re.escape(language.sigils) + rb"]?+" if language.sigils else b""
        self._root = re.compile(signs + _WORD + marks)
        self._types = re.compile(_TYPE_ARGUMENTS + rb"\Z") if language.generics else None
        self._keywords = frozenset(word.encode() for word in language.keywords)
        self._sigils = language.sigils
        self._joints = [(joint, _as_dot(joint)) for joint in language.joints]

    def with_dots(self, code: bytes) -> bytes:
        """The code with dots for all that joins names, of the same length."""
        for joint, dot in self._joints:
            if joint == b"\\":
                code = _LEADING_BACKSLASH.sub(b" ", code)
            code = code.replace(joint, dot)
        return code

    def read(self, found: bytes, known: set[bytes] | None) -> tuple[bytes, int, bool] | None:
        """Of what the pattern found: the dotted name as written, where it starts in it, and whether it is called.

        None for what is no name, a keyword, or (with `known`) begins with a name that is not among those.
        """
        start, first = 0, found[0]
        if first == 0x2E:
            bare = found.lstrip(b". \t\r\n")
            start = len(found) - len(bare)
            if found.count(b".", 0, start) < 2:  # two or three: a range, or what is spread
                return None
        if first == 0x40 and b"@" not in self._sigils:
            start = 1
        root = self._root.match(found, start)
        if root is None or (root[0] not in known if known is not None else root[0] in self._keywords):
            return None
        name, last = found[start:], found[-1:]
        if last == b"(":
            name = name[:-1].rstrip(b" \t!")
            if self._types is not None and name.endswith(b">"):
                name = self._types.sub(b"", name)
            return name, start, True
        if last in (b'"', b"'"):
            return None
        if last == b"=":
            name = name[:-1].rstrip(b" \t")
            return (name, start, False) if name != root[0] else None
        return name, start, False


def _as_dot(joint: bytes) -> bytes:
    """A dot and blanks, the dot first where a joint may stand in front of a first name."""
    blanks = b" " * (len(joint) - 1)
    return b"." + blanks if joint == b"::" else blanks + b"."


@cache
def scanner_of(language: Language) -> Scanner:
    return Scanner(language)


class Readings(dict[bytes, tuple[Reading, ...] | None]):
    """What the scanner found -> the uses in it, each text read once for a file."""

    def __init__(self, scanner: Scanner, known: set[bytes] | None) -> None:
        self._scanner = scanner
        self._known = known

    def __missing__(self, found: bytes) -> tuple[Reading, ...] | None:
        use = self._scanner.read(found, self._known)
        readings = (tuple(self._readings(use, 0)) or None) if use is not None else None
        self[found] = readings
        return readings

    def _readings(self, use: tuple[bytes, int, bool], base: int) -> Iterator[Reading]:
        written, offset, called = use
        text = written.decode("utf-8", "replace")
        if not text.isidentifier() and not is_dotted(text):
            text = flatten_chain(text)
        text = with_self(text)
        root = text.partition(".")[0].removesuffix("()")
        at = text.find("()")
        while at >= 0:  # of `make().run().y` the calls of `make` and `make().run`, then itself
            if not self._is_self(text[:at], True):
                yield text[:at], "call", root, base + offset
            at = text.find("()", at + 2)
        if text and not self._is_self(text, called):
            yield text, "call" if called else "name", root, base + offset
        if b"(" in written:
            for inside in _INSIDE.finditer(written):
                for match in self._scanner.pattern.finditer(written, inside.start(), inside.end()):
                    inner = self._scanner.read(match[0], self._known)
                    if inner is not None:
                        yield from self._readings(inner, base + offset + match.start())

    def _is_self(self, text: str, called: bool) -> bool:
        """Whether it is the object itself, which tells nothing, unless the class is called."""
        return text in self._scanner.alone and not (called and text == CALLED_SELF)
