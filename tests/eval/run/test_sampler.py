"""One record holds all that a number can be traced to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.run.sampler import Sampler, SamplerOptions
from eval.types import RunConfig, Task
from repocoder.errors import UsageError
from repocoder.llm.fake import FakeGenerator

HELPER = "def scale(values, width):\n    '''Scale values to a width.'''\n    return values * width\n"
PREFIX = "from helper import scale\n\n\ndef area(values, width):\n"
TRUTH = "    return scale(values, width)"
TASK = Task(
    "toy/0", "repoeval-line", "line", "python", "toy", "main.py", PREFIX, TRUTH, "\n", 5, 0, "resampled"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "toy"
    root.mkdir()
    (root / "helper.py").write_text(HELPER)
    (root / "main.py").write_text(PREFIX + TRUTH + "\n")
    return root


def sample(folder: Path, answer: str, method: str, model: str = "fake", **config: Any) -> dict[str, Any]:
    options = SamplerOptions({"toy": str(folder)}, indexes=str(folder.parent / "index"))
    chosen = RunConfig(TASK.benchmark, method, model=model, **config)
    sampler = Sampler(chosen, options, FakeGenerator(answer, n_ctx=8192, logprob=-0.5))
    try:
        record: dict[str, Any] = json.loads(json.dumps(sampler.sample(TASK)))
        return record
    finally:
        sampler.close()


def test_a_right_completion_scores_100_and_a_wrong_one_less(folder: Path) -> None:
    right, wrong = (sample(folder, text, "hybrid") for text in (TRUTH + "\n", "    return values\n"))
    assert right["scores"]["exact_match"] == right["scores"]["edit_similarity_levenshtein"] == 100
    assert wrong["scores"]["exact_match"] == 0 < wrong["scores"]["edit_similarity_levenshtein"] < 100
    assert right["scores"]["undefined_name_rate"] == 0


def test_an_unknown_name_is_counted(folder: Path) -> None:
    assert (
        sample(folder, "    return skale(values, width)\n", "hybrid")["scores"]["undefined_name_rate"] == 100
    )


def test_the_record_explains_the_numbers(folder: Path) -> None:
    record = sample(folder, TRUTH, "hybrid")
    (only,) = record["passes"]
    assert record["gate"]["retrieve"] is True
    (hit,) = [hit for hit in only["hits"] if hit["in_prompt"]]
    assert (hit["path"], hit["evidence"][0]["source"]) == ("helper.py", "definitions")
    assert "def scale" in hit["text"]
    assert "def scale" in only["prompt"]
    assert only["prompt"].endswith(PREFIX)
    assert only["prompt_tokens"] == len(only["prompt"].encode())  # a token a byte
    assert (only["truth_tokens"], only["truth_log_likelihood"]) == (len(TRUTH), -0.5 * len(TRUTH))
    assert {"gold_definition_hit", "identifier_coverage", "context_tokens"} <= only["scores"].keys()
    assert record["timings"]["total_ms"] >= record["timings"]["retrieve_ms"]


def test_in_file_shows_nothing_of_other_files(folder: Path) -> None:
    (only,) = sample(folder, TRUTH, "in-file")["passes"]
    assert (only["prompt"], only["hits"], only["context_tokens"]) == (PREFIX, [], 0)


def test_each_pass_is_kept_with_its_scores(folder: Path) -> None:
    record = sample(folder, "    return values\n", "repocoder", passes=3)
    assert [one["number"] for one in record["passes"]] == [1, 2, 3]
    assert record["scores"] == record["passes"][-1]["scores"]


def test_without_a_draft_there_is_no_second_pass(folder: Path) -> None:
    assert len(sample(folder, "", "repocoder", passes=3)["passes"]) == 1


def test_retrieval_alone_runs_no_model(folder: Path) -> None:
    (only,) = sample(folder, TRUTH, "hybrid", model="")["passes"]
    assert only["prediction"] is None
    assert only["prompt_tokens"] == 0 < only["context_tokens"]
    assert "exact_match" not in only["scores"]


def test_without_a_model_the_layout_of_the_product_can_be_counted_too(folder: Path) -> None:
    shown = {
        layout: sample(folder, TRUTH, "hybrid", model="", layout=layout)["passes"][0]
        for layout in ("published", "native")
    }
    assert "# def scale" in shown["published"]["prompt"]
    native = shown["native"]["prompt"]
    assert native.startswith("helper.py\ndef scale")
    assert shown["native"]["context_tokens"] < shown["published"]["context_tokens"]
    assert (
        shown["native"]["scores"]["identifier_coverage"]
        == shown["published"]["scores"]["identifier_coverage"]
    )


def test_the_engine_is_the_product(folder: Path) -> None:
    record = sample(folder, TRUTH + "\n\n\ndef more():\n    pass\n", "engine", passes=2)
    assert record["passes"][0]["prediction"] == TRUTH  # its own stop rules end with the function
    assert record["scores"]["exact_match"] == 100


@pytest.mark.parametrize("method", ["hybrid", "engine"])
def test_the_gate_can_be_chosen_and_says_what_it_did(folder: Path, method: str) -> None:
    free, always, logistic = (
        sample(folder, TRUTH, method, gate=gate)["gate"] for gate in ("free", "always", "logistic")
    )
    assert free["retrieve"] and free["features"]["definitions"] == 1 and "defines" in free["reason"]
    assert always["retrieve"] and always["reason"] == "retrieval is always on"
    assert logistic["retrieve"] and logistic["reason"].startswith("there are no weights for this model")


def test_both_sides_are_shown_where_the_protocol_says_so(folder: Path) -> None:
    record = sample(folder, TRUTH.strip(), "in-file", context="both", layout="native")
    assert record["truth"] == TRUTH.strip()
    assert "<|fim_suffix|>" in record["passes"][0]["prompt"]


def test_texts_can_be_left_out(folder: Path) -> None:
    options = SamplerOptions({"toy": str(folder)}, indexes=str(folder.parent / "index"), keep_prompts=False)
    sampler = Sampler(RunConfig(TASK.benchmark, "hybrid", model="fake"), options, FakeGenerator(TRUTH))
    (only,) = sampler.sample(TASK)["passes"]
    sampler.close()
    assert only["prompt"] is None
    assert all("text" not in hit for hit in only["hits"])


def test_a_method_that_needs_sources_says_so() -> None:
    sampler = Sampler(RunConfig(TASK.benchmark, "hybrid", model="fake"), SamplerOptions(), FakeGenerator())
    with pytest.raises(UsageError, match="no sources: toy: hybrid needs the repository"):
        sampler.sample(TASK)
