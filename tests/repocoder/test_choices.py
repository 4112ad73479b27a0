"""What a user pins or excludes: kept, seen by other processes, never a crash."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from repocoder.choices import FILE, MAX_CHOICES, Choice, Choices, parse_place
from repocoder.errors import UsageError
from retrieval.types import Place


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a/b.py", Place("a/b.py")),
        ("a/b.py:3-9", Place("a/b.py", lines=(3, 9))),
        ("a/b.py:3", Place("a/b.py", lines=(3, 3))),
        ("a/b.py::Cart.total", Place("a/b.py", "Cart.total")),
        ("odd name:1.py", Place("odd name:1.py")),
    ],
)
def test_places_are_read_as_they_are_written(text: str, place: Place) -> None:
    assert parse_place(text) == place
    assert parse_place(str(place)) == place


@pytest.mark.parametrize(
    "text",
    [
        "/etc/passwd",
        "../secret",
        "a/../../b",
        "a//b",
        "",
        ".",
        "a/./b",
        "a\nb",
        "a\x1b[2J",
        "\udcff.py",
        "x" * 2000,
        "/x::f",
        "../x:1-2",
    ],
)
def test_nothing_outside_of_the_repository_is_a_place(text: str) -> None:
    with pytest.raises(UsageError, match="not inside the repository"):
        parse_place(text)


@pytest.mark.parametrize("text", ["a.py:0-3", "a.py:9-3", "a.py:0"])
def test_lines_begin_at_one_and_rise(text: str) -> None:
    with pytest.raises(UsageError, match="no such lines"):
        parse_place(text)


def test_a_session_leaves_nothing_behind(directory: Path) -> None:
    choices = Choices(directory)
    choices.pin("a.py")
    choices.exclude("b.py::f")
    assert choices.items() == (
        Choice(Place("a.py"), "pin", "session"),
        Choice(Place("b.py", "f"), "exclude", "session"),
    )
    assert not directory.exists()


def test_the_project_is_kept_for_others_to_see(directory: Path) -> None:
    choices, other = Choices(directory), Choices(directory)
    assert other.items() == ()
    choices.pin("a.py:1-5", "project")
    choices.exclude("b.py", "project")
    assert other.items() == choices.items()
    assert [str(place) for place in other.places("pin")] == ["a.py:1-5"]
    assert stat.S_IMODE((directory / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [place.name for place in directory.iterdir()] == [FILE]


def test_a_change_keeps_what_another_process_chose(directory: Path) -> None:
    one, two = Choices(directory), Choices(directory)
    one.pin("a.py", "project")
    two.pin("b.py", "project")
    one.exclude("c.py", "project")
    assert [str(choice.place) for choice in two.items()] == ["a.py", "b.py", "c.py"]


def test_threads_lose_no_choice(directory: Path) -> None:
    names = [f"f{number}.py" for number in range(24)]
    threads = [threading.Thread(target=Choices(directory).pin, args=(name, "project")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(choice.place) for choice in Choices(directory).items()) == sorted(names)


def test_the_last_word_about_a_place_counts(directory: Path) -> None:
    choices = Choices(directory)
    choices.pin("a.py", "project")
    choices.exclude("a.py")
    assert choices.places("pin") == ()
    assert choices.places("exclude") == (Place("a.py"),)
    choices.pin("a.py", "project")
    assert choices.places("pin") == (Place("a.py"),)
    assert choices.places("exclude") == ()


def test_lines_keep_their_mark(directory: Path) -> None:
    choices = Choices(directory, mark_of=lambda place: f"mark of {place}")
    choices.pin("a.py:3-9", "project")
    choices.pin("b.py:1-2")
    choices.pin("c.py::f", "project")
    marks = ["mark of b.py:1-2", "mark of a.py:3-9", ""]
    assert [choice.place.mark for choice in choices.items()] == marks
    assert [choice.place.mark for choice in Choices(directory).items()] == marks[1:]
    assert choices.clear("a.py:3-9")


def test_clear_forgets_both_scopes(directory: Path) -> None:
    choices = Choices(directory)
    choices.pin("a.py", "project")
    choices.exclude("a.py")
    assert choices.clear("a.py")
    assert not choices.clear("a.py")
    assert choices.items() == Choices(directory).items() == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": 1, "choices": [{"place": "/etc/passwd", "action": "pin"}]}',
        b'{"version": 1, "choices": [{"place": "a.py", "action": "run"}]}',
        b'{"version": 9, "choices": []}',
        b'{"version": 1, "choices": ' + b" " * (1 << 20) + b"[]}",
    ],
)
def test_a_damaged_file_is_set_aside_with_a_note(directory: Path, data: bytes) -> None:
    directory.mkdir()
    (directory / FILE).write_bytes(data)
    notes: list[str] = []
    choices = Choices(directory, notes)
    assert choices.items() == choices.items() == ()
    assert len(notes) == 1
    assert "set aside" in notes[0]
    assert "\n" not in notes[0]
    assert (directory / f"{FILE}.damaged").read_bytes() == data
    choices.pin("a.py", "project")
    assert [str(choice.place) for choice in Choices(directory).items()] == ["a.py"]


def test_a_link_in_the_place_of_the_file_is_not_followed(directory: Path, tmp_path: Path) -> None:
    directory.mkdir()
    target = tmp_path / "other.json"
    target.write_text('{"version": 1, "choices": [{"place": "a.py", "action": "pin"}]}')
    (directory / FILE).symlink_to(target)
    notes: list[str] = []
    assert Choices(directory, notes).items() == ()
    assert len(notes) == 1
    assert target.exists()


def test_a_write_that_died_does_not_block_the_next(directory: Path) -> None:
    directory.mkdir()
    (directory / f"{FILE}.part").write_bytes(b"half")
    Choices(directory).pin("a.py", "project")
    assert [str(choice.place) for choice in Choices(directory).items()] == ["a.py"]


def test_choices_are_limited(directory: Path) -> None:
    choices = Choices(directory)
    for number in range(MAX_CHOICES):
        choices.pin(f"f{number}.py")
    choices.pin("f0.py")
    with pytest.raises(UsageError, match="too many choices"):
        choices.pin("one-more.py")
