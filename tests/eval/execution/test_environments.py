"""Environments: pinned to the last package, made once, never from a half-made one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval.execution import environments
from eval.execution.environments import ENVIRONMENTS, Environment, describe, find, prepare
from repocoder.errors import UsageError


@pytest.mark.parametrize("repository", ENVIRONMENTS)
def test_every_package_is_pinned_by_name(repository: str) -> None:
    lines = ENVIRONMENTS[repository].requirements.read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    names = [line.partition("==")[0].lower() for line in lines]
    assert "pytest" in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("repository", ENVIRONMENTS)
def test_preludes_are_python(repository: str) -> None:
    compile(ENVIRONMENTS[repository].prelude, "<prelude>", "exec")


def test_unknown_and_impossible_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"^unit tests: nobody_nothing: no environment is known for it: "):
        find("nobody_nothing")
    monkeypatch.setitem(ENVIRONMENTS, "toy", Environment("toy", (), impossible="it needs a GPU"))
    with pytest.raises(UsageError, match=r"^unit tests: toy: cannot be run: it needs a GPU$"):
        prepare("toy")


@pytest.fixture
def toy_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without packages; the folder that environments are made in."""
    if sys.version_info[:2] != environments.PYTHON and shutil.which("python3.11") is None:
        pytest.skip("no Python 3.11")
    (tmp_path / "toy.txt").write_text("")
    monkeypatch.setattr(environments, "_REQUIREMENTS", tmp_path)
    monkeypatch.setitem(ENVIRONMENTS, "toy", Environment("toy", ("tests",), variables={"A": "1"}))
    return tmp_path / "made"


def test_an_environment_is_made_once(toy_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def step(environment: Environment, command: list[str]) -> None:
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:  # without pip, which takes ten seconds
            subprocess.run([*command, "--without-pip"], check=True)

    monkeypatch.setattr(environments, "_step", step)
    prepared = prepare("toy", toy_environment)
    assert prepared.python.parents[2] == toy_environment
    assert prepared.variables["A"] == "1"
    assert prepared.python.parents[1].resolve() in prepared.visible
    assert prepare("toy", toy_environment) == prepared
    assert [command[2] for command in commands] == ["venv", "pip"]
    assert commands[1][-1] == str(ENVIRONMENTS["toy"].requirements)


def test_a_stump_is_made_again(toy_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        failed = "pip" in command
        return subprocess.CompletedProcess(
            command, int(failed), "", "first\nERROR: no such package\n" if failed else ""
        )

    monkeypatch.setattr(environments.subprocess, "run", run)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"^environment: toy: ERROR: no such package: see what pip says"):
            prepare("toy", toy_environment)
    assert len(commands) == 4
    assert not list(toy_environment.glob("*/installed.json"))


def test_the_whole_home_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps([str(Path.home()), str(Path.home()), str(Path.home())])
    monkeypatch.setattr(
        environments.subprocess,
        "run",
        lambda command, **options: subprocess.CompletedProcess(command, 0, answer, ""),
    )
    with pytest.raises(UsageError, match="lies right in"):
        describe(Environment("toy", ()), tmp_path / "bin" / "python")


def test_a_broken_interpreter_is_named(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(UsageError, match=r"does not start: remove its folder"):
        describe(Environment("toy", ()), python)
