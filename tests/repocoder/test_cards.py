"""The cards of this release say what the files are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from repocoder import models
from repocoder.cards import ASSETS, COMPLETION, embedded_cards, read_card
from repocoder.errors import ModelError


def test_every_digest_and_size_is_that_of_the_file() -> None:
    for card in embedded_cards():
        found = {name: hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() for name in card.files}
        assert found == card.files, "run `python -m training.ship` again"
        assert sum((ASSETS / name).stat().st_size for name in card.files) == card.bytes
        assert card.path.exists() and card.note and card.licence and card.summary


def test_the_assets_hold_one_completion_model_and_its_card() -> None:
    assert [path.name for path in ASSETS.glob("*.gguf")] == [models.EMBEDDED_FILE.name]
    assert read_card(COMPLETION) == models.EMBEDDED
    assert models.EMBEDDED_FILE.stem == models.EMBEDDED_NAME
    assert 0 < models.EMBEDDED_CTX <= models.resolve().header.n_ctx


@pytest.mark.parametrize("text", ["", "{", '{"kind": "completion"}', '{"kind": "other", "name": "x"}'])
def test_a_damaged_card_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(text)
    for path in (tmp_path / "card.json", tmp_path / "missing.json"):
        with pytest.raises(ModelError, match="install repocoder again") as caught:
            read_card(path)
        assert "\n" not in str(caught.value)
