"""The real task files and snapshots: counts, and every truth at its place."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest

from eval.datasets import NAMES, load, target_text
from eval.types import Benchmark
from repocoder.errors import UsageError

COUNTS = {
    "repoeval-line": 800,
    "repoeval-api": 800,
    "repoeval-function": 455,
    "crosscodeeval-python": 2665,
    "crosscodeeval-java": 2139,
    "crosscodeeval-typescript": 3355,
    "crosscodeeval-csharp": 1768,
}
WITHOUT_FILE = {
    "crosscodeeval-typescript": 240
}  # holes of .tsx files, of which the restored sources have none
ORIGINS = {
    "repoeval-line": {"resampled": 800},
    "repoeval-api": {"resampled": 800},
    "repoeval-function": {"official": 455},
    "crosscodeeval-python": {"official-copy": 197, "unique": 2083, "first-in-file": 279, "nearest-repo": 106},
    "crosscodeeval-java": {"unique": 1858, "first-in-file": 214, "nearest-repo": 13, "identical-fork": 54},
    "crosscodeeval-typescript": {
        "official-copy": 814,
        "unique": 2292,
        "first-in-file": 180,
        "nearest-repo": 25,
        "nearest-file": 29,
        "ambiguous": 15,
    },
    "crosscodeeval-csharp": {
        "official-copy": 10,
        "unique": 1718,
        "first-in-file": 33,
        "nearest-repo": 3,
        "ambiguous": 4,
    },
}
NOTES = {  # words that the notes must have
    "repoeval-line": ("resampled: 800 tasks of 4 repositories", "NOT the published list"),
    "repoeval-api": ("resampled: 800 tasks of 4 repositories", "NOT the published list"),
    "repoeval-function": (
        "455 of the 455",
        "373",
        # one line of this file is another one in the published prompts: `jnp.Device` for `jax.Array`
        "3 tasks (google_lightweight_mmm/59, google_lightweight_mmm/60, google_lightweight_mmm/61): "
        "the published prompt differs",
    ),
    "crosscodeeval-python": ("restored: 2665 of the 2665", "recomputed"),
    "crosscodeeval-java": ("restored: 2139 of the 2139", "recomputed"),
    "crosscodeeval-typescript": (
        "3355 of the 3356",
        "240 tasks are holes of .tsx files",
        "within 763 of the 3355 truths: a perfect prediction reaches 77.3 % exact match",
    ),
    "crosscodeeval-csharp": ("restored: 1768 of the 1768", "recomputed"),
}
PART = {  # a folder that holds a part of the data is enough
    "repoeval-api": "repoeval",
    "crosscodeeval-java": "crosscodeeval",
    "crosscodeeval-csharp": "crosscodeeval/csharp",
}


def check_texts(benchmark: Benchmark) -> Counter[str]:
    """Number of tasks whose file on disk is, or is not, prefix + truth + suffix."""
    found: Counter[str] = Counter()
    texts: dict[tuple[str, str], str | None] = {}
    for task in benchmark.tasks:
        key = (task.repository, task.path)
        if key not in texts:
            folder = benchmark.sources.folder(task.repository)
            texts[key] = target_text(folder, task) if (folder / task.path).is_file() else None
        if texts[key] is None:
            found["no file"] += 1
        else:
            found["same" if texts[key] == task.prefix + task.truth + task.suffix else "different"] += 1
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_task_is_read_and_stands_in_its_file(name: str, shared: Path) -> None:
    benchmark = load(name, shared / PART.get(name, ""))
    tasks = benchmark.tasks
    assert len(tasks) == COUNTS[name]
    assert len({task.id for task in tasks}) == len(tasks)
    assert Counter(task.origin for task in tasks) == ORIGINS[name]
    absent = WITHOUT_FILE.get(name, 0)
    assert check_texts(benchmark) == Counter({"same": len(tasks) - absent, "no file": absent})
    for task in tasks:
        before = task.prefix.split("\n")
        assert (task.line, task.column) == (len(before), len(before[-1]))
        assert task.truth.strip()
        assert "\r" not in task.prefix + task.truth + task.suffix
        assert not task.prefix.startswith("\ufeff")
        assert (task.benchmark, task.language) == (name, benchmark.language)
    for words in NOTES[name]:
        assert words in " ".join(benchmark.notes)
    if benchmark.family == "crosscodeeval":
        assert all(len(task.published["bm25"]) == 5 for task in tasks)
        assert all(len(task.published["bm25-oracle"]) == 5 for task in tasks)
    else:
        assert all(task.column == 0 and not task.published for task in tasks)


def test_function_tasks_are_numbered_in_each_repository(shared: Path) -> None:
    tasks = load("repoeval-function", shared / "repoeval").tasks  # a folder with this benchmark only
    counts = Counter(task.repository for task in tasks)
    assert counts == {
        "lucidrains_imagen-pytorch": 67,
        "deepmind_tracr": 146,
        "google_lightweight_mmm": 64,
        "amazon-science_patchcore-inspection": 32,
        "facebookresearch_omnivore": 22,
        "maxhumber_redframes": 42,
        "CarperAI_trlx": 46,
        "leopard-ai_betty": 36,
    }
    assert {task.id for task in tasks} == {
        f"{name}/{n}" for name, count in counts.items() for n in range(count)
    }
    first = tasks[0]
    assert (first.id, first.function, first.line) == ("CarperAI_trlx/0", "register_datapipeline", 20)
    assert f"def {first.function}(" in first.prefix
    cut = [task for task in tasks if task.context_start_line > 1]
    assert len(cut) > 100
    assert all(task.context_start_line <= task.line for task in cut)


def test_the_folder_of_another_language_is_refused(shared: Path) -> None:
    with pytest.raises(UsageError, match=r"task 1 is a hole of .*\.cs"):
        load("crosscodeeval-java", shared / "crosscodeeval" / "csharp")


def test_a_benchmark_can_be_sent_to_a_worker(shared: Path) -> None:
    benchmark = load("repoeval-function", shared)
    copy = pickle.loads(pickle.dumps(benchmark))
    assert copy == benchmark
    assert copy.sources.folder("deepmind_tracr").is_dir()


@pytest.mark.parametrize(
    ("language", "sample", "count"),
    [
        ("python", "official_sample_100.jsonl.gz", 100),
        ("csharp", "head10_line_completion_rg1_bm25.jsonl.gz", 10),
    ],
)
def test_official_records_are_read(
    shared: Path, tmp_path: Path, cache: Path, language: str, sample: str, count: int
) -> None:
    data = (shared / "crosscodeeval" / language / sample).read_bytes()
    for name in ("line_completion.jsonl.gz", "line_completion_rg1_bm25.jsonl.gz"):
        (tmp_path / name).write_bytes(data)
    benchmark = load(f"crosscodeeval-{language}", tmp_path)
    assert len({task.id for task in benchmark.tasks}) == count
    assert {task.origin for task in benchmark.tasks} == {"official"}
    for task in benchmark.tasks:
        scores = [chunk.score for chunk in task.published["bm25"]]
        assert 1 <= len(scores) <= 5
        assert scores == sorted(scores, reverse=True)
    assert f"chunks of bm25: official, for {count} of {count} tasks" in benchmark.notes
