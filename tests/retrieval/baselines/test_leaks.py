"""No baseline knows what stands at the hole or below it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from zlib import crc32

import pytest

from retrieval.baselines.crosscodeeval import CrossCodeEvalBM25
from retrieval.baselines.repoformer import RepoformerJaccard
from retrieval.baselines.types import Baseline, Hole
from retrieval.baselines.windows import RepoCoderWindows

CANARY = "canary_of_the_truth"


def tokenize_many(texts: Sequence[str]) -> list[list[int]]:
    return [[crc32(piece.encode()) for piece in re.findall(r"\w+|\W", text)] for text in texts]


BASELINES: dict[str, Callable[[Mapping[str, str]], Baseline]] = {
    "windows": lambda files: RepoCoderWindows(files, tokenize_many, language="python"),
    "windows of functions": lambda files: RepoCoderWindows(files, tokenize_many, language="python", size=50),
    "crosscodeeval": lambda files: CrossCodeEvalBM25(files, language="python"),
    "repoformer": lambda files: RepoformerJaccard(files, language="python"),
    "repoformer of functions": lambda files: RepoformerJaccard(files, language="python", functions=True),
}


def lines(seed: int, n: int) -> str:
    draw = random.Random(seed)
    words = [f"word{number}" for number in range(40)]
    return "".join(f"{draw.choice(words)} = {draw.choice(words)}({draw.choice(words)})\n" for _ in range(n))


@pytest.mark.parametrize("draft", ["", "word1 = word2(word3)\n"])
@pytest.mark.parametrize("context_start_line", [1, 61, 131])
@pytest.mark.parametrize("name", BASELINES)
def test_hits_do_not_depend_on_what_is_below_the_hole(name: str, context_start_line: int, draft: str) -> None:
    prefix = lines(0, 150)
    others = {f"pkg/m{number}.py": lines(number, 80) for number in range(1, 6)}
    others["a.py"] = "".join(prefix.splitlines(keepends=True)[:70])  # some windows are the same text
    hole = Hole("pkg/target.py", prefix, 151, context_start_line)
    below = {
        "nothing": "",
        "the truth": f"word1 = {CANARY}(word3)\n" * 3 + lines(7, 40),
        "a copy of another file": others["pkg/m3.py"] * 2,
        "the prompt again": prefix,
        "new words": "".join(f"{CANARY}{number}\n" for number in range(300)),
    }
    answers = {}
    for what, text in below.items():
        retriever = BASELINES[name]({**others, "pkg/target.py": prefix + text})
        hits = retriever.retrieve(hole, draft, k=30)
        assert hits
        for hit in hits:
            assert CANARY not in hit.text + hit.chunk.text + hit.evidence[0].why, what
            if hit.path == "pkg/target.py":
                assert hit.end_line <= 150, what
        answers[what] = hits
    assert all(hits == answers["nothing"] for hits in answers.values())


@pytest.mark.parametrize("name", BASELINES)
def test_a_hole_within_a_line_hides_the_rest_of_the_line(name: str) -> None:
    prefix = lines(0, 40) + "value = call("
    files = {"target.py": f"{prefix}{CANARY})\n" + lines(3, 40), "other.py": lines(1, 60)}
    for draft in ("", "word1)\n"):
        hits = BASELINES[name](files).retrieve(Hole("target.py", prefix, 41, 31), draft, k=30)
        assert hits
        assert not any(CANARY in hit.text for hit in hits)
