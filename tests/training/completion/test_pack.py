"""Packed samples against the prompts that the product builds."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest

from repocoder.errors import ModelError
from repocoder.llm.fake import CONTROL_TOKENS
from repocoder.prompt import PromptBudget, build_prompt
from retrieval.types import Query
from training.completion import pack as module
from training.completion.data import CONTEXT, FILE, HOLE, read_shard
from training.completion.pack import KINDS, Lengths, Packed, pack_plain, pack_sample
from training.completion.records import Sample, Snippet, Source, write_samples
from training.completion.tokenizer import train_tokenizer
from training.completion.vocabulary import Vocabulary

CODE = Path(module.__file__).read_text()
PATHS = frozenset({"board/paint.py", "board/shapes.py", "board/lines.py"})
SAMPLE = Sample(
    "board",
    "board/paint.py",
    "python",
    "call",
    9,
    "def paint(sides):\n    for side in sides:\n        total += ",
    "shape.area(rounded=True)",
    "\n    return total\n",
    (
        Snippet("board/lines.py", "total += line.area(rounded=False)\n", 30, is_definition=False),
        Snippet("board/shapes.py", "class Shape:\n    def area(self, rounded): ...\n", 4, is_definition=True),
    ),
    gate=True,
    names=("area",),
    seen=1,
)
LONG = Lengths(1000, 1000, 1000)


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer([CODE], 600).save(str(place))
    return place


@pytest.fixture
def vocabulary(tokenizer: Path) -> Vocabulary:
    return Vocabulary(tokenizer)


def forms(sample: Sample, vocabulary: Vocabulary, lengths: Lengths = LONG, count: int = 60) -> list[Packed]:
    found = (pack_sample(sample, vocabulary, random.Random(seed), lengths, PATHS) for seed in range(count))
    return [packed for packed in found if packed is not None]


def test_most_are_the_prompt_of_the_product_and_the_hole_behind_it(vocabulary: Vocabulary) -> None:
    query = Query(SAMPLE.path, "python", 9, 0, SAMPLE.prefix, SAMPLE.suffix, "", ())
    hits = [snippet.as_hit("python") for snippet in SAMPLE.hits]
    hole = [*vocabulary.tokenize(SAMPLE.hole), 0]
    budget = PromptBudget.for_model(1 << 16, 0, wanted=1000 - len(hole))
    prompt = build_prompt(query, hits, vocabulary, budget=budget, repo_name="board")
    found = forms(SAMPLE, vocabulary, count=200)
    same = sum(packed.ids == [*prompt.token_ids, *hole] for packed in found)
    assert same / 200 == pytest.approx(0.7 * 0.7 * 0.75, abs=0.1)


def test_both_orders_with_and_without_suffix_and_snippets(vocabulary: Vocabulary) -> None:
    definition = "<|file_sep|>board/shapes.py\nclass Shape:\n    def area(self, rounded): ...\n"
    snippets = f"{definition}<|file_sep|>board/lines.py\ntotal += line.area(rounded=False)\n"
    end = f"{SAMPLE.hole}<|endoftext|>"
    wanted = {
        f"{shown}<|file_sep|>board/paint.py\n<|fim_prefix|>{around}{end}"
        for shown in (snippets, "")
        for suffix in (SAMPLE.suffix, "")
        for around in (
            f"<|fim_suffix|>{suffix}<|fim_middle|>{SAMPLE.prefix}",
            f"{SAMPLE.prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
        )
    }
    assert {vocabulary.detokenize(packed.ids) for packed in forms(SAMPLE, vocabulary, count=200)} == wanted


def test_roles_tell_hole_file_and_the_rest(vocabulary: Vocabulary) -> None:
    for packed in forms(SAMPLE, vocabulary):
        parts = {
            role: vocabulary.detokenize(
                [one for one, its in zip(packed.ids, packed.roles, strict=True) if its == role]
            )
            for role in (CONTEXT, FILE, HOLE)
        }
        assert parts[HOLE] == SAMPLE.hole + "<|endoftext|>"
        assert parts[FILE] in {
            SAMPLE.suffix + SAMPLE.prefix, SAMPLE.prefix + SAMPLE.suffix, SAMPLE.prefix
        }  # fmt: skip
        assert "board/paint.py\n<|fim_prefix|>" in parts[CONTEXT]


def test_the_hole_is_tokenised_apart_from_the_prefix(vocabulary: Vocabulary) -> None:
    sample = msgspec.structs.replace(SAMPLE, prefix="value = vocab", hole="ulary.tokenize(text)", suffix="\n")
    hole = [*vocabulary.tokenize("ulary.tokenize(text)"), 0]
    assert vocabulary.tokenize("vocab") + hole[:-1] != vocabulary.tokenize("vocabulary.tokenize(text)")
    assert all(packed.ids[-len(hole) :] == hole for packed in forms(sample, vocabulary))


def test_no_sample_is_longer_than_drawn_and_a_long_hole_is_left_out(vocabulary: Vocabulary) -> None:
    sample = msgspec.structs.replace(SAMPLE, prefix=CODE[:6000], suffix=CODE[6000:8500])
    for packed in forms(sample, vocabulary, Lengths(192, 192, 192)):
        assert 120 < len(packed.ids) <= 192  # the prefix starts at a multiple of its stride
    assert forms(msgspec.structs.replace(SAMPLE, hole=CODE[:4000]), vocabulary) == []


def test_control_tokens_in_a_text_are_text(vocabulary: Vocabulary) -> None:
    sample = msgspec.structs.replace(SAMPLE, hole='print("<|fim_suffix|>")', suffix="<|file_sep|>\n")
    controls = set(range(len(CONTROL_TOKENS)))
    for packed in forms(sample, vocabulary, count=20):
        hole = [one for one, role in zip(packed.ids, packed.roles, strict=True) if role == HOLE]
        file = [one for one, role in zip(packed.ids, packed.roles, strict=True) if role == FILE]
        assert not controls & {*hole[:-1], *file}


def test_a_snippet_of_a_file_that_is_not_listed_is_left_out(vocabulary: Vocabulary) -> None:
    listed = frozenset({"board/paint.py", "board/shapes.py"})
    found = [pack_sample(SAMPLE, vocabulary, random.Random(seed), LONG, listed) for seed in range(20)]
    texts = [vocabulary.detokenize(packed.ids) for packed in found if packed is not None]
    assert any("board/shapes.py" in text for text in texts)
    assert not any("board/lines.py" in text for text in texts)


def test_what_the_gate_refused_is_not_shown(vocabulary: Vocabulary) -> None:
    refused = msgspec.structs.replace(SAMPLE, gate=False)
    assert not any("shapes.py" in vocabulary.detokenize(packed.ids) for packed in forms(refused, vocabulary))


def test_a_plain_sample_ends_where_its_file_does(vocabulary: Vocabulary) -> None:
    source = Source("board", "board/paint.py", "python", 0, "train")
    for seed in range(10):
        packed = pack_plain(source, "one = 1\ntwo = 2\n", vocabulary, random.Random(seed), 50)
        text = vocabulary.detokenize(packed.ids)
        assert text.startswith("<|file_sep|>board/paint.py\n") and text.endswith("two = 2\n<|endoftext|>")
        longer = pack_plain(source, CODE, vocabulary, random.Random(seed), 50)
        assert len(longer.ids) == 50 or longer.ids[-1] == 0


def test_shards_hold_all_samples_and_a_second_run_only_the_new_ones(tmp_path: Path, tokenizer: Path) -> None:
    listing = tmp_path / "corpus" / "files.jsonl"
    text = CODE.encode()
    place = tmp_path / "corpus" / "packages" / "board" / "board"
    place.mkdir(parents=True)
    (place / "paint.py").write_bytes(text)
    listing.write_bytes(msgspec.json.encode(Source("board", "board/paint.py", "python", len(text), "train")))
    gone = msgspec.structs.replace(SAMPLE, path="board/gone.py")
    arguments = [
        "--work",
        str(tmp_path),
        "--tokenizer",
        str(tokenizer),
        "--name",
        "tiny",
        "--shard-tokens",
        "3000",
    ]
    write_samples(tmp_path / "samples" / "train" / "board-1.jsonl.gz", [*[SAMPLE] * 100, gone])
    assert module.main(arguments) == 0
    folder = tmp_path / "packed" / "tiny"
    first = sorted(folder.glob("*.npz"))
    assert len(first) > 2
    assert 100 <= sum(len(read_shard(shard)) for shard in first) < 130  # with plain ones
    with np.load(first[0], allow_pickle=False) as arrays:
        assert arrays["ids"].dtype == np.uint16 and arrays["lengths"].dtype == np.int32
        assert arrays["lengths"].sum() == len(arrays["ids"]) == len(arrays["roles"])
        assert {KINDS[kind] for kind in arrays["kinds"]} <= {"call", "plain"}
    before = [shard.read_bytes() for shard in first]
    write_samples(tmp_path / "samples" / "train" / "board-2.jsonl.gz", [SAMPLE] * 10)
    assert module.main(arguments) == 0
    after = sorted(folder.glob("*.npz"))
    assert [shard.read_bytes() for shard in after[: len(first)]] == before
    assert 10 <= sum(len(read_shard(shard)) for shard in after[len(first) :]) < 16


def test_a_file_that_is_no_tokenizer_is_refused_in_one_line(tmp_path: Path) -> None:
    place = tmp_path / "tokenizer.json"
    place.write_text("{}")
    with pytest.raises(ModelError, match="name a tokenizer"):
        Vocabulary(place)
