"""The decoder that is trained: llama.cpp's `llama` or `qwen3` architecture, in PyTorch.

Everything is laid out as llama.cpp computes it, so that an export renames tensors and changes no number:
`llama` turns interleaved pairs of a head (0, 1), (2, 3), …; `qwen3` turns halves (0, n/2), (1, n/2 + 1), …
and normalises each head's query and key first, which lets Muon take larger steps (Henry et al. 2020, QKNorm).
Embeddings are tied to the output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
"""Of every RMSNorm; goes into the GGUF's metadata."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder. `head` is the width of one head; `context` what it is trained with, in tokens."""

    architecture: Literal["llama", "qwen3"]
    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    context: int
    rope_base: float = 10_000.0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @property
    def parameters(self) -> int:
        """Of all matrices and norms; the tied embedding counts once."""
        attention = self.width * self.head * (2 * self.heads + 2 * self.kv_heads)
        norms = 2 * self.width + (2 * self.head if self.architecture == "qwen3" else 0)
        layer = attention + 3 * self.width * self.feed_forward + norms
        return self.vocabulary * self.width + self.layers * layer + self.width


SHAPES = {
    "tiny": Shape("llama", 8192, 64, 2, 2, 2, 32, 176, 512),  # for tests and rehearsals
    "7m": Shape("llama", 8192, 256, 6, 4, 4, 64, 704, 2048),  # the sizes of the first embedded model
    "12m": Shape("qwen3", 8192, 320, 8, 5, 5, 64, 896, 2048),
    "50m": Shape("qwen3", 16384, 576, 12, 9, 3, 64, 1536, 2048),  # for an accelerator
}
"""What `--shape` takes."""


class RmsNorm(nn.Module):
    """Root mean square normalisation (Zhang and Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), EPSILON)


def rotation(shape: Shape, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (tokens, head / 2) float32, of the angles at these positions (tokens,)."""
    exponents = torch.arange(0, shape.head, 2, device=positions.device, dtype=torch.float32) / shape.head
    angles = positions.float()[:, None] * shape.rope_base**-exponents
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor, *, interleaved: bool) -> Tensor:
    """Turn the heads (tokens, heads, head) by the angles of their positions (Su et al. 2021)."""
    cosines, sines = cosines[:, None].to(x.dtype), sines[:, None].to(x.dtype)
    if interleaved:
        first, second = x[..., 0::2], x[..., 1::2]
        return torch.stack([first * cosines - second * sines, first * sines + second * cosines], -1).flatten(
            -2
        )
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], -1)


def attend(q: Tensor, k: Tensor, v: Tensor, lengths: Sequence[int]) -> Tensor:
    """Causal attention within each sample of a pack; shapes (tokens, heads, head), lengths sum to tokens.

    One call for each sample wastes nothing on masked places; on CUDA the samples of a pack go through one
    kernel for nested tensors instead of many launches.
    """
    grouped = q.shape[1] != k.shape[1]
    if q.is_cuda:
        return _attend_nested(q, k, v, lengths, grouped=grouped)
    pieces = []
    for parts in zip(*(torch.split(whole, list(lengths)) for whole in (q, k, v)), strict=True):
        one_q, one_k, one_v = (part.transpose(0, 1).unsqueeze(0) for part in parts)
        out = functional.scaled_dot_product_attention(one_q, one_k, one_v, is_causal=True, enable_gqa=grouped)
        pieces.append(out.squeeze(0).transpose(0, 1))
    return torch.cat(pieces)


def _attend_nested(q: Tensor, k: Tensor, v: Tensor, lengths: Sequence[int], *, grouped: bool) -> Tensor:
    bounds = torch.tensor([0, *lengths], device=q.device).cumsum(0)
    longest = max(lengths)
    if grouped:  # nested tensors know no grouped heads
        k, v = (part.repeat_interleave(q.shape[1] // part.shape[1], dim=1) for part in (k, v))
    one_q, one_k, one_v = (
        torch.nested.nested_tensor_from_jagged(part, bounds, min_seqlen=1, max_seqlen=longest).transpose(1, 2)
        for part in (q, k, v)
    )
    out = functional.scaled_dot_product_attention(one_q, one_k, one_v, is_causal=True)
    values: Tensor = out.transpose(1, 2).values()
    return values


class Block(nn.Module):
    """Attention and a gated feed-forward network, each behind a norm and added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inner, outer = shape.heads * shape.head, shape.kv_heads * shape.head
        self.attn_norm = RmsNorm(shape.width)
        self.attn_q = nn.Linear(shape.width, inner, bias=False)
        self.attn_k = nn.Linear(shape.width, outer, bias=False)
        self.attn_v = nn.Linear(shape.width, outer, bias=False)
        self.attn_output = nn.Linear(inner, shape.width, bias=False)
        self.ffn_norm = RmsNorm(shape.width)
        self.ffn_gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.ffn_down = nn.Linear(shape.feed_forward, shape.width, bias=False)
        if shape.architecture == "qwen3":
            self.attn_q_norm = RmsNorm(shape.head)
            self.attn_k_norm = RmsNorm(shape.head)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], lengths: Sequence[int]) -> Tensor:
        """`x` (tokens, width) is the stream of a whole pack."""
        return self.finish(x, attend(*self.project(x, *angles), lengths))

    def project(self, x: Tensor, cosines: Tensor, sines: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (tokens, heads, head). With `finish` what compiles: no shape in it varies."""
        shape, y = self.shape, self.attn_norm(x)
        q = self.attn_q(y).view(-1, shape.heads, shape.head)
        k = self.attn_k(y).view(-1, shape.kv_heads, shape.head)
        v = self.attn_v(y).view(-1, shape.kv_heads, shape.head)
        interleaved = shape.architecture == "llama"
        if not interleaved:
            q, k = self.attn_q_norm(q), self.attn_k_norm(k)
        q = rotate(q, cosines, sines, interleaved=interleaved)
        k = rotate(k, cosines, sines, interleaved=interleaved)
        return q, k, v

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The stream after this block."""
        x = x + self.attn_output(attended.flatten(1))
        y = self.ffn_norm(x)
        grown: Tensor = self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))
        return x + grown


class Decoder(nn.Module):
    """The whole model. Names of parameters follow the GGUF's: `blk.3.attn_q.weight`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = RmsNorm(shape.width)
        self._initialise()

    def _initialise(self) -> None:
        """Scaled normal weights; what writes into the stream starts at zero, so that a block begins as nothing."""
        for name, weight in self.named_parameters():
            if name.endswith(("attn_output.weight", "ffn_down.weight")):
                nn.init.zeros_(weight)
            elif name == "token_embd.weight":
                nn.init.normal_(weight, std=0.02)
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=1 / math.sqrt(weight.shape[1]))

    def states(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """The normalised stream (tokens, width) of a pack: `ids` (tokens,), samples of these lengths in a row."""
        positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
        angles = rotation(self.shape, positions)
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, angles, lengths)
        normed: Tensor = self.output_norm(x)
        return normed

    def compile_blocks(self) -> None:
        """Fuse what lies between the attentions; of use on an accelerator only (on 2 cores it gained nothing)."""
        for block in self.blk:
            assert isinstance(block, Block)
            for name in ("project", "finish"):
                setattr(block, name, torch.compile(getattr(block, name), dynamic=False))

    def logits(self, states: Tensor) -> Tensor:
        """(tokens, vocabulary)."""
        return functional.linear(states, self.token_embd.weight.to(states.dtype))

    def forward(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """Logits (tokens, vocabulary) of a pack."""
        return self.logits(self.states(ids, lengths))
