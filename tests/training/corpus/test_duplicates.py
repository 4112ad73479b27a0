"""Which of two files that say the same stays."""

from __future__ import annotations

import hashlib

from tests.training.corpus.conftest import function
from training.corpus import duplicates
from training.corpus.catalogue import Split
from training.corpus.duplicates import Print, find_duplicates
from training.corpus.fingerprint import code_of, passages, signature


def test_a_copy_with_another_layout_and_licence_goes() -> None:
    text = "".join(function("one", seed) for seed in range(5))
    found = find_duplicates(
        [_print("a/x.py", text), _print("b/x.py", "# licence\n" + text.replace("    ", "\t"))]
    )
    assert [(one.key, one.reason, one.of) for one in found] == [("b/x.py", "copy", "a/x.py")]


def test_a_near_copy_goes_and_a_file_that_only_shares_half_stays() -> None:
    functions = [function("near", seed) for seed in range(20)]
    others = [function("far", seed) for seed in range(10)]
    found = find_duplicates(
        [
            _print("a.py", "".join(functions)),
            _print("b.py", "".join(functions[:19]) + function("new", 1)),
            _print("c.py", "".join(functions[:10] + others)),
        ]
    )
    assert [(one.key, one.reason, one.of) for one in found] == [("b.py", "near-copy", "a.py")]
    assert duplicates.SAME_SPLIT <= found[0].similarity < 1


def test_what_is_held_out_goes_even_if_its_name_comes_first_and_less_is_shared() -> None:
    functions = [function("near", seed) for seed in range(20)]
    train = "".join(functions)
    held_out = "".join(functions[:16]) + "".join(function("own", seed) for seed in range(2))
    found = find_duplicates([_print("a.py", held_out, "test"), _print("z.py", train, "train")])
    assert [(one.key, one.split, one.of_split) for one in found] == [("a.py", "test", "train")]
    assert find_duplicates([_print("a.py", held_out), _print("z.py", train)]) == []


def test_a_held_out_file_that_a_large_training_file_holds_goes() -> None:
    small = "".join(function("small", seed) for seed in range(3))
    large = small + "".join(function("large", seed) for seed in range(60))
    found = find_duplicates([_print("test.py", small, "validation"), _print("train.py", large)])
    assert [(one.key, one.reason, one.similarity) for one in found] == [("test.py", "inside", 1.0)]


def test_validation_and_test_are_kept_apart_too() -> None:
    text = "".join(function("held", seed) for seed in range(5))
    found = find_duplicates([_print("t.py", text, "test"), _print("v.py", text, "validation")])
    assert [(one.key, one.of_split) for one in found] == [("t.py", "validation")]


def test_files_that_share_nothing_stay() -> None:
    files = [_print(f"{seed}.py", function("file", seed, lines=40), "test") for seed in range(30)]
    other = [_print(f"train{seed}.py", function("other", seed, lines=40)) for seed in range(30)]
    assert find_duplicates([*files, *other]) == []


def _print(key: str, text: str, split: Split = "train") -> Print:
    code = code_of(text)
    return Print(key, split, hashlib.sha256(code).digest(), signature(code), passages(code))
