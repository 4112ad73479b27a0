"""Declarations as TypeScript and Java write them."""

from __future__ import annotations

import re

from indexer.headers import MAX_SIGNATURE_CHARACTERS
from indexer.resolvers.rules import parameter_texts
from indexer.types import Symbol
from repocoder.verify.brackets import closing
from repocoder.verify.headers import class_of_type
from repocoder.verify.written import Said

_MODIFIERS = re.compile(
    r"^(?:(?:public|private|protected|readonly|override|static|abstract|declare|final|volatile|transient|synchronized"
    r"|default|async|native|export|const|let|var)\s+|@[\w.]+(?:\([^()]*\))?\s*)+"
)
_NEW = re.compile(r"=\s*new\s+([\w$.]+)\s*(?:<[^()]*>)?\s*\(")


class BracesReader:
    """Reads headers by their text: `name: Type` where types stand behind, `Type name` in Java."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._java = language == "java"

    def own(self, name: str, method: Symbol, *, is_inner: bool) -> str:
        """What `this` or `super` is in a method. A nested function has its own `this`."""
        if method.kind != "method" or (is_inner and not self._java):
            return ""
        if name not in ("this", "super") or (name == "super"):
            return ""
        header = method.signature.partition("(")[0]
        return "" if re.search(r"\bstatic\b", header) else "instance"

    def local(self, name: str, function: Symbol, code: str) -> Said | None:
        """How a function binds a name; None if that is not clear."""
        if len(function.signature) >= MAX_SIGNATURE_CHARACTERS:
            return None
        word = re.escape(name)
        body = self._behind_header(function, code)
        binds = re.compile(rf"\b{word}\s*$" if self._java else rf"^[^:]*\b{word}\b|^\s*\{{.*\b{word}\b")
        texts = [text for text in parameter_texts(function.signature) if binds.search(text)]
        declared, unclear = self._declarations(word, body), self._changes(word, body)
        if texts:
            written = self._of_parameter(word, texts[0]) if len(texts) == 1 else None
            is_clear = written is not None and not declared and not unclear
            return Said("parameter", (class_of_type(written) if written and is_clear else "") or "")
        if not declared:
            return None if unclear else Said("unbound")
        if len(declared) > 1 or unclear or not declared[0]:
            return None
        return Said("assigned", class_of_type(declared[0]) or "")

    def _behind_header(self, function: Symbol, code: str) -> str:
        """The code of a function behind its parameters."""
        found = re.search(rf"\b{re.escape(function.name)}\b[^(]*\(", code)
        end = closing(code, found.end() - 1, self._language) if found else -1
        return code[end + 1 :]

    def _declarations(self, word: str, code: str) -> list[str]:
        """The types of what declares the name in the code, "" where the declaration does not tell."""
        if self._java:
            pattern = (
                rf"(?:^|[;{{(])\s*(?:final\s+)?([\w$.]+(?:<[\w$.,<>? \[\]]*>)?(?:\[\])*)\s+{word}\s*([=;:,)])"
            )
            found = [(m[1], m) for m in re.finditer(pattern, code, re.MULTILINE)]
            others = re.findall(rf"(?:\(|,)\s*{word}\s*(?:,[^()]*)?\)?\s*->|\b{word}\s*->", code)
            types = [self._inferred(code, m) if written == "var" else written for written, m in found
                     if written not in ("return", "throw", "new", "else", "case", "package", "import")]  # fmt: skip
            return [*types, *("" for _ in others)]
        declared = list(re.finditer(rf"\b(?:const|let|var)\s+{word}\b\s*(?::([^=;\n]+))?", code))
        types = [(m[1] or "").strip() or self._inferred(code, m) for m in declared]
        others = re.findall(
            rf"[{{\[,]\s*{word}\s*[,}}\]=][^=]*?[}}\]]\s*=|:\s*{word}\s*[,}}]|\(([^()]*\b{word}\b[^()]*)\)\s*(?::[^=;{{}}]*)?=>|\b{word}\s*=>"
            rf"|\bfunction\b[^()]*\([^()]*\b{word}\b|\bcatch\s*\(\s*{word}|\b(?:function|class)\s+{word}\b",
            code,
        )
        return [*types, *("" for _ in others)]

    def _inferred(self, code: str, declared: re.Match[str]) -> str:
        end = declared.end() - (1 if self._java else 0)
        made = _NEW.match(code, end) or _NEW.match(code, end + (len(code[end:]) - len(code[end:].lstrip())))
        return made[1] if made else ""

    def _of_parameter(self, word: str, text: str) -> str | None:
        if self._java:
            stripped = _MODIFIERS.sub("", text.strip())
            found = re.fullmatch(rf"(.*\S)\s+{word}", stripped, re.DOTALL)
            return found[1] if found and "..." not in found[1] else None
        found = re.fullmatch(rf"{word}\s*\??\s*:(.*)", _MODIFIERS.sub("", text.strip()), re.DOTALL)
        return re.split(r"(?<![=>])=(?!>)", found[1])[0].strip() if found else None

    @staticmethod
    def _changes(word: str, code: str) -> bool:
        """Is the name bound anew, or its type narrowed or cast?"""
        pattern = (
            rf"(?<![\w$.>\]]\s)(?<![\w$.]){word}\s*=(?![=>])|\b{word}\s+(?:instanceof|as|is|satisfies)\b"
            rf"|\b(?:typeof|in)\s+{word}\b|<[\w.]+>\s*{word}\b|\(\s*[\w.]+\s*\)\s*{word}\b"
        )
        return re.search(pattern, code) is not None

    def result(self, function: Symbol, called: bool) -> Said | None:
        """The class of what a call gives."""
        signature = _MODIFIERS.sub("", function.signature)
        is_property = not self._java and re.match(r"get\s+\w", signature) is not None
        if called == is_property or len(function.signature) >= MAX_SIGNATURE_CHARACTERS:
            return None
        if self._java:
            found = re.match(
                rf"(?:<[^()]*>\s+)?([\w$.]+(?:<[^()]*>)?(?:\[\])*)\s+{re.escape(function.name)}\s*\(",
                signature,
            )
            written = found[1] if found else ""
        else:
            written = signature.rpartition("):")[2] if "):" in signature else ""
            if re.search(r"\basync\b|\*", function.signature):
                return None
        name = class_of_type(written) if written else None
        return Said("assigned", name) if name else None

    def variable(self, symbol: Symbol, code: str) -> Said | None:
        """The class of what a field or variable holds."""
        text = _MODIFIERS.sub("", symbol.signature.strip())
        word = re.escape(symbol.name)
        if self._java:
            found = re.match(rf"([\w$.]+(?:<[^=;]*>)?(?:\[\])*)\s+{word}\s*(?:[=;,)]|$)", text)
            name = class_of_type(found[1]) if found else None
        else:
            found = re.match(rf"{word}\s*[?!]?\s*:(.*)", text, re.DOTALL)
            written = re.split(r"(?<![=>])=(?!>)", found[1])[0].strip(" ;,") if found else ""
            made = None if found else re.match(rf"{word}\s*=\s*new\s+([\w$.]+)\s*(?:<[^()]*>)?\s*\(", text)
            name = class_of_type(written) if written else made[1] if made else None
        return Said("assigned", name) if name else None
