"""What is said on stderr when there is nothing to parse, or nothing could be parsed."""

from __future__ import annotations

import sys

from repocoder.terminal import safe


def say(message: str) -> None:
    """An error or a usage hint as one line."""
    print(f"repocoder: {safe(' '.join(message.splitlines()))}", file=sys.stderr, flush=True)
