"""The exact prompts of the published methods on a small repository, and the traps that they are known for.

`--update-golden` writes the files in `golden/` anew; look at them before they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.run.sampler import Sampler, SamplerOptions
from eval.types import RunConfig, Task
from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.llm.fake import CONTROL_TOKENS, FakeGenerator
from repocoder.llm.gate import GateTokens
from repocoder.types import CompletionRequest

GOLDEN = Path(__file__).parent / "golden"
Golden = Callable[[Path, str], None]

STEPS = [f"    step_{number:02d}(order)" for number in range(1, 61)]
CART_TOP = ["def check_out(order):", *STEPS[10:29]]  # lines 1 to 20 of cart.py
TRUTH = "step_30(order, now=True)"
CART_BELOW = ["    secret_below(order)", *(f"    below_{number:02d}(order)" for number in range(30))]
FILES = {
    "shop/cart.py": [*CART_TOP, "    " + TRUTH, *CART_BELOW],
    "shop/invoice.py": ["def make_invoice(order):", *STEPS],
    "shop/parts.py": [
        "def make_parts(order):",
        *STEPS[12:27],
        *(f"    part_{n:02d}(order)" for n in range(25)),
    ],
    "stock/other.py": ["def other(thing):", *(f"    nothing_{n:02d}(thing)" for n in range(30))],
}
LINE, COLUMN = 21, 4
ANSWER = "\n".join([TRUTH, *STEPS[30:45]])  # what the model writes, whatever it is shown


class Words(FakeGenerator):
    """A token for each word and sign, as a tokenizer of code has them."""

    def __init__(self, answer: str = ANSWER) -> None:
        super().__init__(answer, n_ctx=4096)
        self._ids: dict[str, int] = {text: number for number, text in enumerate(CONTROL_TOKENS)}

    def tokenize(self, text: str) -> list[int]:
        return [self._ids.setdefault(piece, len(self._ids)) for piece in re.findall(r"\w+|\n| +|.", text)]

    def detokenize(self, token_ids: Sequence[int]) -> str:
        texts = list(self._ids)
        return "".join(texts[number] for number in token_ids)

    @property
    def prompts(self) -> list[str]:
        return [self.detokenize(request.token_ids) for request in self.requests]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published") / "market"
    for name, lines in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("\n".join(lines) + "\n")
    return place


def request(passes: int = 1) -> CompletionRequest:
    text = "\n".join([*CART_TOP, "    ", *CART_BELOW]) + "\n"
    return CompletionRequest("shop/cart.py", LINE, COLUMN, text=text, passes=passes)


def product(root: Path, place: Path, method: str, generator: Words, passes: int = 1) -> list[str]:
    settings = Settings(workers=1, method=method)  # type: ignore[arg-type]
    with Engine(root, settings, generator=generator, directory=place / "index") as engine:
        done = engine.complete(request(passes))
    assert done.text.startswith(TRUTH)
    return generator.prompts


def benchmark(root: Path, place: Path, method: str, passes: int = 1) -> list[str]:
    prefix = "\n".join([*CART_TOP, "    "])
    suffix = "\n" + "\n".join(CART_BELOW) + "\n"
    task = Task("m/0", "repoeval-line", "line", "python", "market", "shop/cart.py", prefix, TRUTH, suffix, LINE, COLUMN,
                "resampled")  # fmt: skip
    generator = Words()
    context = "both" if method == "repoformer" else "left"
    config = RunConfig(task.benchmark, method, model="fake", passes=passes, context=context)
    sampler = Sampler(config, SamplerOptions({"market": str(root)}, indexes=str(place / "eval")), generator)
    sampler.sample(task)
    sampler.close()
    return generator.prompts


@pytest.mark.parametrize(("method", "passes"), [("in-file", 1), ("repocoder", 3), ("repoformer", 1)])
def test_the_prompts_of_the_product_are_those_of_the_evaluation_and_of_the_golden_files(
    root: Path, tmp_path: Path, golden: Golden, method: str, passes: int
) -> None:
    ours = product(root, tmp_path, method, Words(), passes)
    assert ours == benchmark(root, tmp_path, method, passes)
    assert len(ours) == passes
    for number, text in enumerate(ours, 1):
        golden(GOLDEN / (f"{method}.{number}.txt" if passes > 1 else f"{method}.txt"), text)


def test_the_oracle_is_of_the_evaluation_alone(root: Path, tmp_path: Path, golden: Golden) -> None:
    (text,) = benchmark(root, tmp_path, "oracle")
    golden(GOLDEN / "oracle.txt", text)


def test_pass_1_shows_what_follows_the_match_and_pass_2_the_match(root: Path, tmp_path: Path) -> None:
    """The window that is most like the 20 lines above the hole is lines 11 to 30 of the invoice."""
    first, second = product(root, tmp_path, "repocoder", Words(), 2)
    best = blocks(first)[-1]  # the most similar one is nearest to the hole
    assert best[0] == "shop/invoice.py" and best[1][0] == STEPS[19] and best[1][-1] == STEPS[38]
    match = blocks(second)[-1]  # asked with steps 20 to 29, the truth, and steps 31 to 39
    assert match[0] == "shop/invoice.py" and STEPS[19] in match[1] and len(match[1]) == 20
    assert second.endswith("\n".join(CART_TOP) + "\n    ")  # the draft is not in the prompt


@pytest.mark.parametrize("method", ["repocoder", "repoformer", "in-file"])
def test_nothing_at_the_hole_or_below_is_retrieved(root: Path, tmp_path: Path, method: str) -> None:
    """The index has the whole file, the truth in it: no snippet may."""
    for text in product(root, tmp_path, method, Words(), 3):
        snippets = "\n".join(line for _, lines in blocks(text) for line in lines)
        assert "now=True" not in text
        assert "secret_below" not in snippets and "below_" not in snippets
        assert ("secret_below" in text) is (method == "repoformer")  # the one that is shown both sides


def test_what_the_prompt_cannot_show_of_the_file_itself_may_be(tmp_path: Path) -> None:
    """RepoCoder's own file counts above the in-file prompt only: here that has room for a part of the file."""
    root = tmp_path / "long"
    root.mkdir()
    body = [f"    word_{n // 3}(a{n}, b{n}, c{n})" for n in range(300)]
    (root / "one.py").write_text("\n".join(["def f():", *body, *body[:30]]) + "\n")
    generator = Words("x()")
    with Engine(
        root, Settings(workers=1, method="repocoder"), generator=generator, directory=tmp_path / "i"
    ) as engine:
        told = engine.explain(CompletionRequest("one.py", 332, 0))
    shown = told.prompt.text[told.prompt.text.rindex("# " + "-" * 50) :].count("\n")
    first = 332 - shown + 1
    assert told.hits and all(hit.path == "one.py" and hit.end_line < first for hit in told.hits)


def test_repoformers_context_stands_behind_the_suffix(root: Path, tmp_path: Path) -> None:
    (text,) = product(root, tmp_path, "repoformer", Words())
    head, rest = text.split("<|fim_suffix|>")
    assert head == "<|fim_prefix|>" + "\n".join(CART_TOP) + "\n    "
    below = "\n" + "\n".join(CART_BELOW) + "\n"
    assert rest.startswith(below + "# Here are some relevant code fragments")
    assert rest.endswith("<|fim_middle|>") and rest.count("<|fim_middle|>") == 1


class Gated(Words):
    """Answers the question of a gate."""

    def __init__(self, yes: float) -> None:
        super().__init__()
        self._vocab = replace(self._vocab, gate=GateTokens(5, 6, 4, 0.2))
        self._yes = yes
        self.asked: list[tuple[int, ...]] = []

    def score(self, token_ids, continuation, cancel=None, *, memory=None):  # type: ignore[no-untyped-def]
        self.asked.append(tuple(token_ids))
        return (self._yes,) if tuple(continuation) == (6,) else (-1.0,)


@pytest.mark.parametrize(("yes", "retrieves"), [(-0.5, True), (-9.0, False)])
def test_repoformers_gate_is_asked_behind_the_suffix(
    root: Path, tmp_path: Path, yes: float, retrieves: bool
) -> None:
    generator = Gated(yes)
    (text,) = product(root, tmp_path, "repoformer", generator)
    assert ("# Here are some relevant" in text) is retrieves
    question = generator.asked[0]
    assert question[-1] == 5  # what asks
    assert generator.requests[0].token_ids[: len(question) - 1] == question[:-1]  # computed once
    assert generator.detokenize(question[:-1]).endswith("below_29(order)\n")


def test_what_the_user_excludes_is_not_shown(root: Path, tmp_path: Path) -> None:
    settings = Settings(workers=1, method="repocoder")
    with Engine(root, settings, generator=Words(), directory=tmp_path / "index") as engine:
        before = engine.explain(request())
        assert {hit.path for hit in before.prompt.hits} >= {"shop/invoice.py", "shop/parts.py"}
        assert before.gate.reason == "this method always retrieves"
        engine.choices.exclude("shop/invoice.py")
        after = engine.explain(request())
        assert "shop/parts.py" in {hit.path for hit in after.prompt.hits}
        assert all(hit.path != "shop/invoice.py" for hit in after.hits)
        dropped = {one.hit.path: one.stage for one in after.candidates if not one.kept}
        assert dropped["shop/invoice.py"] == "excluded"
        never = engine.explain(replace(request(), retrieval="never"))
        assert not never.hits and not never.gate.retrieve


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """(path, lines) of each snippet of a prompt in the published layout."""
    rule = "# " + "-" * 50
    found = re.findall(
        rf"# the below code fragment can be found in:\n# (.+)\n{rule}\n((?:.*\n)*?){rule}\n", text
    )
    return [(path, [line[2:] for line in lines.splitlines()]) for path, lines in found]
