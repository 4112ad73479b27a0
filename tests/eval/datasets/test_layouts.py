"""The official layouts, on small copies; what is missing or malformed is named in one line."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import NAMES, load, target_text
from repocoder.errors import StorageError, UsageError

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Make = Callable[..., dict[str, Any]]

LINE_FILE = "line_level_completion_2k_context_codex.test.jsonl"


@pytest.fixture
def repocoder_copy(tmp_path: Path, cache: Path, write_lines: Writer, line_record: Make, module: str) -> Path:
    """As a clone of the authors' repository with its archives unpacked."""
    root = tmp_path / "RepoCoder"
    write_lines(root / "datasets" / LINE_FILE, [line_record(0), line_record(1)])
    source = root / "repositories" / "line_and_api_level" / "own_repo" / "pkg" / "module.py"
    source.parent.mkdir(parents=True)
    source.write_text(module, encoding="utf-8")
    return root


def with_chunks(record: dict[str, Any], *scores: float) -> dict[str, Any]:
    chunks = [{"retrieved_chunk": f"c{score}", "filename": "b.py", "score": score} for score in scores]
    return record | {"crossfile_context": {"text": "# …", "list": chunks}}


@pytest.fixture
def cceval_copy(tmp_path: Path, cache: Path, write_lines: Writer, statement_record: Make) -> Path:
    """As the authors' archive unpacks."""
    root = tmp_path / "data" / "crosscodeeval_data"
    records = [statement_record(4), statement_record(2)]
    write_lines(root / "python" / "line_completion.jsonl", records)
    swapped = [with_chunks(records[1], 1.0), with_chunks(records[0], 3.0, 5.0)]
    write_lines(root / "python" / "line_completion_rg1_bm25.jsonl", swapped)
    write_lines(
        root / "python" / "line_completion_oracle_bm25.jsonl", [records[0] | {"crossfile_context": ""}]
    )
    return root


def test_repoeval_from_the_official_layout(repocoder_copy: Path, module: str) -> None:
    for data in (repocoder_copy, repocoder_copy.parent):
        benchmark = load("repoeval-line", data)
        task = benchmark.tasks[0]
        assert (task.id, task.origin, task.kind) == ("own_repo/0", "official", "line")
        assert (task.line, task.column, task.context_start_line) == (9, 0, 4)
        assert task.prefix + task.truth + task.suffix == module  # the whole file, though the prompt is cut
        assert target_text(benchmark.sources.folder("own_repo"), task) == module
        assert benchmark.notes == ("official: 2 of the 1600 published tasks, 1 of 8 repositories",)


def test_the_published_list_goes_before_a_resampled_one(
    repocoder_copy: Path, write_lines: Writer, line_record: Make
) -> None:
    resampled = repocoder_copy / "datasets" / "line_level_completion.resampled.test.jsonl.xz"
    write_lines(resampled, [line_record(7)])
    assert {task.origin for task in load("repoeval-line", repocoder_copy).tasks} == {"official"}
    (repocoder_copy / "datasets" / LINE_FILE).unlink()
    assert [(task.id, task.origin) for task in load("repoeval-line", repocoder_copy).tasks] == [
        ("own_repo/7", "resampled")
    ]


def test_repoeval_from_the_archives_of_a_clone(repocoder_copy: Path, module: str) -> None:
    for folder, archive in (
        ("datasets", "datasets"),
        ("repositories/line_and_api_level", "line_and_api_level"),
    ):
        source = repocoder_copy / folder
        bundle = shutil.make_archive(str(repocoder_copy.parent / archive), "zip", source)
        shutil.rmtree(source)
        source.parent.mkdir(exist_ok=True)
        place = source if folder == "datasets" else source.parent
        place.mkdir(exist_ok=True)
        shutil.move(bundle, place)
    benchmark = load("repoeval-line", repocoder_copy)
    assert len(benchmark.tasks) == 2
    assert target_text(benchmark.sources.folder("own_repo"), benchmark.tasks[0]) == module


@pytest.mark.parametrize("inner", ["function_level/", ""])
def test_function_tasks_from_a_zip_of_repositories(
    tmp_path: Path, cache: Path, write_lines: Writer, line_record: Make, module: str, inner: str
) -> None:
    record = line_record(0, task_id="own--repo/idx", function_name="second", lineno=8, line_no=None)
    record["metadata"]["ground_truth"] += "\n"
    name = "function_level_completion_2k_context_codex.test.jsonl"
    write_lines(tmp_path / "datasets" / name, [record, record])
    (tmp_path / "repositories").mkdir()
    with zipfile.ZipFile(tmp_path / "repositories" / "function_level.zip", "w") as bundle:
        bundle.writestr(f"{inner}own_repo/pkg/module.py", module)
    tasks = load("repoeval-function", tmp_path).tasks
    assert [task.id for task in tasks] == ["own_repo/0", "own_repo/1"]
    assert (tasks[0].function, tasks[0].kind, tasks[0].truth) == (
        "second",
        "function",
        "    return first(path)\n",
    )
    assert tasks[0].suffix == ""


def test_tasks_without_sources_stay_and_are_counted(repocoder_copy: Path) -> None:
    shutil.rmtree(repocoder_copy / "repositories")
    benchmark = load("repoeval-line", repocoder_copy)
    task = benchmark.tasks[0]
    assert task.prefix == "def first(path):\n    return os.path.join(path, 'a')\n\n\ndef second(path):\n"
    assert (task.line, task.suffix) == (9, "")
    assert "no sources for 2 tasks (own_repo 2)" in benchmark.notes[1]
    with pytest.raises(UsageError, match=r"no sources of own_repo: get it with `repocoder eval fetch`"):
        benchmark.sources.folder("own_repo")


def test_another_state_of_the_file_is_noticed(repocoder_copy: Path, module: str) -> None:
    source = repocoder_copy / "repositories" / "line_and_api_level" / "own_repo" / "pkg" / "module.py"
    source.write_text(module.replace("'a'", "'b'"), encoding="utf-8")
    benchmark = load("repoeval-line", repocoder_copy)
    assert "'b'" in benchmark.tasks[0].prefix
    assert "2 tasks (own_repo/0, own_repo/1): the published prompt differs" in benchmark.notes[1]
    source.write_text(f"\n{module}", encoding="utf-8")
    benchmark = load("repoeval-line", repocoder_copy)
    assert benchmark.tasks[0].prefix.startswith("def first")  # the published prompt
    assert "2 tasks (own_repo/0, own_repo/1): the truth is not at its line" in benchmark.notes[1]


@pytest.mark.parametrize("ends", ["\r\n", "\n", "bom"])
def test_bytes_of_the_file_are_kept(repocoder_copy: Path, module: str, ends: str) -> None:
    source = repocoder_copy / "repositories" / "line_and_api_level" / "own_repo" / "pkg" / "module.py"
    text = module if ends == "bom" else module.replace("\n", ends)
    source.write_bytes((b"\xef\xbb\xbf" if ends == "bom" else b"") + text.encode())
    benchmark = load("repoeval-line", repocoder_copy)
    task = benchmark.tasks[0]
    assert task.prefix + task.truth + task.suffix == text
    assert target_text(benchmark.sources.folder("own_repo"), task) == text
    assert task.truth == "    return first(path)"
    assert len(benchmark.notes) == 1


def test_lines_are_also_counted_at_form_feeds(
    repocoder_copy: Path, module: str, write_lines: Writer, line_record: Make
) -> None:
    source = repocoder_copy / "repositories" / "line_and_api_level" / "own_repo" / "pkg" / "module.py"
    source.write_text(f"\f{module}", encoding="utf-8")
    write_lines(repocoder_copy / "datasets" / LINE_FILE, [line_record(0, line_no=9)])
    task = load("repoeval-line", repocoder_copy).tasks[0]
    assert task.prefix + task.truth + task.suffix == f"\f{module}"
    assert task.line == task.prefix.count("\n") + 1


def test_crosscodeeval_from_the_official_layout(cceval_copy: Path, module: str) -> None:
    folders = (cceval_copy.parent.parent, cceval_copy.parent, cceval_copy, cceval_copy / "python")
    for data in folders:
        benchmark = load("crosscodeeval-python", data)
        first, second = benchmark.tasks
        assert (first.id, second.id) == ("project_cc_python/4", "project_cc_python/2")
        assert first.prefix + first.truth + first.suffix == module
        assert (first.line, first.column, first.origin) == (9, 11, "official")
        assert [(chunk.text, chunk.score) for chunk in first.published["bm25"]] == [
            ("c5.0", 5.0),
            ("c3.0", 3.0),
        ]
        assert second.published["bm25"][0].text == "c1.0"
        assert first.published["bm25-oracle"] == ()
        assert "bm25-oracle" not in second.published
        assert benchmark.notes[0] == "official: 2 of the 2665 published tasks"
        assert "bm25-oracle: official, for 1 of 2 tasks" in benchmark.notes[2]
        assert "no source repositories" in benchmark.notes[3]
        with pytest.raises(UsageError, match=r"own-repo-1234567: the official CrossCodeEval has none"):
            benchmark.sources.folder("own-repo-1234567")


def test_crosscodeeval_from_the_archive_of_a_clone(cceval_copy: Path, tmp_path: Path) -> None:
    clone = tmp_path / "cceval"
    (clone / "data").mkdir(parents=True)
    with tarfile.open(clone / "data" / "crosscodeeval_data.tar.xz", "w:xz") as bundle:
        bundle.add(cceval_copy, "crosscodeeval_data")
    assert load("crosscodeeval-python", clone).tasks == load("crosscodeeval-python", cceval_copy).tasks
    with pytest.raises(UsageError, match="crosscodeeval-java: not in"):
        load("crosscodeeval-java", clone)


def test_repeated_identifiers_stay_apart(
    cceval_copy: Path, write_lines: Writer, statement_record: Make
) -> None:
    write_lines(cceval_copy / "python" / "line_completion.jsonl", [statement_record(4), statement_record(4)])
    tasks = load("crosscodeeval-python", cceval_copy).tasks
    assert [task.id for task in tasks] == ["project_cc_python/4", "project_cc_python/4#2"]


def test_packed_files_are_read(cceval_copy: Path) -> None:
    plain = cceval_copy / "python" / "line_completion.jsonl"
    tasks = load("crosscodeeval-python", cceval_copy).tasks
    plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert load("crosscodeeval-python", cceval_copy).tasks == tasks


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Input data was truncated"),
        ('{"prompt": "a"}', "line 2: Object missing required field `groundtruth`"),
        ("[1]", "line 2: Expected `object`, got `array`"),
        (
            '{"prompt": 1, "groundtruth": "", "right_context": "", "metadata": {}}',
            r"line 2: Expected `str`, got `int` - at `\$.prompt`",
        ),
        (b'{"prompt": "\xff"}', "line 2: "),
    ],
)
def test_a_malformed_line_is_named(cceval_copy: Path, line: str | bytes, message: str) -> None:
    path = cceval_copy / "python" / "line_completion.jsonl"
    first = path.read_bytes().split(b"\n")[0]
    path.write_bytes(first + b"\n" + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(UsageError, match=message) as caught:
        load("crosscodeeval-python", cceval_copy)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_and_damaged_files_are_named(cceval_copy: Path) -> None:
    path = cceval_copy / "python" / "line_completion.jsonl"
    data = path.read_bytes()
    path.write_bytes(b"\n")
    with pytest.raises(UsageError, match="holds no task"):
        load("crosscodeeval-python", cceval_copy)
    path.unlink()
    for packing, packed in (
        (".gz", gzip.compress(data)[:-12]),
        (".xz", b"\xfd7zXZ"),
        (".xz", b"nothing packed"),
    ):
        damaged = path.with_name(f"{path.name}{packing}")
        damaged.write_bytes(packed)
        with pytest.raises(UsageError, match="damaged"):
            load("crosscodeeval-python", cceval_copy)
        damaged.unlink()


@pytest.mark.parametrize("name", ["../own_repo", "/etc", "..", "", "a\0b"])
def test_names_that_lead_outside_are_refused(
    repocoder_copy: Path,
    cceval_copy: Path,
    write_lines: Writer,
    line_record: Make,
    statement_record: Make,
    name: str,
) -> None:
    path = repocoder_copy / "datasets" / LINE_FILE
    write_lines(path, [line_record(0), line_record(1, fpath_tuple=["own_repo", name, "module.py"])])
    with pytest.raises(UsageError, match="task 2: a path that leads outside"):
        load("repoeval-line", repocoder_copy)
    for field in ("repository", "file"):
        write_lines(cceval_copy / "python" / "line_completion.jsonl", [statement_record(0, **{field: name})])
        with pytest.raises(UsageError, match="task 1: a path that leads outside"):
            load("crosscodeeval-python", cceval_copy)
    sources = load("repoeval-function", _function_copy(repocoder_copy, write_lines, line_record)).sources
    with pytest.raises(UsageError, match="no sources of"):
        sources.folder(name)


def _function_copy(root: Path, write_lines: Writer, line_record: Make) -> Path:
    name = "function_level_completion_2k_context_codex.test.jsonl"
    write_lines(root / "datasets" / name, [line_record(0)])
    return root


@pytest.mark.parametrize(
    "changes",
    [{"fpath_tuple": ["own_repo"]}, {"line_no": None}, {"line_no": -1}, {"context_start_lineno": -1}],
)
def test_a_task_without_a_position_is_refused(
    repocoder_copy: Path, write_lines: Writer, line_record: Make, changes: dict[str, Any]
) -> None:
    write_lines(repocoder_copy / "datasets" / LINE_FILE, [line_record(0, **changes)])
    with pytest.raises(UsageError, match="task 1: no file, or no line of it"):
        load("repoeval-line", repocoder_copy)


def test_missing_data_says_what_to_do(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = r"get it with `repocoder eval fetch`, or name a copy with --data DIR"
    with pytest.raises(UsageError, match=rf"benchmarks: {cache}: no such folder: {advice}"):
        load("repoeval-line")
    monkeypatch.setenv("REPOCODER_BENCHMARKS", str(tmp_path / "none"))
    with pytest.raises(
        UsageError, match=rf"data \(from REPOCODER_BENCHMARKS\): .*none: no such folder: {advice}"
    ):
        load("repoeval-line")
    for name in NAMES:
        with pytest.raises(UsageError, match=rf"benchmark: {name}: not in {tmp_path}: {advice}"):
            load(name, tmp_path)
    with pytest.raises(UsageError, match="benchmark: humaneval: no such one: choose one of repoeval-line, "):
        load("humaneval", tmp_path)


def test_the_environment_names_the_data_and_then_the_cache(
    repocoder_copy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(repocoder_copy, cache / "repoeval")
    from_cache = load("repoeval-line")
    assert from_cache.sources.folder("own_repo").is_relative_to(cache)
    monkeypatch.setenv("REPOCODER_BENCHMARKS", str(repocoder_copy))
    assert load("repoeval-line").sources.folder("own_repo").is_relative_to(repocoder_copy)
    assert load("repoeval-line").tasks == from_cache.tasks


def test_sources_that_are_not_text_are_named(repocoder_copy: Path) -> None:
    source = repocoder_copy / "repositories" / "line_and_api_level" / "own_repo" / "pkg" / "module.py"
    source.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        load("repoeval-line", repocoder_copy)
    source.unlink()
    with pytest.raises(UsageError, match="not in the sources"):
        load("repoeval-line", repocoder_copy)
    source.mkdir()
    with pytest.raises(StorageError, match="check that it can be read"):
        load("repoeval-line", repocoder_copy)


def test_records_are_read_as_they_are_written(cceval_copy: Path) -> None:
    path = cceval_copy / "python" / "line_completion.jsonl"
    record = json.loads(path.read_text(encoding="utf-8").split("\n")[0])
    record["prompt"], record["groundtruth"] = "\ufeffa = '\u2028é\U0001f600'\nb\t= ", "c\r\n  .d()"
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    task = load("crosscodeeval-python", cceval_copy).tasks[0]
    assert task.prefix == "a = '\u2028é\U0001f600'\nb\t= "  # without the byte order mark
    assert (task.line, task.column, task.truth) == (2, 4, "c\r\n  .d()")
