"""Prompts as the papers lay them out, within their budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.protocols import Protocol, as_infill, protocol_for
from eval.protocols.layouts import build, context_start_line
from eval.types import Task
from indexer.types import Chunk, Span
from repocoder.errors import ModelError
from repocoder.llm.fake import FakeGenerator
from repocoder.published.layouts import fit_context, last_lines
from retrieval.types import Evidence, Hit

RULE = "# " + "-" * 50


def task(prefix: str = "import a\n\n\ndef f():\n", **changes: object) -> Task:
    line = prefix.count("\n") + 1
    known = Task(
        "r/0",
        "repoeval-line",
        "line",
        "python",
        "r",
        "m.py",
        prefix,
        "    return 1",
        "\n",
        line,
        0,
        "official",
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def hit(path: str, text: str, rank: int = 1) -> Hit:
    chunk = Chunk(-1, path, Span(1, text.count("\n") + 1, 0, 0), "python", "window", "", "", text)
    return Hit(
        chunk, 1.0 / rank, (Evidence("windows", rank, 1.0 / rank, "x"),), text, 1, text.count("\n") + 1
    )


def published(kind: str = "line", family: str = "repoeval", **changes: object) -> Protocol:
    protocol = protocol_for(family, kind, layout="published")  # type: ignore[arg-type]
    return replace(protocol, **changes)  # type: ignore[arg-type]


HITS = (hit("best.py", "def best():\n    return 1", 1), hit("second.py", "def second():\n\n    return 2", 2))


def test_repocoder_puts_the_most_similar_block_nearest_to_the_hole() -> None:
    prompt = build(published(), task(), HITS, FakeGenerator(n_ctx=8192))
    assert prompt.text == (
        "# Here are some relevant code fragments from other files of the repo:\n"
        f"{RULE}\n"
        "# the below code fragment can be found in:\n"
        "# second.py\n"
        f"{RULE}\n"
        "# def second():\n"
        "# \n"
        "#     return 2\n"
        f"{RULE}\n"
        "# the below code fragment can be found in:\n"
        "# best.py\n"
        f"{RULE}\n"
        "# def best():\n"
        "#     return 1\n"
        f"{RULE}\n"
        "\n"
        "import a\n\n\ndef f():\n"
    )
    assert [shown.path for shown in prompt.hits] == ["best.py", "second.py"]


def test_crosscodeeval_begins_with_the_best_chunk() -> None:
    java = task(
        language="java", benchmark="crosscodeeval-java", path="A.java", prefix="class A {\n  int x = "
    )
    prompt = build(published(family="crosscodeeval"), java, HITS, FakeGenerator(n_ctx=8192))
    assert prompt.text == (
        "// Here are some relevant code fragments from other files of the repo:\n\n"
        "// the below code fragment can be found in:\n"
        "// best.py\n"
        "// def best():\n"
        "//     return 1\n\n"
        "// the below code fragment can be found in:\n"
        "// second.py\n"
        "// def second():\n"
        "// \n"
        "//     return 2\n\n"
        "class A {\n  int x = "
    )


def test_a_block_that_does_not_fit_is_skipped_and_a_smaller_one_enters() -> None:
    hits = (hit("long.py", "x = 1\n" * 400, 1), HITS[0])
    context = fit_context(published(), "python", hits, FakeGenerator().tokenize_many)
    assert [shown.path for shown in context.hits] == ["best.py"]
    assert "no room" in context.dropped[0].why


def test_at_most_ten_blocks_of_repocoder_and_five_of_crosscodeeval() -> None:
    hits = [hit(f"f{n}.py", "x = 1", n + 1) for n in range(20)]
    wide = {"context_tokens": 10_000, "total_tokens": 20_000}
    for protocol, most in ((published(**wide), 10), (published(family="crosscodeeval", **wide), 5)):
        context = fit_context(protocol, "python", hits, FakeGenerator().tokenize_many)
        assert len(context.hits) == most
        assert len(context.dropped) == len(hits) - most


def test_crosscodeeval_cuts_within_a_chunk() -> None:
    long = hit("long.py", "\n".join(f"value_{n} = {n}" for n in range(100)))
    protocol = published(family="crosscodeeval")
    context = fit_context(protocol, "python", (long, HITS[0]), FakeGenerator().tokenize_many)
    assert 400 < context.tokens <= protocol.context_tokens
    (shown,) = context.hits
    assert long.text.startswith(shown.text)
    assert len(shown.text) < len(long.text)


@given(
    prefix=st.text(alphabet="ab \n\té", max_size=3000),
    sizes=st.lists(st.integers(0, 60), max_size=12),
    total=st.integers(200, 3000),
    family=st.sampled_from(["repoeval", "crosscodeeval"]),
    layout=st.sampled_from(["published", "native"]),
)
def test_no_prompt_is_longer_than_its_budget(
    prefix: str, sizes: list[int], total: int, family: str, layout: str
) -> None:
    hits = [hit(f"f{n}.py", "x = 1\n" * size + "y", n + 1) for n, size in enumerate(sizes)]
    generator = FakeGenerator(n_ctx=total)
    protocol = protocol_for(family, "line", layout=layout)  # type: ignore[arg-type]
    if total - protocol.new_tokens < 64:
        with pytest.raises(ModelError):
            build(protocol, task(prefix), hits, generator)
        return
    prompt = build(protocol, task(prefix), hits, generator)
    limits = protocol.within(total)
    assert len(prompt.token_ids) <= limits.prompt_tokens
    assert len(prompt.token_ids) + limits.new_tokens <= total
    assert prompt.snippet_tokens <= limits.context_tokens
    if layout == "published":
        assert all("\n".join(f"# {line}" for line in h.text.splitlines()) in prompt.text for h in prompt.hits)


@given(text=st.text(alphabet="ab \n", max_size=400), budget=st.integers(0, 200))
def test_last_lines_are_the_end_of_the_text(text: str, budget: int) -> None:
    tokenize_many = FakeGenerator().tokenize_many  # a token a byte
    shown = last_lines(text, budget, tokenize_many)
    assert text.endswith(shown)
    assert len(shown) <= max(budget, 1 if text and budget > 0 else 0)
    if len(text) <= budget:
        assert shown == text


def test_a_smaller_model_shrinks_every_share_alike() -> None:
    protocol = published()
    small = protocol.within(1024)
    assert small.prompt_tokens == 1024 - 100
    assert small.context_tokens == pytest.approx(small.prompt_tokens / 2, abs=1)
    assert protocol.within(4096) == protocol


def test_published_numbers() -> None:
    assert (published().total_tokens, published().new_tokens, published().max_snippets) == (2048, 100, 10)
    assert published("function").new_tokens == 500
    crosscodeeval = published(family="crosscodeeval")
    assert (crosscodeeval.new_tokens, crosscodeeval.context_tokens, crosscodeeval.max_snippets) == (
        50,
        512,
        5,
    )
    infill = protocol_for("repoeval", "function", both_sides=True, layout="native")
    assert (infill.new_tokens, infill.right_tokens, infill.context_tokens) == (256, 512, 512)


def test_the_infill_variant_moves_the_indentation_to_the_prompt() -> None:
    after = "".join(f"line {n}\n" for n in range(80))
    changed = as_infill(task(truth="    return 1\n    # two", suffix="\n" + after))
    assert changed.prefix.endswith("def f():\n    ")
    assert changed.truth == "return 1\n    # two"
    assert changed.column == 4
    assert changed.suffix == "\n" + "".join(f"line {n}\n" for n in range(49))


def test_infill_shows_what_follows_in_the_published_layout() -> None:
    protocol = protocol_for("repoeval", "line", both_sides=True, layout="published")
    prompt = build(protocol, as_infill(task(suffix="\n    after()\n")), HITS, FakeGenerator(n_ctx=8192))
    assert prompt.text.startswith("<|fim_prefix|># Here are")
    assert prompt.text.endswith("<|fim_suffix|>\n    after()\n<|fim_middle|>")
    assert prompt.suffix_tokens == len("\n    after()\n")


def test_what_the_prompt_cannot_show_of_the_file_may_be_retrieved() -> None:
    lines = "".join(
        f"name_{n:04d} = {n:04d}\n" for n in range(500)
    )  # 17 tokens each of the tokenizer by bytes
    protocol = published()
    first = context_start_line(task(lines), protocol, FakeGenerator().tokenize_many)
    assert first == 501 - protocol.prompt_tokens // 17
    assert context_start_line(task("a = 1\n"), protocol, FakeGenerator().tokenize_many) == 1
    cut = task("a = 1\n" * 9, context_start_line=4)
    assert context_start_line(cut, protocol, FakeGenerator().tokenize_many) == 4
