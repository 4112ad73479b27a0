"""Declarations as TypeScript and Java write them."""

from __future__ import annotations

import re

from indexer.headers import MAX_SIGNATURE_CHARACTERS
from indexer.resolvers.rules import parameter_texts
from indexer.types import Symbol
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
        texts = [text for text in parameter_texts(function.signature) if re.search(rf"\b{word}\b", text)]
        declared = self._declarations(word, code)
        changed = re.search(
            rf"(?<![\w$.]){word}\s*=(?![=>])|\binstanceof\b|\btypeof\s+{word}\b|\bin\s+{word}\b", code
        )
        if texts:
            written = self._of_parameter(word, texts[0]) if len(texts) == 1 else None
            rebound = len(declared) > (1 if self._java else 0) or self._assigned(word, code)
            return Said(
                "parameter",
                (written and not rebound and not self._narrowed(word, code) and class_of_type(written)) or "",
            )
        if not declared:
            return None if changed and self._assigned(word, code) else Said("unbound")
        if len(declared) > 1 or self._narrowed(word, code) or self._assigned(word, code) > 1:
            return None
        return Said("assigned", class_of_type(declared[0]) or "") if declared[0] else None

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
    def _assigned(word: str, code: str) -> int:
        return len(re.findall(rf"(?<![\w$.>\]]\s)(?<![\w$.]){word}\s*=(?![=>])", code))

    @staticmethod
    def _narrowed(word: str, code: str) -> bool:
        pattern = (
            rf"\b{word}\s+(?:instanceof|as|is|satisfies)\b|\b(?:typeof|in)\s+{word}\b|<[\w.]+>\s*{word}\b"
        )
        return re.search(pattern, code) is not None

    def result(self, function: Symbol, called: bool) -> Said | None:
        """The class of what a call gives."""
        if not called or len(function.signature) >= MAX_SIGNATURE_CHARACTERS:
            return None
        signature = _MODIFIERS.sub("", function.signature)
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
