from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from eval.mining import MineOptions, mine
from eval.mining.candidates import COMMON_NAMES
from eval.mining.sources import is_aside
from eval.types import Task
from repocoder.errors import UsageError


def whole(task: Task) -> str:
    return task.prefix + task.truth + task.suffix


def test_tasks_are_balanced_whole_lines_of_their_files(repository: Path) -> None:
    benchmark = mine(repository, MineOptions(tasks=18))
    assert (benchmark.name, benchmark.family, benchmark.language) == ("mined-boxes", "mined", "python")
    assert Counter(task.kind for task in benchmark.tasks) == {"line": 6, "api": 6, "function": 6}
    assert benchmark.sources.folder("boxes") == repository.resolve()
    for task in benchmark.tasks:
        text = (repository / task.path).read_text()
        lines = text.split("\n")
        assert whole(task) == text
        assert task.prefix.endswith("\n")
        assert task.line == task.prefix.count("\n") + 1 > 1
        assert (
            task.truth.rstrip("\n").split("\n")
            == lines[task.line - 1 :][: task.truth.rstrip("\n").count("\n") + 1]
        )
        assert task.truth.endswith("\n") == (task.kind == "function")
        assert task.origin == "mined"
        assert (task.function != "") == (task.kind == "function")
    assert len({task.id for task in benchmark.tasks}) == 18


def test_the_same_seed_gives_the_same_tasks(repository: Path) -> None:
    first = mine(repository, MineOptions(tasks=12))
    assert mine(repository, MineOptions(tasks=12)).tasks == first.tasks
    assert mine(repository, MineOptions(tasks=12, seed=1)).tasks != first.tasks


def test_rules_of_lines_and_calls(repository: Path) -> None:
    (repository / "package" / "more.py").write_text(
        "first = line_of(the, file, never)\n# comment of several words here\nx = 1\n\n"
        "item = unknown_name(a, b, c)\nitem = stranger.get(a, b, c)\n"
        "def get(x):\n    pass\n"
    )
    tasks = mine(repository, MineOptions(tasks=10_000)).tasks
    more = [(task.kind, task.truth) for task in tasks if task.path == "package/more.py"]
    assert ("line", "item = unknown_name(a, b, c)") in more
    assert ("line", "item = stranger.get(a, b, c)") in more
    assert [truth for kind, truth in more if kind == "api"] == []
    texts = {truth for _, truth in more}
    assert texts.isdisjoint({"first = line_of(the, file, never)", "# comment of several words here", "x = 1"})
    assert "get" in COMMON_NAMES


def test_no_two_of_a_kind_are_alike(repository: Path) -> None:
    for number in range(3):
        (repository / "package" / f"copy_{number}.py").write_text(
            (repository / "package/module_0.py").read_text()
        )
    tasks = mine(repository, MineOptions(tasks=10_000)).tasks
    for kind in ("line", "api", "function"):
        texts = [
            "\n".join(line.strip() for line in task.truth.strip().split("\n"))
            for task in tasks
            if task.kind == kind
        ]
        assert len(texts) == len(set(texts)) > 10


def test_functions_that_tests_name_come_first(repository: Path) -> None:
    assert [t.function for t in mine(repository, MineOptions(tasks=3)).tasks if t.kind == "function"] == [
        "fill_box_0"
    ]


def test_tests_are_used_only_where_there_is_nothing_else(repository: Path, tmp_path: Path) -> None:
    assert all(task.path.startswith("package/") for task in mine(repository, MineOptions(tasks=10_000)).tasks)
    only = tmp_path / "only"
    (only / "tests").mkdir(parents=True)
    (only / "tests" / "test_a.py").write_text((repository / "package/module_0.py").read_text())
    benchmark = mine(only)
    assert {task.path for task in benchmark.tasks} == {"tests/test_a.py"}
    assert any("nothing else" in note for note in benchmark.notes)


@pytest.mark.parametrize(
    "path",
    ["tests/a.py", "test_a.py", "src/a_test.go", "src/a.spec.ts", "src/a.test.tsx", "A/FooTest.java", "a/FooTests.cs",
     "spec/a.rb", "lib/a_spec.rb", "vendor/a.go", "examples/a.py", "src/__tests__/a.js", "conftest.py"],
)  # fmt: skip
def test_what_is_aside(path: str) -> None:
    assert is_aside(path)


@pytest.mark.parametrize("path", ["src/a.py", "latest.py", "contest.py", "src/Testing.java", "inspect.ts"])
def test_what_is_not_aside(path: str) -> None:
    assert not is_aside(path)


def test_secrets_never_enter_a_task(repository: Path) -> None:
    word = "hunter2" + "Zq81xY"
    text = (
        f'import os\nfirst_value = os.path.join("a", "b")\npassword = "{word}"\n'
        + "last_value = os.getcwd(a, b)\n"
    )
    (repository / "package" / "hidden.py").write_text(text)
    (repository / ".env").write_text(f"PASSWORD={word}\n")
    tasks = mine(repository, MineOptions(tasks=10_000)).tasks
    assert any(task.path == "package/hidden.py" for task in tasks)
    assert all(word not in whole(task) for task in tasks)
    assert all("password" not in task.truth for task in tasks)


def test_generated_files_and_links_are_left_out(repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(
        "value = something_of(outside, the, tree)\nvalue = something_of(outside, this, tree)\n"
    )
    (repository / "package" / "link.py").symlink_to(outside)
    (repository / "package" / "made.py").write_text("# DO NOT" + " EDIT\n" + outside.read_text())
    benchmark = mine(repository, MineOptions(tasks=10_000))
    assert {"package/link.py", "package/made.py"}.isdisjoint({task.path for task in benchmark.tasks})
    assert "left out: 1 files: generated" in benchmark.notes


def test_odd_files_round_trip_or_are_counted(repository: Path) -> None:
    base = (repository / "package/module_0.py").read_text()
    odd = {
        "crlf.py": base.replace("_0", "_crlf").replace("\n", "\r\n").encode(),
        "bom.py": b"\xef\xbb\xbf" + base.replace("_0", "_bom").encode(),
        "separators.py": "a_b_c_d = '\u2028 \x0b \x0c'\n".encode() + base.replace("_0", "_sep").encode(),
        "no_end.py": base.replace("_0", "_no_end").rstrip("\n").encode(),
        "broken.py": b"def f(:\n  ((\n" + base.replace("_0", "_broken").encode(),
        "latin.py": base.encode() + b"name = '\xe9t\xe9'\n",
        "empty.py": b"",
    }
    for name, data in odd.items():
        (repository / "package" / name).write_bytes(data)
    benchmark = mine(repository, MineOptions(tasks=10_000))
    found = Counter(task.path.rpartition("/")[2] for task in benchmark.tasks)
    for name in ("crlf.py", "bom.py", "separators.py", "no_end.py"):
        assert found[name] > 5, name
    assert found["latin.py"] == found["empty.py"] == 0
    assert "left out: 1 files: not-utf-8" in benchmark.notes
    for task in benchmark.tasks:
        assert whole(task).encode() == (repository / task.path).read_bytes()
        assert not task.truth.endswith("\r")
        assert task.line == task.prefix.count("\n") + 1


def test_a_repository_that_cannot_be_written_is_left_as_it_is(repository: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    for path in (repository, *repository.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert mine(repository, MineOptions(tasks=6)).tasks
    for path in (repository, *repository.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


def test_one_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "one.go").write_text(
        "package one\n\nfunc MakeBoxOf(x int) int {\n\ty := x + 1\n\ty = y * 2\n\treturn y\n}\n\n"
        "var boxOfThree = MakeBoxOf(3)\n"
    )
    benchmark = mine(tmp_path)
    assert benchmark.language == "go"
    assert Counter(task.kind for task in benchmark.tasks) == {"line": 4, "api": 1, "function": 1}
    assert any("there are no more" in note for note in benchmark.notes)


def test_the_language_with_most_source_is_taken(repository: Path) -> None:
    (repository / "tool.ts").write_text(
        "export function makeBoxOf(x: number) {\n  return x + 1\n}\nmakeBoxOf(1 + 2)\n"
    )
    benchmark = mine(repository, MineOptions(tasks=6))
    assert benchmark.language == "python"
    assert "left out: code in typescript: choose with --language" in benchmark.notes
    assert mine(repository, MineOptions(tasks=6, language="tsx")).language == "typescript"


def test_what_cannot_be_mined_is_said_in_one_line(repository: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "dull").mkdir()
    (tmp_path / "dull" / "a.py").write_text("x = 1\n")
    cases = {
        "has no source file": lambda: mine(empty),
        "cannot be read": lambda: mine(tmp_path / "missing"),
        "give a larger repository": lambda: mine(tmp_path / "dull"),
        "--tasks": lambda: mine(repository, MineOptions(tasks=0)),
        "--language": lambda: mine(repository, MineOptions(language="cobol")),
        "has no source file in go": lambda: mine(repository, MineOptions(language="go")),
    }
    for words, call in cases.items():
        with pytest.raises(UsageError) as caught:
            call()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2
