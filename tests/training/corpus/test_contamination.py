"""What the benchmarks hold is found in the corpus, by name and by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocoder.errors import UsageError
from tests.training.corpus.conftest import function
from training.corpus import contamination
from training.corpus.benchmarks import benchmark_files, benchmark_folder, repositories, texts_of
from training.corpus.catalogue import Package
from training.corpus.contamination import MAX_PASSAGES, index_benchmarks, index_texts
from training.corpus.fingerprint import code_of, passages
from training.corpus.names import BenchmarkNames


def test_without_the_benchmarks_it_refuses_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for value in ("", str(tmp_path), str(tmp_path / "none")):
        monkeypatch.setenv("REPOCODER_BENCHMARKS", value)
        with pytest.raises(
            UsageError, match="set REPOCODER_BENCHMARKS to the folder that holds repoeval/"
        ) as caught:
            benchmark_folder()
        assert "\n" not in str(caught.value)


def test_every_file_of_the_benchmarks_is_read(benchmarks: Path) -> None:
    files = benchmark_files(benchmark_folder())
    assert [file.path for file in files] == [
        "crosscodeeval/python/line_completion.jsonl.xz",
        "crosscodeeval/python/repositories.tar.xz",
        "repoeval/datasets/function.test.jsonl.gz",
        "repoeval/repositories/function_level.tar.xz",
    ]
    texts = [text for file in files for text in texts_of(benchmarks, file)]
    for name, seed in (("trainer", 3), ("parcel", 5), ("thing", 6), ("prompt", 7), ("truth", 9)):
        assert any(function(name, seed) in text for text in texts), name


def test_a_copy_without_tasks_or_without_repositories_is_refused(benchmarks: Path) -> None:
    for path in benchmarks.rglob("*.jsonl.*"):
        path.unlink()
    with pytest.raises(UsageError, match=r"no \*\.jsonl\* file: set REPOCODER_BENCHMARKS to a complete copy"):
        benchmark_files(benchmarks)


@pytest.mark.parametrize(("name", "seed"), [("trainer", 3), ("parcel", 5), ("prompt", 7), ("truth", 9)])
def test_a_passage_of_a_benchmark_is_found_in_another_layout(
    benchmarks: Path, tmp_path: Path, name: str, seed: int
) -> None:
    index = index_benchmarks(benchmarks, benchmark_files(benchmarks), tmp_path)
    taken = function(name, seed).replace("    ", "\t# kept\n\t")
    text = function("own", 1) + "\n\n# mine\n" + taken + function("own", 2)
    assert index.overlap(passages(code_of(text))) > MAX_PASSAGES
    assert index.overlap(passages(code_of(function("own", 1) + function("own", 2)))) == 0


def test_a_few_equal_lines_are_no_contamination() -> None:
    idiom = (
        'if __name__ == "__main__":\n    basicConfig(level=logging.INFO)\n    sys.exit(main(sys.argv[1:]))\n'
    )
    index = index_texts([function("theirs", 1) + idiom])
    assert index.overlap(passages(code_of(function("ours", 2) + idiom))) <= MAX_PASSAGES


def test_the_index_is_kept_until_a_file_changes(
    benchmarks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = benchmark_files(benchmarks)
    first = index_benchmarks(benchmarks, files, tmp_path)
    read = []
    monkeypatch.setattr(contamination, "texts_of", lambda folder, file: read.append(file.path) or iter(["x"]))
    assert index_benchmarks(benchmarks, files, tmp_path).passages.tolist() == first.passages.tolist()
    assert read == []
    (kept,) = tmp_path.glob("benchmarks-*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    index_benchmarks(benchmarks, files, tmp_path)
    assert len(read) == len(files)


def test_repositories_of_both_benchmarks_are_known_by_owner_and_name(benchmarks: Path) -> None:
    known = repositories(benchmarks)
    assert "someone/tidy-parcels" in known
    assert "some-owner-other-thing" in known  # nobody says where the owner ends
    assert {"CarperAI/trlx", "huggingface/evaluate", "pytorch/rl"} <= set(known)


@pytest.mark.parametrize(
    ("name", "repository", "modules", "what"),
    [
        ("trlx", "", (), "distribution"),
        ("Tidy_Parcels", "", (), "distribution"),
        ("boxes", "someone/tidy-parcels", (), "repository"),
        ("boxes", "a-fork/Tidy.Parcels", (), "repository"),
        ("boxes", "another/boxes", ("boxes", "tidy_parcels"), "module"),
        ("owner-other-thing", "", (), "distribution"),
        ("torchrl", "", (), "distribution"),
    ],
)
def test_a_repository_a_fork_and_a_copy_are_found_by_name(
    benchmarks: Path, name: str, repository: str, modules: tuple[str, ...], what: str
) -> None:
    names = BenchmarkNames(repositories(benchmarks))
    package = Package(name, "1", "MIT", "wheel", "0" * 64, repository=repository)
    assert what in [match.what for match in names.matches(package, modules)]


def test_other_names_are_no_match(benchmarks: Path) -> None:
    names = BenchmarkNames(repositories(benchmarks))
    package = Package("parcels", "1", "MIT", "wheel", "0" * 64, repository="someone/parcels")
    assert names.matches(package, ("parcels", "tidy")) == []
