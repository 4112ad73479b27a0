"""Names as text: chains of names and calls, with dots whatever the language writes between them."""

from __future__ import annotations

import re

MAX_CHAIN_CHARACTERS = 300  # of `a(…).b(…).c`: longer ones are not read as one name
_CALL = re.compile(r"\([^()]*\)")
_GENERIC = re.compile(r"<[^<>]*>")
_SEPARATOR = re.compile(r"[?!&]*\.#?|\??->|::|\\")
_NAME = r"[$@]{0,2}[^\W\d][\w$]*(?:[?!](?!\.))?"  # Ruby's and PHP's signs included, but not those of `a?.b`
_PLAIN = re.compile(r"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+")
_QUALIFIED = re.compile(rf"{_NAME}(?:\.{_NAME})*")


def flatten_chain(text: str) -> str:
    """`make(a, f(b)).run` -> `make().run`, `Foo<T>::new` -> `Foo.new`; "" for what is no such chain."""
    if text.isidentifier() or _PLAIN.fullmatch(text):
        return text
    if len(text) > MAX_CHAIN_CHARACTERS:
        return ""
    if "(" in text:
        shorter = _CALL.sub("\0", text)
        while shorter != text:
            text, shorter = shorter, _CALL.sub("\0", shorter)
        text = text.replace("\0", "()")
    text = "".join(text.split())
    if "<" in text:
        shorter = _GENERIC.sub("", text.replace("::<", "<"))
        while shorter != text:
            text, shorter = shorter, _GENERIC.sub("", shorter)
    bare = text.replace("()", "")
    if is_dotted(bare):
        return text
    text = _SEPARATOR.sub(".", text)
    if is_dotted(text.replace("()", "")):
        return text
    text = text.lstrip("&*$@#")
    return text if is_dotted(text.replace("()", "")) else ""


def with_self(name: str) -> str:
    """Ruby's `@field` as `self.@field`: a member of the object, as in other languages."""
    return f"self.{name}" if name.startswith("@") else name


def is_dotted(name: str) -> bool:
    """Whether the text is a name or names joined by dots."""
    return _QUALIFIED.fullmatch(name) is not None


def dotted_owner(text: str) -> str:
    """The name of a type as written: `*Server[T]` -> Server, `ns::Foo<T>` -> ns.Foo; "" for none."""
    found = _QUALIFIED.search(_GENERIC.sub("", text).replace("::", ".").replace("\\", "."))
    return found[0] if found else ""
