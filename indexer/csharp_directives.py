"""Hides the directives of C# that stand inside a header, where the grammar knows none.

Bytes are exchanged one for one, so all positions stay as they are.
"""

from __future__ import annotations

import re

# Base types that only some builds have:
#     class Reader
#     #if ASYNC
#         : IAsyncDisposable
#     #endif
_BASES = re.compile(rb"(?m)^([ \t]*#if\b[^\n]*\n)((?:[ \t]*[:,][^\n;{}]*\n){1,8})([ \t]*#endif\b[^\n]*)$")


def hide_directives(data: bytes) -> bytes:
    """The same text without the directives around base types."""
    if b"#if" not in data:
        return data
    return _BASES.sub(lambda match: _blank(match[1]) + match[2] + _blank(match[3]), data)


def _blank(line: bytes) -> bytes:
    return re.sub(rb"[^\r\n]", b" ", line)
