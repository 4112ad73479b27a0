"""A `tokenizers` file as the product sees a model's vocabulary: it can build prompts, and generates nothing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tokenizers import Tokenizer

from repocoder.errors import ModelError
from repocoder.fim import EMBEDDED_MARK, VocabFacts, detect
from repocoder.llm.fake import CONTROL_TOKENS
from repocoder.llm.generator import Generated, GenerateRequest, OnText, Vocab
from repocoder.llm.messages import Remember
from repocoder.types import ModelInfo

END = CONTROL_TOKENS[0]
REMEMBERED = 200_000  # texts whose ids are kept: the lines of a file come back with each of its holes


class Vocabulary:
    """The tokenizing half of `repocoder.llm.generator.Generator`. Control tokens in a text are plain text."""

    def __init__(self, place: Path, *, n_ctx: int = 1 << 16) -> None:
        """Raises ModelError where the file cannot be read or has no control tokens."""
        try:
            raw = place.read_bytes()
            description = json.loads(raw)
            names: dict[str, int] = dict(description["model"]["vocab"])
            names |= {token["content"]: token["id"] for token in description["added_tokens"]}
            # Without added tokens `<|file_sep|>` in a text is split as any other text, as in the product.
            description["added_tokens"] = []
            self._tokenizer = Tokenizer.from_str(json.dumps(description))
            controls = {name: names[name] for name in CONTROL_TOKENS}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"tokenizer: {place}: {error}: name a tokenizer.json of this recipe") from error
        self.end = controls[END]
        facts = VocabFacts(controls, {}, name=EMBEDDED_MARK, end_ids=frozenset({self.end}))
        self._info = ModelInfo(place.parent.name, hashlib.sha256(raw).hexdigest())
        self._vocab = Vocab(n_ctx, max(names.values()) + 1, detect(facts))
        self._texts = {number: name for name, number in controls.items()}
        self._known: dict[str, list[int]] = {}

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def vocab(self) -> Vocab:
        return self._vocab

    def tokenize(self, text: str) -> list[int]:
        return self.tokenize_many([text])[0]

    def tokenize_many(self, texts: Sequence[str]) -> list[list[int]]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(self._known) + len(missing) > REMEMBERED:
            self._known.clear()
            missing = list(dict.fromkeys(texts))
        for text in (
            missing
        ):  # one by one: a batch would wake threads, which on a busy machine costs more than it gives
            self._known[text] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [self._known[text] for text in texts]

    def detokenize(self, token_ids: Sequence[int]) -> str:
        pieces: list[str] = []
        run: list[int] = []
        for number in token_ids:
            if number in self._texts:
                pieces += [self._tokenizer.decode(run), self._texts[number]]
                run = []
            else:
                run.append(int(number))
        return "".join([*pieces, self._tokenizer.decode(run)])

    def generate(
        self, request: GenerateRequest, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Generated:
        self._refuse()

    @property
    def can_score(self) -> bool:
        return False

    @property
    def can_remember(self) -> bool:
        return False

    @property
    def can_retype(self) -> bool:
        return False

    def score(
        self,
        token_ids: Sequence[int],
        continuation: Sequence[int],
        cancel: threading.Event | None = None,
        *,
        memory: Remember | None = None,
    ) -> tuple[float, ...]:
        self._refuse()

    def close(self) -> None:
        self._known.clear()

    def _refuse(self) -> NoReturn:
        raise ModelError(f"tokenizer: {self._info.name}: it has no weights: load the model itself")
