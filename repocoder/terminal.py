"""The sanitiser: what is not our own text becomes harmless before a terminal sees it.

A terminal obeys control characters, reorders text at bidirectional marks and hides zero-width characters. All
become visible marks: `␛` for a C0 control, `\\x80` for a byte that is not UTF-8, `<U+202E>` for the rest.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u034f\u061c"  # soft hyphen, grapheme joiner, Arabic letter mark
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters that show nothing
    "\u17b4\u17b5\u180b-\u180f"  # Khmer inherent vowels, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e"  # zero width, marks of direction, line and paragraph separators, overrides
    "\u2060-\u206f"  # word joiner, invisible operators, isolates, deprecated format characters
    "\ud800-\udfff"  # surrogates: bytes of a name or file that are not UTF-8
    "\ufeff\ufff9-\ufffb"  # byte order mark, interlinear annotation
    "\U00013430-\U0001343f"  # Egyptian format controls
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # shorthand and musical format controls
    "\U000e0000-\U000e0fff"  # tags and further variation selectors: text that nobody sees
    "]"
)
_UNSAFE_IN_LINES = re.compile(r"(?![\t\n])" + _UNSAFE.pattern)


def safe(text: str, *, keep_newlines: bool = False) -> str:
    """`text` with everything that a terminal would obey or hide turned into visible marks.

    With `keep_newlines` line ends and tabs stay (CR LF becomes LF); without, the result is one line. The
    result can be encoded as UTF-8 and is a fixed point of this function.
    """
    if text.isascii() and text.isprintable():
        return text
    if keep_newlines:
        return _UNSAFE_IN_LINES.sub(_mark, text.replace("\r\n", "\n"))
    return _UNSAFE.sub(_mark, text)


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"<U+{code:04X}>"
