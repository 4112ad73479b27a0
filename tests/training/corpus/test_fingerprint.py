"""Hashes of passages and MinHash: what they are for, on real text."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.training.corpus.conftest import function
from training.corpus import fingerprint
from training.corpus.fingerprint import code_of, passages, sampled, signature, similarity, windows


def test_equal_runs_have_equal_hashes_wherever_they_stand() -> None:
    run = bytes(random.Random(1).randbytes(40))
    first, second = windows(b"head" + run + b"tail", 40), windows(b"another beginning" + run, 40)
    assert first[4] == second[17]
    assert len(set(first.tolist()) & set(second.tolist())) == 1


def test_hashes_are_those_of_the_polynomial_they_claim_to_be() -> None:
    code, width, base = b"def f(x): return x + 1", 5, int(fingerprint._BASE)
    values = [int(value) for value in fingerprint._OF_BYTE[np.frombuffer(code, dtype=np.uint8)]]
    expected = [
        sum(value * base**power for power, value in enumerate(values[start : start + width])) % (1 << 64)
        for start in range(len(code) - width + 1)
    ]
    assert windows(code, width).tolist() == fingerprint.mix(np.array(expected, dtype=np.uint64)).tolist()


@pytest.mark.parametrize("code", [b"", b"x", b"12345678"])
def test_a_text_shorter_than_the_width_has_no_windows(code: bytes) -> None:
    assert len(windows(code, 9)) == 0


def test_hashes_stay_the_same_from_run_to_run() -> None:
    assert windows(b"abcdef", 5).tolist() == [16199627522543299864, 1383303863704551706]


def test_layout_comments_and_imports_do_not_count() -> None:
    plain = "import os\n# Copyright somebody\ndef f(a, b):\n    return a + b\n"
    other = "from os import path\ndef f(\n        a,\n    b\n):\n\n    # why\n\treturn a + b\r\n"
    assert code_of(plain) == b"deff(a,b):returna+b"
    assert code_of(other) == code_of(plain)


def test_one_passage_in_sixteen_is_taken_and_the_same_one_everywhere() -> None:
    text = "".join(function("sample", seed) for seed in range(40))
    code = code_of(text)
    every = np.unique(windows(code, fingerprint.PASSAGE))
    assert passages(code).tolist() == sampled(every, 16).tolist()
    assert len(passages(code)) == pytest.approx(len(every) / 16, rel=0.15)


def test_signatures_estimate_the_similarity_of_the_texts() -> None:
    functions = [function("part", seed) for seed in range(60)]
    whole = code_of("".join(functions))
    for kept in (54, 45, 30, 15):
        part = code_of("".join(functions[:kept]))
        exact = _jaccard(whole, part)
        assert similarity(signature(whole), signature(part)) == pytest.approx(exact, abs=0.15)
    assert similarity(signature(whole), signature(whole)) == 1.0


def test_texts_that_share_nothing_have_signatures_that_share_nothing() -> None:
    generator = random.Random(5)
    left, right = (code_of("".join(generator.choices("abcdefghij(),=", k=4000))) for _ in range(2))
    assert similarity(signature(left), signature(right)) < 0.05


def test_the_shortest_texts_have_a_signature() -> None:
    assert similarity(signature(b"a=1"), signature(b"a=1")) == 1.0
    assert similarity(signature(b"a=1"), signature(b"b=2")) < 0.2
    assert signature(b"").shape == (fingerprint.PERMUTATIONS,)


def _jaccard(left: bytes, right: bytes) -> float:
    first, second = (set(windows(code, fingerprint.SHINGLE).tolist()) for code in (left, right))
    return len(first & second) / len(first | second)
