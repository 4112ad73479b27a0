"""Tokens of a remote model, so that text of a repository never becomes one of its control tokens.

Where the server tokenises, prompts are lists of ids. llama-server can be told to take control tokens in a text as
text. vLLM cannot: what its tokenizer takes for a control token is cut in two and tokenised in two parts, which says
the same text with other ids. Where the server does not tokenise, the embedded model's tokenizer counts, prompts are
sent as text, and what looks like a control token gets a space that breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from repocoder.fim import FAMILIES
from repocoder.llm.generator import Generator
from repocoder.llm.ids import IdCache
from repocoder.llm.remote import RefusedError, Server

CONTROL_LOOK = re.compile(r"<\|[^<>\n]{1,60}\|>|<[^<>\s]{1,60}>|\[/?[A-Z][A-Z_]{1,40}\]")
"""Whatever may be a control token of some model; HTML tags and types of generics are among it, so a tokenizer that can
be asked is asked whether it is one."""

_OTHERS = (
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "<unk>",
    "<pad>",
    "<mask>",
    "<EOT>",
    "[INST]",
    "[/INST]",
    "[MIDDLE]",
)
_FAMILY_TEXTS = tuple(
    text
    for family in FAMILIES
    for text in (family.prefix, family.suffix, family.middle, family.repo, family.file, family.pad)
    if text
)
KNOWN_CONTROL = re.compile(
    "|".join(
        re.escape(text.lstrip("▁")) for text in sorted({*_FAMILY_TEXTS, *_OTHERS}, key=len, reverse=True)
    )
    + r"|<[|｜][^<>\n]{1,60}[|｜]>|</?[A-Za-z]+(?:_[A-Za-z0-9]+)+>"  # noqa: RUF001
)
"""What is broken where nobody can be asked: the tokens of all known families, and the forms that others have."""

PROBE = "def f(x):\n    return x"


class Dialect(Protocol):
    """How a kind of server is asked for tokens, and what it must be told so that decoding is greedy."""

    @property
    def name(self) -> str: ...

    @property
    def can_score(self) -> bool:
        """Does it give log-probabilities of a prompt?"""

    @property
    def tells_apart(self) -> bool:
        """Does it know control tokens from their texts when it tokenises?"""

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        """Ids; with `special` a control token's text is that token, as far as the server can tell the difference."""

    def detokenize(self, token_ids: Sequence[int]) -> str:
        """Text of ids."""

    def extras(self, end_ids: Sequence[int], *, may_be_empty: bool) -> dict[str, Any]:
        """What its requests have beside OpenAI's fields."""


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """llama.cpp's server."""

    server: Server
    name: str = "llama-server"
    can_score: bool = False
    tells_apart: bool = True

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        body = {"content": text, "add_special": bos, "parse_special": special}
        return _ids(self.server, self.server.ask("/tokenize", body))

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return _text(self.server, self.server.ask("/detokenize", {"tokens": list(token_ids)}), "content")

    def extras(self, end_ids: Sequence[int], *, may_be_empty: bool) -> dict[str, Any]:
        """It ends at the end tokens of its own accord."""
        return {"cache_prompt": True, "repeat_penalty": 1.0}


@dataclass(frozen=True, slots=True)
class Vllm:
    """vLLM's server, which takes the settings of the model's makers unless told otherwise."""

    server: Server
    model: str
    name: str = "vLLM"
    can_score: bool = True
    tells_apart: bool = False

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        body = {"model": self.model, "prompt": text, "add_special_tokens": bos}
        return _ids(self.server, self.server.ask("/tokenize", body))

    def detokenize(self, token_ids: Sequence[int]) -> str:
        body = {"model": self.model, "tokens": list(token_ids)}
        return _text(self.server, self.server.ask("/detokenize", body), "prompt")

    def extras(self, end_ids: Sequence[int], *, may_be_empty: bool) -> dict[str, Any]:
        ends = {"stop_token_ids": list(end_ids)} if end_ids else {}
        return {"repetition_penalty": 1.0, "min_tokens": int(not may_be_empty), **ends}


def find_dialect(server: Server, model: str) -> Dialect | None:
    """How this server tokenises; None if it does not."""
    for dialect in (LlamaServer(server), Vllm(server, model)):
        try:
            if dialect.tokenize(PROBE, special=False, bos=False):
                return dialect
        except RefusedError as error:
            if error.status in (401, 403, 500, 502, 503):
                raise
    return None


class ServerTokens:
    """The tokenizer of the server."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.name = dialect.name
        self._cache = IdCache()
        self._is_control: dict[str, bool] = {}
        self._space: list[int] = []
        self._space = self._find_added_space()
        self.tells_apart = dialect.tells_apart and self._shows_that_it_tells_apart()
        plain = dialect.tokenize(PROBE, special=True, bos=False)
        begun = dialect.tokenize(PROBE, special=True, bos=True)
        self.bos = begun[0] if len(begun) > 1 and begun[1:] == plain else None

    def encode(self, text: str) -> list[int]:
        """Ids of a text of anybody: none of them is a control token."""
        known = self._cache.get(text)
        if known is not None:
            return list(known)
        sendable = text.encode("utf-8", "replace").decode()
        parts = [sendable] if self.tells_apart else self._parted(sendable)
        ids = [token_id for part in parts if part for token_id in self._encode(part, special=False)]
        self._cache.put(text, ids)
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        return self.dialect.detokenize(token_ids) if token_ids else ""

    def control(self, text: str) -> int | None:
        """The id of a control token, None if the model has no such token."""
        ids = self._encode(text, special=True)
        return ids[0] if len(ids) == 1 else None

    def close(self) -> None:
        """Nothing but the connection, which is its owner's, is held."""

    def _parted(self, text: str) -> list[str]:
        """Cut each control token in it after its first character."""
        cuts = [match.start() + 1 for match in CONTROL_LOOK.finditer(text) if self._is_token(match.group())]
        return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    def _is_token(self, text: str) -> bool:
        """Is it one token? If it is an ordinary one, cutting it does no harm."""
        if text not in self._is_control:
            self._is_control[text] = self.control(text) is not None
        return self._is_control[text]

    def _encode(self, text: str, *, special: bool) -> list[int]:
        """Without the space that some tokenizers put before a text, as `repocoder.llm.runtime` does it."""
        if not self._space:
            return self.dialect.tokenize(text, special=special, bos=False)
        ids = self.dialect.tokenize("\n" + text, special=special, bos=False)
        size = len(self._space)
        return (
            ids[size:]
            if ids[:size] == self._space
            else self.dialect.tokenize(text, special=special, bos=False)
        )

    def _find_added_space(self) -> list[int]:
        one, two = (self.dialect.tokenize(text, special=False, bos=False) for text in ("\n", "\n\n"))
        return one if len(one) > 1 and two[: len(one)] == one else []

    def _shows_that_it_tells_apart(self) -> bool:
        """An old server ignores the switch: one control token that it has must differ from its text."""
        texts = dict.fromkeys(("<|endoftext|>", "<|im_end|>", *_OTHERS, *_FAMILY_TEXTS))
        return any(self._encode(text, special=True) != self._encode(text, special=False) for text in texts)


class TextTokens:
    """Where the server does not tokenise: another model's tokenizer counts, and prompts become text again."""

    dialect = None
    bos = None  # the server adds it to a text

    def __init__(self, counter: Generator) -> None:
        self.counter = counter
        self.name = f"{counter.info.name} (embedded)"
        first = counter.vocab.size
        self._ids: Mapping[str, int] = {
            text: first + n for n, text in enumerate(dict.fromkeys(_FAMILY_TEXTS))
        }
        self._texts = {token_id: re.sub("^▁", " ", text) for text, token_id in self._ids.items()}

    def encode(self, text: str) -> list[int]:
        return self.counter.tokenize(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of ids, with each control token of a text broken, and those of the template as they are."""
        done: list[str] = []
        run: list[int] = []
        for token_id in token_ids:
            if token_id in self._texts:
                done += [self._plain(run), self._texts[token_id]]
                run = []
            else:
                run.append(token_id)
        return "".join([*done, self._plain(run)])

    def control(self, text: str) -> int | None:
        """An id above those of the counting tokenizer, which stands for the token; the model may lack it."""
        return self._ids.get(text)

    def close(self) -> None:
        """End the model that counts; it is loaded anew when it is needed."""
        self.counter.close()

    def _plain(self, token_ids: Sequence[int]) -> str:
        return broken(self.counter.detokenize(token_ids)) if token_ids else ""


def broken(text: str) -> str:
    """A text in which no control token of a known model is left: `<|fim_middle|>` becomes `< |fim_middle|>`."""
    return KNOWN_CONTROL.sub(lambda match: f"{match.group()[0]} {match.group()[1:]}", text)


def _ids(server: Server, answer: Any) -> list[int]:
    ids = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(ids, list) or not all(isinstance(token_id, int) for token_id in ids):
        problem = server.problem("its tokenizer gives no list of ids", "is it llama-server or vLLM?")
        raise RefusedError(str(problem), 200)
    return ids


def _text(server: Server, answer: Any, name: str) -> str:
    text = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise server.problem("its tokenizer gives no text", "is it llama-server or vLLM?")
    return text
