"""llama.cpp through its C interface: one model, one sequence. Imported by the model worker only.

Set `WAITING` of `repocoder.llm.worker` before this module is imported.

The high-level class of llama-cpp-python is not used: its infill has wrong token ids, it tokenises text with
control tokens on, and log-probabilities cost it `n_ctx * n_vocab` floats.
"""

from __future__ import annotations

import ctypes
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from repocoder.llm.messages import Loaded
from repocoder.llm.retyping import Spellings

BATCH_TOKENS = 256
"""Tokens of one call. Without flash attention a call also computes what its mask hides, half of its square: a prompt
of 512 takes 175 ms in calls of 256 or 192, 183 in calls of 128, 198 in one (7 M parameters)."""

BATCH_TOKENS_LARGE = 128
"""The same for models above `LARGE_PARAMETERS`, whose longest node would take 0.2 s on two cores."""

LARGE_PARAMETERS = 1_000_000_000

SCORE_LOGITS = 1 << 22
"""Logits that may be in memory at once, 16 MiB: 27 positions of Qwen's 152,064 tokens."""

NO_FLASH_ATTENTION = 0
"""Flash attention on a CPU sums in an order that depends on the batch: with it the logits of one prompt
differ by 0.15 between a fresh and a reused cache, which changes greedy text. Without it they are equal bit by
bit, as long as no call takes a single token: `MIN_BATCH_TOKENS`."""

MIN_BATCH_TOKENS = 2
"""The kernels take a call of one token another way than all longer ones, which also changes logits by 0.15. So no call
takes a single token, neither of a prompt nor of what is generated: a guess of the next one goes along."""

DEFAULT_CTX = 2048  # for a file that does not say what the model was trained for
LOG_LINES = 6  # of the runtime's warnings and errors, for messages
WARNING_LEVEL, CONTINUED_LEVEL = 3, 5  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_CONT
ABORTED = 2  # return code of llama_decode
PIECE_BYTES = 256  # longer tokens are asked for again with the size they need

ATTR_UNKNOWN, ATTR_UNUSED, ATTR_CONTROL = 1, 2, 8
_SPM = 1  # LLAMA_VOCAB_TYPE_SPM

_FIM_ROLES = {"prefix": "pre", "suffix": "suf", "middle": "mid", "repo": "rep", "file": "sep", "pad": "pad"}


class RuntimeFailedError(Exception):
    """llama.cpp refused the model or an order; the text says why."""


class Model:
    """A loaded model with its context. `tokens` are those whose keys and values are in the cache.

    The logits of a position depend on the tokens up to it alone, not on how they came there: see `MIN_BATCH_TOKENS`.
    """

    def __init__(self, path: bytes, *, max_ctx: int, threads: int) -> None:
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_callback = llama_cpp.llama_log_callback(self._note)
        llama_cpp.llama_log_set(self._log_callback, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._interrupt = _Interrupt()
        self._model = llama_cpp.llama_model_load_from_file(path, llama_cpp.llama_model_default_params())
        if not self._model:
            raise self._failure("llama.cpp cannot load it")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        n_vocab = llama_cpp.llama_vocab_n_tokens(self._vocab)
        if n_vocab == 0 or llama_cpp.llama_model_has_encoder(self._model):
            raise RuntimeFailedError("not a model that completes text")
        trained = llama_cpp.llama_model_n_ctx_train(self._model) or DEFAULT_CTX
        parameters = llama_cpp.llama_model_n_params(self._model)
        large = parameters > LARGE_PARAMETERS
        self._batch_tokens = BATCH_TOKENS_LARGE if large else BATCH_TOKENS
        self.score_tokens = max(MIN_BATCH_TOKENS, min(self._batch_tokens, SCORE_LOGITS // n_vocab))
        self._n_ctx = min(trained, max_ctx)
        self._context = self._open_context(threads)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(self._batch_tokens, 0, 1)
        self._fields = _Fields(self._batch, self._batch_tokens)
        self._special = self._find_special(n_vocab)
        self._allowed: tuple[frozenset[int], npt.NDArray[np.float32]] | None = None
        self._powers = np.empty(n_vocab, np.float32)  # for `_logprob`, which is asked for at each token
        self._space = self._find_added_space()
        self.tokens: list[int] = []
        self._reusable = 0  # first tokens of the cache that no call took one at a time
        self.facts = self._facts(n_vocab)

    # ---- text

    def tokenize(self, text: str) -> list[int]:
        """Ids without BOS; control tokens in the text are plain text; no space is put before it."""
        if not self._space:
            return self._tokenize(text)
        ids = self._tokenize("\n" + text)
        return ids[len(self._space) :] if ids[: len(self._space)] == self._space else self._tokenize(text)

    def piece(self, token_id: int, *, special: bool = False) -> bytes:
        """The bytes of a token, which may end within a character."""
        size = PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocab, token_id, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    @cached_property
    def spellings(self) -> Spellings:
        """Some 0.3 s for 150,000 tokens."""
        return Spellings([self.piece(number) for number in range(self.facts.n_vocab)])

    def detokenize(self, token_ids: Sequence[int]) -> str:
        """Text with control tokens as they are named."""
        n_vocab = self.facts.n_vocab
        known = (token_id for token_id in token_ids if 0 <= token_id < n_vocab)
        return b"".join(self.piece(token_id, special=True) for token_id in known).decode("utf-8", "replace")

    # ---- decoding

    def reuse(self, token_ids: Sequence[int]) -> int:
        """Keep what the cache has in common with a prompt, whose last two tokens are always decoded anew."""
        if not 0 < len(token_ids) < self.facts.n_ctx:
            raise RuntimeFailedError(
                f"a prompt of {len(token_ids)} tokens; the context has {self.facts.n_ctx}"
            )
        if not all(0 <= token_id < self.facts.n_vocab for token_id in token_ids):
            raise RuntimeFailedError("a token that the vocabulary does not have")
        common = 0
        limit = min(self._reusable, len(token_ids) - MIN_BATCH_TOKENS)
        while common < limit and self.tokens[common] == token_ids[common]:
            common += 1
        self._keep(common)
        return len(self.tokens)

    def batches(self, token_ids: Sequence[int]) -> Iterator[Sequence[int]]:
        """What is not in the cache yet, in pieces that one call takes; none is a single token if others are left."""
        while (left := len(token_ids) - len(self.tokens)) > 0:
            size = self._batch_tokens - (MIN_BATCH_TOKENS if left == self._batch_tokens + 1 else 0)
            yield token_ids[len(self.tokens) : len(self.tokens) + size]

    def check_continuation(self, prompt_tokens: int, continuation: Sequence[int]) -> None:
        """A continuation that can be scored: all of it would have fit if the model had written it."""
        if prompt_tokens + len(continuation) > self.facts.n_ctx:
            raise RuntimeFailedError(
                f"a prompt of {prompt_tokens} tokens with a continuation of {len(continuation)}; "
                f"the context has {self.facts.n_ctx}"
            )
        if not all(0 <= token_id < self.facts.n_vocab for token_id in continuation):
            raise RuntimeFailedError("a token that the vocabulary does not have")

    def interrupt(self) -> None:
        """From another thread: a call that runs ends soon, if what it was given as `is_cancelled` says so by now."""
        self._interrupt.set()

    def decode(
        self, token_ids: Sequence[int], is_cancelled: Callable[[], bool], *, n_logits: int = 1
    ) -> bool:
        """Run the model on tokens that follow the cache. False if it was aborted; the cache is sound then.

        Only the last `n_logits` of them get logits; they are there until the next call. `is_cancelled` is asked at the
        start, and after each `interrupt`.
        """
        position, count = len(self.tokens), len(token_ids)
        self._batch.n_tokens = count
        self._fields.fill(token_ids, position, n_logits)
        status = ABORTED
        while status == ABORTED:  # an interrupt that was meant for an earlier order is no reason to end
            self._interrupt.clear()
            if is_cancelled():  # asked after the flag was cleared: a cancel that comes now sets it again
                return False
            status = llama_cpp.llama_decode(self._context, self._batch)
            if status:
                self._keep(position)
        if status == 0:
            self.tokens.extend(token_ids)
            if self._reusable == position and count >= MIN_BATCH_TOKENS:
                self._reusable = len(self.tokens)
            return True
        raise self._failure(f"llama_decode: code {status}")

    def extend(self, token_id: int, draft: Sequence[int], is_cancelled: Callable[[], bool]) -> bool:
        """Run the model on a chosen token and on guesses of what follows it; all of them get logits.

        False if it was aborted. `forget` takes back what turns out wrong.
        """
        return self.decode([token_id, *draft], is_cancelled, n_logits=1 + len(draft))

    def forget(self, count: int) -> None:
        """Take the last tokens out of the cache; the logits of the last call stay."""
        if count:
            self._keep(len(self.tokens) - count)

    def choose(
        self, end_ids: frozenset[int], position: int = -1, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[int, float]:
        """The likeliest allowed token at a position, -1 for the last, and its log-probability (whole vocabulary, or
        `allowed` of it, (n_vocab,))."""
        logits = self.logits(position)
        if allowed is not None:
            logits = np.where(allowed, logits, np.float32(-np.inf))
        token_id = self.likeliest(logits, end_ids)
        return token_id, _logprob(logits, token_id, self._powers)

    def likeliest(self, values: npt.NDArray[np.float32], end_ids: frozenset[int]) -> int:
        """The allowed token with the highest of these logits or probabilities (n_vocab,)."""
        token_id, barrier = int(np.argmax(values)), self._barrier(end_ids)
        if barrier[token_id]:  # seldom: the likeliest token of all is one that is forbidden
            token_id = int(np.argmax(values + barrier))
        return token_id

    def logprobs(self, token_ids: Sequence[int], n_logits: int = 1) -> list[float]:
        """Log-probability of each of these, one at each position from the first of the last call's `n_logits` on."""
        return [
            _logprob(self.logits(row - n_logits), token_id, self._powers)
            for row, token_id in enumerate(token_ids)
        ]

    def logits(self, position: int) -> npt.NDArray[np.float32]:
        """(n_vocab,) float32, a view of llama.cpp's own: -1 is the last position that has any."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, position)
        if not pointer:
            raise RuntimeFailedError("the model gives no logits")
        return np.ctypeslib.as_array(pointer, shape=(self.facts.n_vocab,))

    # ---- inside

    def _open_context(self, threads: int) -> object:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = self._n_ctx
        parameters.n_batch = parameters.n_ubatch = self._batch_tokens
        parameters.n_seq_max = 1
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.abort_callback = self._interrupt.callback
        parameters.abort_callback_data = self._interrupt.data
        parameters.flash_attn_type = NO_FLASH_ATTENTION
        parameters.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, parameters)
        if not context:
            raise self._failure(f"no memory for a context of {self._n_ctx} tokens")
        return context

    def _facts(self, n_vocab: int) -> Loaded:
        found = {
            role: getattr(llama_cpp, f"llama_vocab_fim_{name}")(self._vocab)
            for role, name in _FIM_ROLES.items()
        }
        bos = llama_cpp.llama_vocab_bos(self._vocab)
        return Loaded(
            n_ctx=self._n_ctx,  # llama.cpp may have rounded it up
            n_vocab=n_vocab,
            fim={role: token_id for role, token_id in found.items() if token_id >= 0},
            bos=bos if bos >= 0 and llama_cpp.llama_vocab_get_add_bos(self._vocab) else None,
            end_ids=[i for i in self._special if llama_cpp.llama_vocab_is_eog(self._vocab, i)],
        )

    def _find_special(self, n_vocab: int) -> list[int]:
        """Tokens that are no text: control, unknown, unused, and what the model's file wants suppressed."""
        attribute = llama_cpp.llama_vocab_get_attr
        mask = ATTR_UNKNOWN | ATTR_UNUSED | ATTR_CONTROL
        special = {i for i in range(n_vocab) if attribute(self._vocab, i) & mask}
        count = ctypes.c_int32(0)
        suppressed = llama_cpp.llama_vocab_get_suppress_tokens(self._vocab, ctypes.byref(count))
        special.update(int(suppressed[i]) for i in range(count.value) if 0 <= suppressed[i] < n_vocab)
        return sorted(special)

    def _barrier(self, end_ids: frozenset[int]) -> npt.NDArray[np.float32]:
        """(n_vocab,) float32: 0 where a token may be chosen, else minus infinity."""
        if self._allowed is None or self._allowed[0] != end_ids:
            barrier = np.zeros(self.facts.n_vocab, np.float32)
            barrier[[token_id for token_id in self._special if token_id not in end_ids]] = -np.inf
            self._allowed = (end_ids, barrier)
        return self._allowed[1]

    def _keep(self, count: int) -> None:
        """Make the cache hold exactly the first `count` tokens; some models can only forget everything."""
        if not llama_cpp.llama_memory_seq_rm(self._memory, 0, count, -1):
            llama_cpp.llama_memory_clear(self._memory, False)
            count = 0
        del self.tokens[count:]
        self._reusable = min(self._reusable, count)

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, room, False, False)
        if count < 0:
            raise RuntimeFailedError(f"a text of {len(data)} bytes cannot be tokenised")
        return list(buffer[:count])

    def _find_added_space(self) -> list[int]:
        """SentencePiece models may put a space before a text: the ids of a line end with it, else none."""
        if llama_cpp.llama_vocab_type(self._vocab) != _SPM:
            return []
        with_space, bare = self._tokenize("\n"), self._tokenize("\n\n")
        return with_space if len(with_space) > 1 and bare[: len(with_space)] == with_space else []

    def _note(self, level: int, text: bytes, _: object) -> None:
        if level >= WARNING_LEVEL and level != CONTINUED_LEVEL and text.strip():
            self._log.append(" ".join(text.decode("utf-8", "replace").split()))

    def _failure(self, what: str) -> RuntimeFailedError:
        return RuntimeFailedError(f"{what} ({self._log[-1]})" if self._log else what)


class _Interrupt:
    """What llama.cpp asks between two nodes of a graph: `strlen` of a text that is empty until it is set.

    A callback in Python would wait for the interpreter some 200 times a call: 0.3 of the 2.8 ms of two tokens.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        self.callback = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)

    def set(self) -> None:
        self._text[0] = b"!"

    def clear(self) -> None:
        self._text[0] = b"\0"


class _Fields:
    """The arrays of a `llama_batch` as numpy sees them: filling them one by one took 1.3 us a token."""

    def __init__(self, batch: Any, size: int) -> None:
        self._tokens, self._positions = (
            np.ctypeslib.as_array(field, shape=(size,)) for field in (batch.token, batch.pos)
        )
        self._wanted = np.ctypeslib.as_array(batch.logits, shape=(size,))
        for number in range(size):  # all of the one sequence
            batch.n_seq_id[number] = 1
            batch.seq_id[number][0] = 0

    def fill(self, token_ids: Sequence[int], position: int, n_logits: int) -> None:
        """Tokens from this position on; the last `n_logits` of them get logits."""
        count = len(token_ids)
        self._tokens[:count] = token_ids
        self._positions[:count] = np.arange(position, position + count)
        self._wanted[:count] = 0
        self._wanted[max(0, count - n_logits) : count] = 1


def _logprob(logits: npt.NDArray[np.float32], token_id: int, room: npt.NDArray[np.float32]) -> float:
    """Nats, over the whole vocabulary. `room`: as many numbers, which are overwritten."""
    top = logits.max()
    np.subtract(logits, top, out=room)
    np.exp(room, out=room)
    logprob = float(logits[token_id]) - float(top) - math.log(room.sum(dtype=np.float64))
    if not math.isfinite(logprob):
        raise RuntimeFailedError("its weights give no numbers")
    return logprob
