"""llama.cpp with nothing rounded: the logits of a GGUF, its keys and values kept in F32.

The product keeps them in F16, which is right for speed and hides what an export changed. So an export is compared
here. One sequence, no sampling. Imported by checks only: a damaged file may abort the process.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.completion.weights import TrainingError

# Read once, when llama.cpp is loaded: threads that spin at a barrier make it 50 times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import llama_cpp

WITHOUT_FLASH_ATTENTION = 0
F32 = 0  # GGML_TYPE_F32

Logits = npt.NDArray[np.float32]


class Native:
    """A model of a GGUF file; `close` frees it."""

    def __init__(self, path: Path, *, n_ctx: int, threads: int) -> None:
        self._silent = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        defaults = llama_cpp.llama_model_default_params()
        self._model = llama_cpp.llama_model_load_from_file(bytes(path), defaults)
        if not self._model:
            raise TrainingError(f"GGUF: {path}: llama.cpp cannot load it: export it again")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.n_vocab: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = n_ctx
        parameters.n_seq_max = 1
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.type_k = parameters.type_v = F32
        parameters.flash_attn_type = WITHOUT_FLASH_ATTENTION
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise TrainingError(f"GGUF: {path}: no memory for a context of {n_ctx} tokens")
        self._batch = llama_cpp.llama_batch_init(n_ctx, 0, 1)

    def tokenize(self, text: str) -> list[int]:
        """Ids without BOS; control tokens in the text are plain text."""
        data = text.encode()
        buffer = (llama_cpp.llama_token * (len(data) + 2))()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, len(buffer), False, False)
        return list(buffer[:count])

    def logits(self, ids: Sequence[int]) -> Logits:
        """(tokens, n_vocab) of a prompt, decoded in one call into an empty cache."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        return self._decode(ids, 0)

    def greedy(self, ids: Sequence[int], limit: int, ends: frozenset[int]) -> Iterator[tuple[int, Logits]]:
        """Each likeliest token after a prompt with the logits (n_vocab,) that chose it, an end token included."""
        row = self.logits(ids)[-1]
        for position in range(len(ids), len(ids) + limit):
            token = int(row.argmax())
            yield token, row
            if token in ends:
                return
            row = self._decode([token], position)[0]

    def close(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def _decode(self, ids: Sequence[int], position: int) -> Logits:
        batch = self._batch
        batch.n_tokens = len(ids)
        for number, token in enumerate(ids):
            batch.token[number], batch.pos[number] = token, position + number
            batch.n_seq_id[number], batch.seq_id[number][0] = 1, 0
            batch.logits[number] = True
        status = llama_cpp.llama_decode(self._context, batch)
        if status:
            raise TrainingError(f"llama_decode: code {status}: a shorter prompt may do")
        pointer = llama_cpp.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(len(ids), self.n_vocab)).copy()
