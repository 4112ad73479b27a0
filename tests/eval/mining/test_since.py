from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.mining import MineOptions, mine
from eval.mining.since import History, parse_date
from repocoder.errors import UsageError

Git = Callable[..., str]
OLD, NEW = "2020-01-01T12:00:00Z", "2024-06-01T12:00:00Z"
ADDED = """

def brand_new_function(value, other):
    first = value + other * 3
    second = first - value
    return second * 2
"""


@pytest.fixture
def dated(repository: Path, git: Git) -> Path:
    """All of it old, but for a function that one file got in 2024."""
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "old", when=OLD)
    place = repository / "package" / "module_3.py"
    place.write_text(place.read_text() + ADDED)
    git(repository, "commit", "-q", "-a", "-m", "new", when=NEW)
    return repository


def test_only_lines_after_the_date(dated: Path) -> None:
    benchmark = mine(dated, MineOptions(tasks=10_000, since="2022-01-01"))
    text = (dated / "package/module_3.py").read_text()
    first = text[: text.index("def brand_new")].count("\n") + 1
    assert len(benchmark.tasks) >= 4
    assert {task.path for task in benchmark.tasks} == {"package/module_3.py"}
    assert all(task.line >= first for task in benchmark.tasks)
    assert [task.function for task in benchmark.tasks if task.kind == "function"] == ["brand_new_function"]
    assert any("after 2022-01-01" in note for note in benchmark.notes)


def test_all_lines_after_an_early_date_none_after_a_late_one(dated: Path) -> None:
    everything = mine(dated, MineOptions(tasks=10_000)).tasks
    assert mine(dated, MineOptions(tasks=10_000, since="2019-01-01")).tasks == everything
    with pytest.raises(UsageError, match="choose an earlier date"):
        mine(dated, MineOptions(since="2025-01-01"))


def test_a_moved_line_keeps_its_age(dated: Path, git: Git) -> None:
    place = dated / "package" / "module_1.py"
    text = place.read_text()
    cut = text.index("class Box1")
    place.write_text(text[cut:] + "\n\n" + text[:cut])
    git(dated, "commit", "-q", "-a", "-m", "moved", when=NEW)
    data = place.read_bytes()
    assert len(History(dated, parse_date("2022-01-01")).fresh_lines("package/module_1.py", data)) <= 4


def test_a_file_with_uncommitted_changes_has_no_dates(dated: Path) -> None:
    place = dated / "package" / "module_3.py"
    history = History(dated, parse_date("2022-01-01"))
    assert history.fresh_lines("package/module_3.py", place.read_bytes())
    assert history.fresh_lines("package/module_3.py", place.read_bytes() + b"x = 1\n") == frozenset()
    assert (
        history.fresh_lines("package/module_0.py", (dated / "package/module_0.py").read_bytes())
        == frozenset()
    )


def test_line_ends_of_the_checkout_do_not_matter(dated: Path) -> None:
    history = History(dated, parse_date("2022-01-01"))
    data = (dated / "package" / "module_3.py").read_bytes()
    path = "package/module_3.py"
    assert history.fresh_lines(path, data.replace(b"\n", b"\r\n")) == history.fresh_lines(path, data)


def test_a_folder_inside_the_repository(dated: Path) -> None:
    tasks = mine(dated / "package", MineOptions(tasks=10_000, since="2022-01-01")).tasks
    assert {task.path for task in tasks} == {"module_3.py"}


def test_odd_names_are_names(dated: Path, git: Git) -> None:
    names = ["package/:(top)x*.py", "package/a b\n.py", "package/-p.py"]
    for name in names:
        (dated / name).write_text(ADDED.replace("brand_new", "odd"))
    git(dated, "add", ".")
    git(dated, "commit", "-q", "-m", "odd", when=NEW)
    history = History(dated, parse_date("2022-01-01"))
    for name in names:
        assert len(history.fresh_lines(name, (dated / name).read_bytes())) == 6, name


def test_without_history_it_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no git history"):
        mine(repository, MineOptions(since="2022-01-01"))
    with pytest.raises(UsageError, match="is no date"):
        mine(repository, MineOptions(since="last week"))
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(UsageError, match="git: is not installed"):
        mine(repository, MineOptions(since="2022-01-01"))


def test_a_repository_without_commits(repository: Path, git: Git) -> None:
    git(repository, "init", "-q")
    with pytest.raises(UsageError, match="no git history"):
        mine(repository, MineOptions(since="2022-01-01"))


def hostile_program(folder: Path) -> tuple[Path, Path]:
    """A program, and the file that is there once it ran."""
    sentinel, program = folder / "ran", folder / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {sentinel}\ncat\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, sentinel


def test_nothing_of_the_repository_makes_git_run_a_program(
    dated: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, sentinel = hostile_program(tmp_path)
    (dated / ".git" / "info").mkdir(exist_ok=True)
    (dated / ".git" / "info" / "attributes").write_text("*.py filter=evil diff=evil\n")
    with (dated / ".git" / "config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = {program}\n\tpager = {program}\n\thooksPath = {tmp_path}\n'
            f'\tsshCommand = {program}\n[filter "evil"]\n\tclean = {program}\n\tsmudge = {program}\n'
            f'[diff "evil"]\n\ttextconv = {program}\n\tcommand = {program}\n[diff]\n\texternal = {program}\n'
            f'[gpg]\n\tprogram = {program}\n[log]\n\tshowSignature = true\n[pager]\n\tblame = {program}\n'
            f"[blame]\n\tignoreRevsFile = \n[alias]\n\tblame = !{program}\n\tlog = !{program}\n"
        )  # fmt: skip
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS"):
        monkeypatch.setenv(name, str(program))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert mine(dated, MineOptions(tasks=10, since="2022-01-01")).tasks
    assert not sentinel.exists()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    plain = ["git", "-C", str(dated), "blame", "package/module_3.py"]
    subprocess.run(plain, env=environment, capture_output=True, check=False)
    assert sentinel.exists()  # the program does run where git is not held back
