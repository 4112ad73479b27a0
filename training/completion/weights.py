"""A trained model on disk: weights.safetensors (names as in the GGUF), model.json and tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from indexer.errors import RepocoderError
from training.completion.model import Decoder, Shape

WEIGHTS, FACTS, TOKENIZER = "weights.safetensors", "model.json", "tokenizer.json"


class TrainingError(RepocoderError):
    """A step of a recipe cannot be done; the message says what is missing."""

    exit_code = 2


def save(folder: Path, model: Decoder, tokenizer: bytes, facts: Mapping[str, Any]) -> None:
    """Write a model whole: each file under a temporary name first, model.json last."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().float().cpu().contiguous() for name, weight in plain_state(model).items()
    }
    save_file(weights, folder / f"{WEIGHTS}.part")
    (folder / f"{TOKENIZER}.part").write_bytes(tokenizer)
    text = json.dumps({**facts, "shape": model.shape.as_dict()}, indent=1)
    (folder / f"{FACTS}.part").write_text(text + "\n")
    for name in (WEIGHTS, TOKENIZER, FACTS):
        (folder / f"{name}.part").replace(folder / name)


def load(folder: Path) -> tuple[Decoder, bytes, dict[str, Any]]:
    """The model in float32, the bytes of its tokenizer.json and its facts; TrainingError if there is none."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
        tokenizer = (folder / TOKENIZER).read_bytes()
        weights = load_file(folder / WEIGHTS)
    except OSError as error:
        raise TrainingError(
            f"model: {folder}: {error.strerror}: give a folder that training wrote"
        ) from error
    known = {field.name for field in fields(Shape)}
    model = Decoder(Shape(**{name: value for name, value in facts["shape"].items() if name in known}))
    model.load_state_dict(weights)
    return model, tokenizer, facts


def plain_state(model: Decoder) -> dict[str, Tensor]:
    """The state without the marks that compiling leaves in the names."""
    return {name.replace("._orig_mod", ""): weight for name, weight in model.state_dict().items()}
