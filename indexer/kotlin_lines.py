"""What makes Kotlin's newlines plain to the grammar, which stumbles over some ordinary ways of writing.

Bytes are exchanged one for one, so all positions stay as they are.
"""

from __future__ import annotations

import re

# A constructor with modifiers on the line below its class's name.
_SPLIT_HEADER = re.compile(
    rb"(\bclass[ \t]+\w+[ \t]*(?:<[^<>{}()\n]{0,200}>)?)\r?\n"
    rb"(?=[ \t]*(?:(?:@\w+|private|internal|public|protected|actual|expect)[ \t]+){0,6}constructor\b)"
)
# A modifier that is a name elsewhere, behind an annotation with arguments: an infix call to the grammar. Only where an
# annotation stands before it, so that the definition keeps its start.
_SOFT_MODIFIER = re.compile(
    rb"(\)\s{0,40}(?:(?:public|internal|private)[ \t]+)?)(actual|expect|annotation)"
    rb"(?=[ \t]+(?:\w+[ \t]+){0,4}(?:class|interface|object)\b)"
)
# A type and all of its body on one line: the grammar wants a newline behind the last member. Lines with strings or
# comments are left alone.
_ONE_LINE = re.compile(rb"(?m)^(?=[^\n\"/]*\b(?:class|interface|object)\b)[^\n\"/{]*\{[^\n\"/]* \}[^\n\"/]*$")


def mark_newlines(data: bytes) -> bytes:
    """The same text with newlines where the grammar needs them, without those and the modifiers that it cannot bear."""
    if b"constructor" in data:
        data = _SPLIT_HEADER.sub(lambda match: match[1] + b" " * (match.end() - match.end(1)), data)
    data = _SOFT_MODIFIER.sub(lambda match: match[1] + b" " * len(match[2]), data)
    return _ONE_LINE.sub(lambda match: match[0].replace(b" }", b"\n}"), data)
