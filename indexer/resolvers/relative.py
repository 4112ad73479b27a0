"""Relative paths, as import statements and settings of projects write them."""

from __future__ import annotations


def resolved_parts(folder: str, relative: str) -> list[str] | None:
    """`a/b/` and `../c` -> a, c; None above the repository."""
    parts = [part for part in folder.split("/") if part]
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts
