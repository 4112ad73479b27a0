"""What import statements bind. The captures are explained in `indexer/matched.py`, the fields in
`indexer.types.Import`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_TREE_CHARACTERS = 20_000  # of one `use` statement
MAX_TREE_NAMES = 2_000

_AS = re.compile(r"\s+as\s+")
_VERSION = re.compile(r"/v\d+$")
_TREE_PIECE = re.compile(r"[{},]|[^{},]+")

Names = tuple[str, str, str]  # module, name, alias


def plain_path(text: str) -> str:
    """A module as written: quotes and white space gone, `::` and `\\` as dots."""
    text = text if text.isidentifier() else "".join(text.split())
    if text[:1] in "\"'`<":
        return text.strip("\"'`<>")
    if "::" in text or "\\" in text:
        text = text.replace("::", ".").replace("\\", ".").lstrip(".")
    return text


def split_path(path: str) -> tuple[str, str]:
    """`a.b.C` -> ("a.b", "C")."""
    module, _, name = path.rpartition(".")
    return module, name


def last_part(module: str) -> str:
    """The name that `import module` binds: "a" of `import a.b`, "b" of `import "x/b/v2"`."""
    if "/" in module:
        return _VERSION.sub("", module).rpartition("/")[2]
    return module.partition(".")[0]


def expand_use_tree(text: str) -> Iterator[Names]:
    """Rust's and PHP's lists: `a::{b, c::{d as e}, self, *}`. Keeps its own stack: lists nest as they like."""
    text = _AS.sub(" as ", text[:MAX_TREE_CHARACTERS])
    prefixes: list[str] = [""]
    before, found = "", 0
    for piece in _TREE_PIECE.findall(text):
        if piece == "{":
            prefixes.append(f"{prefixes[-1]}{before.strip()}")
            before = ""
        elif piece in ",}":
            if before.strip():
                yield _leaf(prefixes[-1], before)
                found += 1
            before = ""
            if piece == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            before += piece
        if found >= MAX_TREE_NAMES:
            return
    if before.strip():
        yield _leaf(prefixes[-1], before)


def _leaf(prefix: str, text: str) -> Names:
    path, _, alias = text.strip().partition(" as ")
    path, alias = plain_path(prefix + path), alias.strip()
    if path.endswith(".self"):
        path = path.removesuffix(".self")
    module, name = split_path(path)
    if name == "*":
        return module, "*", ""
    return module, name, alias or name
