"""What stands at a definition: its signature, what it says of its visibility, the comment above it."""

from __future__ import annotations

import re

from indexer.languages import Language
from indexer.source import Source

MAX_SIGNATURE_CHARACTERS = 600  # the longest of 60,000 real ones had 2,900: nobody reads that
MAX_DOC_CHARACTERS = 200
MAX_DECORATOR_CHARACTERS = 160
MAX_COMMENT_BYTES = 20_000  # of a block comment above a definition: licences and manuals are no longer

_QUOTES = re.compile(r"""^[A-Za-z]{0,2}("{3}|'{3}|"|')|("{3}|'{3}|"|')$""")
_WORDS = re.compile(r"\b(public|protected|private|internal|fileprivate|pub(?:\s*\([\w\s:]*\))?)(?=\s)")
_ALL_PUBLIC = re.compile(
    r"\b(?:interface|enum|trait)\b"
)  # whose members are public where none says otherwise
_WORD_MEANS = {"fileprivate": "private", "pub": "public"}
_TAGS = re.compile(r"</?\w+[^<>]*>")  # of XML documentation (C#)


class Headers:
    """Reads the headers of one file."""

    def __init__(self, source: Source, language: Language) -> None:
        self._source = source
        self._language = language
        self._line = language.line_comment
        self._open, self._close = language.block_comment
        pieces = [rf"(?:^|(?<=\s)){re.escape(self._line)}[^\n]*"]
        if self._open:
            pieces.append(rf"{re.escape(self._open)}.*?{re.escape(self._close)}")
        self._comments = re.compile("|".join(pieces), re.DOTALL | re.MULTILINE)

    def signature(self, start: int, end: int, decorators: list[tuple[int, int]]) -> str:
        """The bytes [start, end) without comments and decorators, on one line."""
        end = min(end, start + 8 * MAX_SIGNATURE_CHARACTERS)
        header = ""
        for first, last in decorators:
            if start <= first < end:
                header += self._source.text(start, first)
                start = max(start, last)
        header += self._source.text(start, end) if start < end else ""
        if self._line in header or (self._open and self._open in header):
            header = self._comments.sub("", header)
        return fold(header).rstrip(":{= ").removesuffix("=>").rstrip(" ")[:MAX_SIGNATURE_CHARACTERS]

    def visibility(self, name: str, signature: str, around: str | None = None) -> str:
        """Who may use a definition: public, protected, private or internal; "" if the language does not say.

        `around` is the header of the class around it, None if there is none.
        """
        rule = self._language.visibility
        if rule == "underscore":
            hidden = name.startswith("_") and not name.endswith("__")
            return "private" if hidden else "public"
        if rule == "capital":
            return "public" if name[:1].isupper() else "internal"
        if rule == "words":
            if f"#{name}" in signature:  # JavaScript
                return "private"
            at = signature.find(name)
            found = _WORDS.search(signature, 0, at if at >= 0 else len(signature))
            if found is None:
                outer, _, member = self._language.default_visibility.partition(" ")
                if around is not None and outer and _ALL_PUBLIC.search(around):
                    return "public"
                return member if member and around is not None else outer
            word = found[1]
            return "internal" if "(" in word else _WORD_MEANS.get(word, word)
        return ""

    def comment_above(self, start: int) -> str:
        """The first line of the comment that ends on the line above a definition."""
        source = self._source
        line = source.line(start) - 1
        first = ""
        while line >= 1:
            text = source.line_text(line).strip()
            if not text.startswith(self._line):
                if self._open and text.endswith(self._close) and not first:
                    return self._block_above(source.starts[line])
                break
            first = _tidy(text.lstrip(self._line[0] + self._line + ":!")) or first
            line -= 1
        return first[:MAX_DOC_CHARACTERS]

    def _block_above(self, end: int) -> str:
        data = self._source.data
        start = data.rfind(self._open.encode(), max(0, end - MAX_COMMENT_BYTES), end)
        if start < 0:
            return ""
        line_start = data.rfind(b"\n", 0, start) + 1
        if data[line_start:start].strip():
            return ""  # it follows code on its line
        text = self._source.text(start + len(self._open), end).rstrip().removesuffix(self._close)
        for line in text.split("\n"):
            words = _tidy(line.strip().lstrip("*! \t"))
            if words and not words.startswith("@"):
                return words[:MAX_DOC_CHARACTERS]
        return ""


def fold(text: str) -> str:
    """White space runs become one blank."""
    return " ".join(text.split())


def first_doc_line(literal: str) -> str:
    """The first line of a docstring as written."""
    body = _QUOTES.sub("", literal.strip()).strip()
    return body.partition("\n")[0].strip()[:MAX_DOC_CHARACTERS]


def _tidy(text: str) -> str:
    return (_TAGS.sub("", text) if "<" in text else text).strip()
