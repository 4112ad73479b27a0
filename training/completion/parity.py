"""Does llama.cpp compute from the exported file what PyTorch computes from the weights?

The greedy text of llama.cpp goes through PyTorch in one pass: if each token is the likeliest one there too, given
those before it, PyTorch's own greedy text is the same. Asked twice: of llama.cpp with an F32 cache, which isolates
the export, and of the product's worker, which users get (F16 cache, no control token but those that end).
"""

from __future__ import annotations

import datetime
import json
import random
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from gguf import LlamaFileType

from repocoder.fim import Infill, Part, Template, assemble, detect, facts_of, render_snippet
from repocoder.gguf import GgufHeader, read_header
from repocoder.llm.generator import GenerateRequest
from repocoder.llm.local import LocalGenerator, LocalModel
from repocoder.types import ModelInfo
from training.completion.model import Decoder
from training.completion.native import Logits, Native
from training.completion.weights import TrainingError, load

ROOT = Path(__file__).resolve().parents[2]
TIE = 1e-4
"""Two logits nearer than this are a tie: float32 sums in another order choose between them."""

SEED = 5
NO_TEXT = (2, 3, 5)  # token types: unknown, control, unused


@dataclass(slots=True)
class Agreement:
    """Greedy texts of one way to run llama.cpp against PyTorch. A text with only ties apart counts as equal."""

    texts: int = 0
    equal: int = 0
    tied: int = 0  # of these, texts that part at a tie
    tokens: int = 0  # up to the first difference
    apart: list[float] = field(default_factory=list)  # by how many logits PyTorch prefers its own token

    def add(self, margin: float | None, tokens: int) -> None:
        self.texts += 1
        self.tokens += tokens
        if margin is None or margin < TIE:
            self.equal += 1
            self.tied += margin is not None
        else:
            self.apart.append(margin)

    def __str__(self) -> str:
        ties = f", {self.tied} of them part where two tokens tie within {TIE:g}" if self.tied else ""
        told = f"{self.equal} of {self.texts} equal ({self.tokens} tokens){ties}"
        if not self.apart:
            return told
        return f"{told}; PyTorch prefers its own token by {min(self.apart):.4f} to {max(self.apart):.4f} in the others"


@dataclass(slots=True)
class Parity:
    """What `compare` found. Differences are of logits, over all positions of prompts and texts."""

    file: str
    file_type: str  # F32, Q8_0, …
    prompts: int = 0
    prompt_tokens: int = 0
    tokenised_apart: int = 0  # prompts that llama.cpp cuts into other tokens than tokenizer.json
    largest_difference: float = 0.0
    mean_difference: float = 0.0
    spread: float = 0.0  # standard deviation of PyTorch's logits, to compare with
    exact: Agreement = field(default_factory=Agreement)  # F32 cache
    product: Agreement = field(default_factory=Agreement)  # the worker's


def prompts(template: Template, context: int, count: int, sources: Path) -> Iterator[Infill]:
    """Holes in real code with the text of another file: `count` of them, the same ones each time."""
    draw = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    files = []
    for found in sorted(sources.rglob("*.py")):
        inside = found.relative_to(sources)
        if any(part.startswith(".") or part in ("build", "fixtures") for part in inside.parts):
            continue
        text = found.read_text("utf-8", "replace")
        if text.count("\n") > 30 and "<|" not in text:  # tokenizers would read such text as control tokens
            files.append((str(inside), text))
    if len(files) < 2:
        raise TrainingError(
            f"prompts: {sources}: fewer than two Python files: name a folder of code with --sources"
        )
    for _ in range(count):
        (path, text), (other_path, other) = draw.sample(files, 2)
        at, start = draw.randrange(len(text) // 8, len(text)), draw.randrange(len(other))
        snippet = render_snippet(template, other_path, other[start : start + context // 2], "#")
        prefix, suffix = text[max(0, at - context) : at], text[at + draw.randrange(1, 60) :][: context // 4]
        yield Infill("", (Part(snippet),), path, Part(prefix), Part(suffix))


def compare(folder: Path, gguf: Path, *, count: int, new: int, sources: Path = ROOT) -> Parity:
    """Complete `count` prompts by both. TrainingError: the file and the folder do not belong together."""
    from tokenizers import Tokenizer

    model, tokenizer, _ = load(folder)
    header = read_header(gguf)
    if len(header.tokens) != model.shape.vocabulary or header.architecture != model.shape.architecture:
        raise TrainingError(f"GGUF: {gguf}: not an export of {folder}: export it again")
    template, reference, found = (
        detect(facts_of(header)),
        Tokenizer.from_str(tokenizer.decode()),
        Parity(gguf.name, _file_type(header)),
    )
    threads, context = 1, model.shape.context  # results do not depend on it; see `check`
    native = Native(gguf, n_ctx=context, threads=threads)
    product = LocalGenerator(LocalModel(gguf, ModelInfo(gguf.stem, ""), max_ctx=context, threads=threads))
    sums = []
    try:
        template = product.vocab.template  # with llama.cpp's view of which tokens end a text
        for infill in prompts(template, context, count, sources):
            ids, parts = assemble(template, infill, lambda texts: [native.tokenize(text) for text in texts])
            texts = [part.text for part in parts if part.ids is None]
            encoded = [reference.encode(text, add_special_tokens=False).ids for text in texts]
            found.tokenised_apart += encoded != [native.tokenize(text) for text in texts]
            ids = ids[: context - new]
            found.prompts += 1
            found.prompt_tokens += len(ids)
            sums.append(_exact(model, native, ids, new, template.end_ids, found))
            _product(model, product, ids, new, _forbidden(header, template), found)
    finally:
        native.close()
        product.close()
    found.mean_difference = float(np.mean([one for one, _ in sums]))
    found.spread = float(np.mean([one for _, one in sums]))
    return found


def _exact(
    model: Decoder, native: Native, ids: Sequence[int], new: int, ends: frozenset[int], found: Parity
) -> tuple[float, float]:
    """The mean difference of logits and their spread in PyTorch."""
    first = native.logits(ids)
    chosen = list(native.greedy(ids, new, ends))
    theirs = np.concatenate([first[:-1], np.stack([row for _, row in chosen])])
    tokens = [token for token, _ in chosen]
    ours = _logits(model, [*ids, *tokens[:-1]])
    difference = np.abs(theirs - ours)
    found.largest_difference = max(found.largest_difference, float(difference.max()))
    found.exact.add(*_first_difference(ours[len(ids) - 1 :], tokens))
    return float(difference.mean()), float(ours.std())


def _product(
    model: Decoder, product: LocalGenerator, ids: Sequence[int], new: int, forbidden: list[int], found: Parity
) -> None:
    answer = product.generate(GenerateRequest(tuple(ids), new))
    ours = _logits(model, [*ids, *answer.token_ids])[len(ids) - 1 :]
    ours[:, forbidden] = -np.inf
    tokens: list[int | None] = [*answer.token_ids]
    if answer.stop_reason == "end":
        tokens.append(None)
    ends = sorted(product.vocab.template.end_ids)
    found.product.add(*_first_difference(ours, tokens, ends))


def _first_difference(
    ours: Logits, tokens: Sequence[int | None], ends: Sequence[int] = ()
) -> tuple[float | None, int]:
    """By how much PyTorch prefers its own token where the texts part (None: nowhere), and the tokens before that.

    A token None is the end of the text: any of `ends`."""
    for number, (row, token) in enumerate(zip(ours, tokens, strict=False)):
        best = float(row.max())
        chosen = float(row[list(ends)].max()) if token is None else float(row[token])
        if chosen < best:
            return best - chosen, number
    return None, len(tokens)


@torch.no_grad()
def _logits(model: Decoder, ids: Sequence[int]) -> Logits:
    """(tokens, vocabulary) float32."""
    found: Logits = model(torch.tensor(ids), [len(ids)]).numpy()
    return found


def _forbidden(header: GgufHeader, template: Template) -> list[int]:
    """What the worker never chooses: tokens that are no text and do not end one."""
    return [i for i, kind in enumerate(header.token_types) if kind in NO_TEXT and i not in template.end_ids]


def check(folder: Path, gguf: Path, given: Namespace) -> int:
    """Print the comparison; exit code 1 if a file of float weights gives other text or tokens than PyTorch, else 0."""
    torch.set_num_threads(1)  # of a busy machine: two that wait for each other take many times longer
    found = compare(folder, gguf, count=given.prompts, new=given.new, sources=given.sources or ROOT)
    report = (
        f"{found.file} ({found.file_type}): {found.prompts} prompts, {found.prompt_tokens} tokens; "
        f"{found.prompts - found.tokenised_apart} prompts tokenised alike\n"
        f"logits: largest difference {found.largest_difference:.2e}, mean {found.mean_difference:.2e}, "
        f"standard deviation of the logits {found.spread:.2f}\n"
        f"greedy text, F32 cache: {found.exact}\n"
        f"greedy text, product's worker: {found.product}"
    )
    print(report)
    if given.json is not None:
        command = (
            f"python -m training.completion.export --check MODEL_DIR {gguf.name} --prompts {given.prompts}"
        )
        date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        given.json.write_text(
            json.dumps({"command": command, "date": date, **asdict(found)}, indent=1) + "\n"
        )
    in_float = found.file_type == "F32"
    return int(found.tokenised_apart > 0 or (in_float and found.exact.equal < found.exact.texts))


def _file_type(header: GgufHeader) -> str:
    number = header.metadata.get("general.file_type")
    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
    return names.get(number, "?") if isinstance(number, int) else "?"
