"""What goes wrong is one line on stderr and the right exit code."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "no terminal"),
        (("tui",), 2, "no terminal"),
        ((".",), 2, "no terminal"),
        (("./missing",), 2, "no such command or repository"),
        (("serach", "x"), 2, "did you mean `repocoder search`"),
        (("index", "missing"), 2, "no such repository"),
        (("index", "notes.md"), 2, "no such repository"),
        (("search", "x", "--repo", "missing"), 2, "no such repository"),
        (("search",), 2, "Missing argument"),
        (("search", "x", "-k", "0"), 2, "-k"),
        (("search", "x", "--colour"), 2, "--colour"),
        (("complete", "shop/cart.py"), 2, "no position"),
        (("complete", "shop/cart.py:x"), 2, "no position"),
        (("complete", "missing.py:1"), 2, "no such file"),
        (("complete", "shop:1"), 2, "shop"),
        (("complete", "shop/cart.py:0"), 2, "shop/cart.py:0: the file has"),
        (("complete", "shop/cart.py:999"), 2, "shop/cart.py:999: the file has"),
        (("complete", "shop/cart.py:1:999"), 2, "the line has columns 0 to"),
        (("complete", "shop/cart.py:1", "--max-tokens", "0"), 2, "--max-tokens"),
        (("complete", "shop/cart.py:1", "--passes", "9"), 2, "--passes"),
        (("complete", "shop/cart.py:1", "--retrieval", "maybe"), 2, "--retrieval"),
        (("complete", "/etc/hostname:1", "--repo", "."), 2, "outside of the repository"),
        (("complete", "binary.bin:1"), 2, "binary.bin"),
        (("complete", "latin.py:1"), 2, "latin.py"),
        (("complete", "shop/cart.py:1", "--model", "no-such-model"), 4, "no-such-model"),
        (("complete", "shop/cart.py:1", "--model", "./missing.gguf"), 4, "missing.gguf"),
        (("complete", "shop/cart.py:1", "--model", "./broken.gguf"), 4, "broken.gguf"),
        (("complete", "shop/cart.py:1", "--model", "./notes.md"), 4, "notes.md"),
        (("explain", "shop/cart.py:1", "--model", "./broken.gguf"), 4, "broken.gguf"),
        (("graph", "missing.py"), 2, "missing.py"),
        (("clean", "missing"), 2, "no such repository"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_error_matrix(run_here: Run, shop: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (shop / "binary.bin").write_bytes(b"\x00\x01" * 50)
    (shop / "latin.py").write_bytes("name = 'café'\n".encode("latin-1"))
    (shop / "broken.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    answer = run_here(*arguments)
    assert words in answer.line
    assert answer.code == code


def test_an_empty_file_completes_to_something_or_nothing(run: Run) -> None:
    answer = run("complete", "empty.py:1", "--json", "--max-tokens", "4").json
    assert (answer["line"], answer["column"]) == (1, 0)


def test_an_empty_repository_has_no_chunks(run_here: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert run_here("index", "--json", cwd=tmp_path).json["chunks"] == 0
    assert run_here("search", "anything", "--json", cwd=tmp_path).json["hits"] == []
    assert run_here("status", cwd=tmp_path).code == 0
    graph = run_here("graph", cwd=tmp_path).json
    assert (graph["nodes"], graph["edges"]) == ([], [])


def test_home_is_not_indexed_by_accident(run: Run, environment: dict[str, str]) -> None:
    answer = run("index", cwd=Path(environment["HOME"]))
    assert answer.code == 2
    assert "no repository here" in answer.line


def test_a_mistake_in_the_configuration(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / "repocoder" / "config.toml"
    place.parent.mkdir()
    place.write_text("max_token = 3\n")
    answer = run("status", XDG_CONFIG_HOME=str(tmp_path))
    assert answer.code == 2
    assert "did you mean 'max_tokens'" in answer.line
    assert str(place) in answer.line


def test_a_hostile_project_file_is_only_a_warning(run_here: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".repocoder.toml").write_text("model = '/bin/sh'\n'\\u001b]52;c;ZQ==\\u0007' = 1\nk = 2\n")
    answer = run_here("index", cwd=tmp_path)
    assert answer.code == 0
    assert "model ignored" in answer.err
    assert "\x1b]" not in answer.err
    assert run_here("config", "show", "--json", cwd=tmp_path).json["model"]["value"] is None


def test_a_cache_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    answer = run("index", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert answer.code == 6
    assert answer.line


def test_another_indexer(run: Run, tmp_path: Path) -> None:
    """Who writes waits for nobody and fails; who reads gets the index of before."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "first.py").write_text("def remarkable_function():\n    return 1\n")
    run("index", cwd=tmp_path)
    directory = Path(run("status", "--json", cwd=tmp_path).json["directory"])
    (tmp_path / "second.py").write_text("def another_function():\n    return 2\n")
    with open(directory / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = run("index", cwd=tmp_path)
        assert answer.code == 5
        assert "writing" in answer.line
        found = run("search", "remarkable_function", "--json", cwd=tmp_path)
        assert found.json["hits"][0]["path"] == "first.py"
        assert "the index of before answers" in found.err
        assert run("clean", cwd=tmp_path).code == 5
    assert run("search", "another_function", "--json", cwd=tmp_path).json["hits"][0]["path"] == "second.py"


def test_debug_shows_the_traceback(run: Run) -> None:
    for arguments in (("--debug", "index", "missing"), ("index", "missing", "--debug")):
        answer = run(*arguments)
        assert answer.code == 2
        assert "Traceback" in answer.err
        assert answer.err.splitlines()[-1].startswith("repocoder: no such repository")


def test_names_that_are_not_text_stay_harmless(run_here: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    odd = ["esc\x1b]52;c;ZQ==\x07.py", "bidi\u202e.py", os.fsdecode(b"bytes\xff.py"), "two\nlines.py"]
    for name in odd:
        (tmp_path / name).write_text("def remarkable_function():\n    return 1\n")
    for arguments in (
        ("index",),
        ("status", "--skipped"),
        ("search", "remarkable_function"),
        ("graph", "--format", "dot"),
        ("graph", "--format", "graphml"),
        ("explain", f"{odd[0]}:2"),
    ):
        answer = run_here(*arguments, cwd=tmp_path)
        assert answer.code == 0, answer.err
        for text in (answer.out, answer.err):
            assert not set(text) & set("\x1b\x07\u202e"), arguments
    assert run_here("search", "remarkable_function", "--json", cwd=tmp_path).out.isascii()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / ".git").mkdir()
    for i in range(3000):
        (tmp_path / f"module_{i}.py").write_text("def f(x):\n    return [y for y in x if y]\n" * 40)
    command = [sys.executable, "-m", "repocoder", "index", "--progress"]
    child = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    child.stderr.readline()  # it is at work
    time.sleep(0.3)
    started = time.monotonic()
    child.send_signal(number)
    _, errors = child.communicate(timeout=20)
    assert time.monotonic() - started < 10.0  # not after the whole index
    assert child.returncode == 128 + number
    assert "Traceback" not in errors


def test_a_reader_that_leaves_is_no_error(environment: dict[str, str], shop: Path) -> None:
    script = f"{sys.executable} -m repocoder graph --format dot | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=shop, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["digraph dependencies {", "0"]


def on_terminal(command: list[str], cwd: Path, environment: dict[str, str]) -> str:
    """What a terminal would get on stdout and stderr."""
    parent, terminal = pty.openpty()
    child = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    pieces = []
    try:
        while piece := os.read(parent, 65536):
            pieces.append(piece)
    except OSError:  # the other side is closed
        pass
    os.close(parent)
    assert child.wait(timeout=60) == 0
    return b"".join(pieces).decode()


def test_colour_only_on_a_terminal_and_if_wanted(environment: dict[str, str], shop: Path) -> None:
    command = [sys.executable, "-m", "repocoder", "search", "price_with_tax"]
    assert "\x1b[" in on_terminal(command, shop, environment)
    assert "\x1b" not in on_terminal(command, shop, {**environment, "NO_COLOR": "1"})
    assert "\x1b" not in on_terminal(command, shop, {**environment, "TERM": "dumb"})


def test_progress_is_one_line_on_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for i in range(50):
        (tmp_path / f"module_{i}.py").write_text("def f(x):\n    return x\n")
    command = [sys.executable, "-m", "repocoder", "index"]
    shown = on_terminal(command, tmp_path, {**environment, "NO_COLOR": "1"})
    assert "\rlooking for files" in shown or "\rparsing" in shown
    assert shown.rstrip().splitlines()[-1].startswith("50 files") or "50 files" in shown
    assert "\x1b" not in shown
