"""Words are exchanged, each for the same one throughout a sample, and nothing else is."""

from __future__ import annotations

import json

import numpy as np

from training.completion.data import FILE, Batch
from training.completion.renaming import Renaming

WORDS = ["parse", "token", "Ġvalue", "Ġname", "Node", "Edge", ".append", ".extend"]
KEPT = ["return", "Ġif", "self", "Ġprint", "(", "ĊĊ", "Ġ=", "1", "a"]
VOCABULARY = ["<|endoftext|>", *WORDS, *KEPT]
TOKENIZER = json.dumps(
    {"model": {"vocab": {name: number for number, name in enumerate(VOCABULARY)}}}
).encode()


def batch(lengths: tuple[int, ...]) -> Batch:
    ids = np.random.default_rng(0).integers(0, len(VOCABULARY), sum(lengths)).astype(np.int64)
    return Batch(ids, np.full(len(ids), FILE, np.uint8), lengths, len(ids))


def test_words_give_way_to_words_of_their_kind_and_the_rest_stays() -> None:
    renaming = Renaming(TOKENIZER)
    assert renaming.words == len(WORDS)
    tables = np.array([renaming.table(np.random.default_rng(seed)) for seed in range(40)])
    for number, name in enumerate(VOCABULARY):
        seen = {VOCABULARY[new] for new in tables[:, number]}
        if name in WORDS:
            first = WORDS.index(name) // 2 * 2
            assert seen == set(WORDS[first : first + 2])
        else:
            assert seen == {name}
    assert all(sorted(table) == list(range(len(VOCABULARY))) for table in tables)


def test_a_sample_is_renamed_by_one_table_and_the_next_by_another() -> None:
    renaming, whole = Renaming(TOKENIZER), batch((400, 400))
    done = renaming.rename(whole, 1.0, np.random.default_rng(3))
    assert (done.lengths, done.used) == (whole.lengths, whole.used)
    assert done.roles is whole.roles
    tables = []
    for part in (slice(0, 400), slice(400, 800)):
        pairs = {(int(old), int(new)) for old, new in zip(whole.ids[part], done.ids[part], strict=True)}
        assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
        tables.append(dict(pairs))
    assert tables[0] != tables[1]
    assert any(old != new for old, new in tables[0].items())


def test_only_the_share_that_was_asked_for() -> None:
    renaming, whole = Renaming(TOKENIZER), batch((50,) * 200)
    assert (renaming.rename(whole, 0.0, np.random.default_rng(1)).ids == whole.ids).all()
    done = renaming.rename(whole, 0.3, np.random.default_rng(1))
    changed = (done.ids != whole.ids).reshape(200, 50).any(axis=1).mean()
    assert 0.15 < changed < 0.4
