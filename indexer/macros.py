"""C and C++ as the parser can read them: bytes of the same length in which what the preprocessor would change is blank.

The grammars know no macros. `class API_EXPORT Table {` is a function to them, and a brace that only one side of an
`#if` opens breaks the rest of the file. Only the tree is made of these bytes; names, signatures and chunks are read
from the file itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_HIDDEN_BYTES = 4000  # of one branch: about a hundred lines; a larger one is no header of a function

_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|else|endif)\b(?:\\\r?\n|[^\n])*", re.MULTILINE
)
_LITERALS = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*(?:.*?\*/|.*)', re.DOTALL)
_BRACES = re.compile(rb"[{}]")
_NOT_NEWLINE = re.compile(rb"[^\n]")
_MACRO = rb"\b[A-Z_][A-Z0-9_]{2,}\b"
_CALLED = _MACRO + rb"(?:\([^()\n]{0,200}\))?"
# `class API Name : …` or `class API Name {`
_BEFORE_NAME = re.compile(
    rb"\b(?:class|struct|union|enum)[ \t\n]+(" + _CALLED + rb"(?:[ \t\n]+" + _CALLED + rb")*[ \t\n]+)"
    rb"(?=\w[\w:]*[ \t]*(?:<[^<>{};]{0,200}>)?[ \t\n]*(?:final[ \t\n]*)?(?:\{|:(?!:)))"
)
# `API int f(`: a macro at the start of a line and two more words
_BEFORE_TYPE = re.compile(
    rb"^[ \t]*(?:(?:static|inline|extern|virtual|explicit|constexpr|friend|typedef)[ \t]+)*"
    rb"(" + _CALLED + rb"[ \t\n]+)(?=(?:const[ \t]+)?[a-z_]\w*(?:[ \t]*::[ \t]*\w+)*"
    rb"(?:<[^<>{};()]{0,200}>)?(?:[ \t]*[*&]+[ \t]*|[ \t]+)[\w~])",
    re.MULTILINE,
)
# `f(…) const REQUIRES(mutex);`
_AFTER_PARAMETERS = re.compile(
    rb"\)[ \t\n]*(?:(?:const|noexcept|override|final)[ \t\n]+)*((?:" + _CALLED + rb"[ \t\n]*)+)(?=[;{])"
)
# Lines that are one macro, without a semicolon: `BEGIN_DECLS`, `Q_OBJECT`; what follows is no continuation
_ALONE = re.compile(
    rb"^[ \t]*(?=[A-Z_])("
    + _CALLED
    + rb"(?:[ \t]*\n[ \t]*"
    + _CALLED
    + rb")*)[ \t]*(?=\r?\n[ \t\n]*[\w#/~])",
    re.MULTILINE,
)
_STATEMENT_END = re.compile(rb"(?:[;{}:>\"]|\*/|#[ \t]*\w+[^\n]*|//[^\n]*|\n[ \t\r]*\n)\s*\Z")
LOOK_BACK_BYTES = 200  # for the end of the statement before: a line and some blank ones


def hide_macros(data: bytes) -> bytes:
    """The bytes for the parser."""
    if b"#" in data:
        data = _hide_branches(data)
    data = _BEFORE_NAME.sub(_blank_group, data)
    data = _ALONE.sub(_blank_alone, data)
    data = _BEFORE_TYPE.sub(_blank_group, data)
    return _AFTER_PARAMETERS.sub(_blank_group, data)


def _blank_alone(match: re.Match[bytes]) -> bytes:
    before = match.string[max(0, match.start() - LOOK_BACK_BYTES) : match.start()]
    return _blank_group(match) if not before or _STATEMENT_END.search(before) else match[0]


def _blank_group(match: re.Match[bytes]) -> bytes:
    start, end = match.start(1) - match.start(), match.end(1) - match.start()
    whole = match[0]
    return whole[:start] + _NOT_NEWLINE.sub(b" ", whole[start:end]) + whole[end:]


@dataclass(slots=True)
class _Balance:
    """Open braces after a stretch, and the lowest count on the way."""

    end: int = 0
    low: int = 0

    def add(self, other: _Balance) -> None:
        self.low = min(self.low, self.end + other.low)
        self.end += other.end

    def is_whole(self) -> bool:
        return self.end == 0 and self.low == 0


@dataclass(slots=True)
class _Branch:
    directive: int  # where its directive starts
    start: int
    end: int = 0
    balance: _Balance = field(default_factory=_Balance)


def _hide_branches(data: bytes) -> bytes:
    """Of alternatives that open (or close) a brace for which others of the file have the counterpart the first stays.

    Where there is no alternative (`extern "C" {` under `#ifdef __cplusplus`), none stays.
    """
    open_groups: list[list[_Branch]] = []
    hidden: list[tuple[int, int]] = []
    position = 0
    for match in _DIRECTIVE.finditer(data):
        if open_groups:
            open_groups[-1][-1].balance.add(_balance(data[position : match.start()]))
        position = match.end()
        word = match[1]
        if word.startswith(b"if"):
            open_groups.append([_Branch(match.start(), position)])
        elif open_groups:
            open_groups[-1][-1].end = match.start()
            if word == b"endif":
                left = _choose(data, open_groups.pop(), match.span(), hidden)
                if open_groups:
                    open_groups[-1][-1].balance.add(left)
            else:
                open_groups[-1].append(_Branch(match.start(), position))
    if not hidden:
        return data
    shown = bytearray(data)
    for start, end in hidden:
        shown[start:end] = _NOT_NEWLINE.sub(b" ", data[start:end])
    return bytes(shown)


def _choose(
    data: bytes, branches: list[_Branch], endif: tuple[int, int], hidden: list[tuple[int, int]]
) -> _Balance:
    """Note what to hide of one `#if` … `#endif`; what it leaves open."""
    if all(branch.balance.is_whole() for branch in branches):
        if any(_is_in_list(data, branch) for branch in branches):
            hidden.extend((branch.directive, branch.start) for branch in branches)
            hidden.append(endif)
        return _Balance()
    first = branches[0]
    alike = len(branches) > 1 and all(branch.balance == first.balance for branch in branches)
    dropped = branches[1:] if alike else [branch for branch in branches if not branch.balance.is_whole()]
    if any(branch.end - branch.start > MAX_HIDDEN_BYTES for branch in dropped):
        return first.balance
    hidden.extend((branch.directive, branch.start) for branch in branches)
    hidden.extend((branch.start, branch.end) for branch in dropped)
    hidden.append(endif)
    return first.balance if alike else _Balance()


def _is_in_list(data: bytes, branch: _Branch) -> bool:
    """Whether a branch holds parts of a list: `: a_(1), #if X b_(2), #endif c_(3)`. All of them can stand there."""
    start, end = branch.start, branch.end
    first = data[start : min(end, start + LOOK_BACK_BYTES)].lstrip()[:1]
    return first == b"," or data[max(start, end - LOOK_BACK_BYTES) : end].rstrip()[-1:] == b","


def _balance(text: bytes) -> _Balance:
    opened, closed = text.count(b"{"), text.count(b"}")
    if not opened and not closed:
        return _Balance()
    if opened == closed and text.find(b"{") < text.find(b"}") and opened == 1:
        return _Balance()
    balance = _Balance()
    for brace in _BRACES.findall(_LITERALS.sub(b" ", text)):
        balance.end += 1 if brace == b"{" else -1
        balance.low = min(balance.low, balance.end)
    return balance
