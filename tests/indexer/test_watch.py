"""Real files, the real watcher: every change ends in the index, and nothing else causes a build."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from indexer import events, watch
from indexer.errors import IndexFailedError, RepocoderError, StorageError
from indexer.events import EVERYTHING, NOTHING, BrokenSourceError, Notifications, Polling, Seen
from indexer.lock import writer_lock
from indexer.types import BuildReport
from indexer.walk import WalkOptions
from indexer.watch import Watcher

PATIENCE_S = 20.0  # for a machine with other work; a change usually takes a tenth of a second
QUIET_S = 0.25  # several bursts long


class Running:
    """A watcher in a thread, and what it has told."""

    def __init__(self, bench: Any, polling: bool) -> None:
        self.bench = bench
        self.indexer = bench.indexer()
        self.asked: list[frozenset[str] | None] = []
        self.reports: list[BuildReport] = []
        self.notes: list[str] = []
        self.error: RepocoderError | None = None
        self.before_build: Callable[[], None] = lambda: None
        self.stop = threading.Event()
        self.watcher = Watcher(
            bench.root, self.build, on_build=self.reports.append, on_note=self.notes.append, polling=polling
        )
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        try:
            self.watcher.run(self.stop)
        except RepocoderError as error:
            self.error = error

    def build(self, changed: frozenset[str] | None) -> BuildReport:
        self.before_build()
        report: BuildReport = self.indexer.build(changed=changed)
        self.asked.append(changed)
        return report

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, (self.asked, self.notes, self.error)
            time.sleep(0.01)

    def quiet(self) -> None:
        """Wait until no more builds come."""
        n_builds = -1
        while n_builds != len(self.asked):
            n_builds = len(self.asked)
            time.sleep(QUIET_S)

    def catches_up(self) -> None:
        """The index follows the files."""
        self.until(lambda: not self.indexer.is_stale())

    def settles(self) -> None:
        """The index ends at what a clean build gives."""
        self.catches_up()
        self.quiet()
        assert self.bench.state() == self.bench.clean_state()


@contextmanager
def watching(bench: Any, *, polling: bool = False) -> Iterator[Running]:
    running = Running(bench, polling)
    running.thread.start()
    try:
        running.until(lambda: running.reports or running.error)
        running.quiet()
        running.asked.clear()
        yield running
    finally:
        running.stop.set()
        running.thread.join(PATIENCE_S)
        assert not running.thread.is_alive()


@pytest.fixture(params=["notified", "polling"])
def polling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(Polling.__init__, "__defaults__", (0.05,))  # seconds between looks
    return bool(request.param == "polling")


def test_every_kind_of_change_ends_in_the_index(bench: Any, polling: bool) -> None:
    with watching(bench, polling=polling) as running:
        bench.repository.write("pkg/mod3.py", "class Thing3:\n    other = 1\n")
        running.catches_up()
        (bench.root / "pkg/mod4.py").unlink()
        running.catches_up()
        (bench.root / "pkg/mod5.py").rename(bench.root / "pkg/renamed.py")
        running.catches_up()
        bench.repository.write("new/deep/er/mod.py", "def made() -> int:\n    return 1\n")
        running.catches_up()
        shutil.rmtree(bench.root / "new")
        running.catches_up()
        bench.repository.write("new/deep/other.py", "def again() -> int:\n    return 2\n")
        running.catches_up()
        bench.repository.write("new/deep/other.py", "def and_again() -> int:\n    return 3\n")
        running.catches_up()
        (bench.root / "new").rename(bench.root / "moved")
        running.catches_up()
        bench.repository.write("moved/deep/other.py", "def after() -> int:\n    return 4\n")
        running.catches_up()
        (bench.root / "pkg/mod6.py").unlink()
        (bench.root / "pkg/mod6.py").symlink_to(bench.root / "pkg/mod7.py")
        running.settles()
    assert running.error is None
    assert running.notes == []


def test_a_saved_file_is_looked_at_alone(bench: Any, polling: bool) -> None:
    with watching(bench, polling=polling) as running:
        place = bench.root / "pkg/mod3.py"
        partial = place.with_name("mod3.py.tmp")
        partial.write_text("class Thing3:\n    pass\n")  # as editors save
        partial.rename(place)
        running.until(lambda: running.asked)
        running.settles()
        assert all(asked is not None for asked in running.asked)
        assert {path for asked in running.asked for path in asked or ()} <= {"pkg/mod3.py", "pkg/mod3.py.tmp"}
        assert running.reports[-1].changed == 1


def test_what_is_ignored_causes_no_build(bench: Any, polling: bool) -> None:
    bench.repository.write(".gitignore", "*.log\n/out/\n")
    for folder in ("out", "node_modules/m", "env", "__pycache__", ".git/info", "dist"):
        (bench.root / folder).mkdir(parents=True)
    bench.repository.write("env/pyvenv.cfg", "")
    with watching(bench, polling=polling) as running:
        for path in (
            "x.log",
            "out/a.py",
            "node_modules/m/i.js",
            "env/lib.py",
            "__pycache__/m.pyc",
            ".git/HEAD",
        ):
            bench.repository.write(path, "x = 1\n")
        for path in ("dist/made.py", ".env", "logo.png", ".git/info/other", "pkg/app.min.js"):
            bench.repository.write(path, "x = 1\n")
        (bench.root / "out/deep").mkdir()
        (bench.root / "pkg/mod1.py").read_text()
        time.sleep(2 * QUIET_S)
        assert running.asked == []


def test_rules_that_change_are_followed(bench: Any, polling: bool) -> None:
    (bench.root / ".git/info").mkdir(parents=True)
    bench.repository.write("build/made.py", "made = 1\n")
    with watching(bench, polling=polling) as running:
        for path, text in (
            (".gitignore", "mod1*.py\n"),
            ("pkg/.gitignore", "!mod11.py\n"),
            (".git/info/exclude", "mod2.py\n"),
            ("build/__init__.py", ""),
            ("pkg/pyvenv.cfg", ""),
        ):
            bench.repository.write(path, text)
            running.catches_up()
        running.settles()
        with bench.open() as snapshot:
            assert set(snapshot.paths()) == {"README.md", ".gitignore", "build/__init__.py", "build/made.py"}


def test_a_change_during_a_build_is_not_lost(bench: Any, polling: bool) -> None:
    with watching(bench, polling=polling) as running:
        in_build, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            in_build.set()
            assert go_on.wait(PATIENCE_S)

        running.before_build = hold
        bench.repository.write("pkg/mod1.py", "first = 1\n")
        assert in_build.wait(PATIENCE_S)
        time.sleep(0.1)
        bench.repository.write("pkg/mod2.py", "second = 2\n")
        bench.repository.write("sub/mod.py", "third = 3\n")
        go_on.set()
        running.settles()
        with bench.open() as snapshot:
            assert b"second" in snapshot.content("pkg/mod2.py")
            assert "sub/mod.py" in set(snapshot.paths())


def git(root: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main", *arguments]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


def test_a_branch_switch_of_thousands_of_files_is_few_builds(make_bench: Callable[[int], Any]) -> None:
    bench = make_bench(3)
    git(bench.root, "init")
    git(bench.root, "add", ".")
    git(bench.root, "commit", "-qm", "one")
    git(bench.root, "checkout", "-qb", "other")
    for number in range(1500):
        bench.repository.write(f"pkg/sub{number % 20}/file{number}.txt", f"text {number}\n")
    git(bench.root, "add", ".")
    git(bench.root, "commit", "-qm", "two")
    with watching(bench) as running:
        for branch in ("main", "other"):
            git(bench.root, "checkout", "-q", branch)
            running.until(lambda: not running.indexer.is_stale())
            running.quiet()
        assert 2 <= len(running.asked) <= 6
        with bench.open() as snapshot:
            assert len(set(snapshot.paths())) == 1505


def test_a_burst_is_one_build(bench: Any) -> None:
    with watching(bench) as running:
        for number in range(60):
            bench.repository.write(f"pkg/burst{number}.py", f"x = {number}\n")
        running.settles()
        assert len(running.asked) <= 3


def test_the_index_of_another_indexer_is_waited_for(bench: Any) -> None:
    with watching(bench) as running:
        with writer_lock(bench.directory):
            bench.repository.write("pkg/mod1.py", "first = 1\n")
            running.until(lambda: running.notes)
            bench.repository.write("pkg/mod2.py", "second = 1\n")
            time.sleep(2 * watch.LOCK_RETRY_S)
        running.settles()
        assert len(running.notes) == 1
        assert f"process {os.getpid()} is writing it" in running.notes[0]


def test_a_full_disk_is_told_and_tried_again(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TROUBLE_RETRY_S", 0.2)
    with watching(bench) as running:
        failures = iter([StorageError("index: disk full"), StorageError("index: disk full")])

        def fail() -> None:
            if (error := next(failures, None)) is not None:
                raise error

        running.before_build = fail
        bench.repository.write("pkg/mod1.py", "first = 1\n")
        running.settles()
        assert len(running.notes) == 1
        assert "disk full" in running.notes[0]


@pytest.mark.parametrize("moved", [False, True])
def test_a_root_that_goes_is_a_clear_error(bench: Any, polling: bool, moved: bool) -> None:
    with watching(bench, polling=polling) as running:
        if moved:
            bench.root.rename(bench.root.with_name("elsewhere"))
        else:
            shutil.rmtree(bench.root)
        running.until(lambda: running.error)
        assert isinstance(running.error, IndexFailedError)
        assert str(bench.root) in str(running.error)


def test_a_root_that_was_replaced_is_read_anew(bench: Any) -> None:
    with watching(bench) as running:
        other = bench.root.with_name("other")
        shutil.copytree(bench.root, other)
        (other / "pkg/mod1.py").write_text("replaced = 1\n")
        old = bench.root.with_name("old")
        bench.root.rename(old)
        other.rename(bench.root)
        running.catches_up()
        bench.repository.write("pkg/mod2.py", "and_watched = 1\n")
        running.settles()


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "OS file watch limit reached"), OSError(errno.EMFILE, "Too many open files")],
)
def test_without_notifications_files_are_looked_at(
    bench: Any, polling: bool, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(events, "RustNotify", refuse)
    with watching(bench) as running:
        bench.repository.write("pkg/mod1.py", "first = 1\n")
        running.settles()
        assert len(running.notes) == 1
        assert "intervals" in running.notes[0]
        assert str(error.strerror) in running.notes[0]


def test_network_file_systems_are_looked_at(
    bench: Any, polling: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = os.path.realpath(tmp_path)
    monkeypatch.setattr(events, "_mounts", lambda: [("/", "ext4"), (home, "nfs4"), (home + "x", "ext4")])
    assert events.is_remote(bench.root) == "nfs4"
    with watching(bench) as running:
        bench.repository.write("pkg/mod1.py", "first = 1\n")
        running.settles()
        assert "nfs4" in running.notes[0]


def test_the_mounts_of_this_machine_are_read() -> None:
    mounts = dict(events._mounts())
    assert mounts["/proc"] == "proc"
    assert "/" in mounts


def test_names_that_are_no_text_do_not_end_it(bench: Any, polling: bool) -> None:
    bad = Path(os.fsdecode(os.fsencode(bench.root) + b"/pkg/bad\xff.py"))
    with watching(bench, polling=polling) as running:
        for number in range(watch.MAX_BREAKS + 1):
            bad.write_text(f"x = {number}\n")
            bench.repository.write("pkg/mod1.py", f"number = {number}\n")
            running.catches_up()
        running.settles()
        assert len(running.notes) <= 1


def test_a_link_out_of_the_tree_is_not_followed(bench: Any, tmp_path: Path, polling: bool) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (bench.root / "link").symlink_to(outside, target_is_directory=True)
    (bench.root / "loop").symlink_to(bench.root, target_is_directory=True)
    with watching(bench, polling=polling) as running:
        (outside / "deep/canary.py").write_text("canary = 1\n")
        (outside / "canary.py").write_text("canary = 1\n")
        time.sleep(2 * QUIET_S)
        assert running.asked == []


def test_folders_that_come_while_listing_are_seen(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race between listing and watching: a folder made in between is found by the second listing."""
    real = events.RustNotify
    made: list[Path] = []

    def slow(*arguments: Any) -> Any:
        if len(made) < 2:
            made.append(bench.root / f"late{len(made)}")
            made[-1].mkdir()
        return real(*arguments)

    monkeypatch.setattr(events, "RustNotify", slow)
    source = Notifications(bench.root, WalkOptions())
    try:
        for folder in made:
            (folder / "new.py").write_text("x = 1\n")
            assert source.wait(threading.Event(), 5) == Seen(frozenset({f"{folder.name}/new.py"}))
        assert source.wait(threading.Event(), 0.1) == NOTHING
    finally:
        source.close()


def test_folders_that_never_rest_are_looked_at(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = events.RustNotify, iter(range(100))

    def restless(*arguments: Any) -> Any:
        (bench.root / f"late{next(count)}").mkdir()
        return real(*arguments)

    monkeypatch.setattr(events, "RustNotify", restless)
    with pytest.raises(BrokenSourceError, match="too fast"):
        Notifications(bench.root, WalkOptions())


def test_everything_is_looked_at_now_and_then(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a single event: the queue of the kernel may have overflowed."""
    monkeypatch.setattr(Notifications, "_judge", lambda self, place: ())
    with watching(bench) as running:
        bench.repository.write("pkg/mod1.py", "first = 1\n")
        running.quiet()
        assert running.asked == []
        running.watcher._check_at = time.monotonic()  # as if a minute had passed
        running.settles()
        assert running.asked == [None]


def test_a_file_written_within_one_tick_is_looked_at_twice(tmp_path: Path) -> None:
    """Polling: the same size and time say nothing of a file that was written just before the look."""
    place = tmp_path / "a.py"
    place.write_text("x = 1\n")
    source = Polling(tmp_path, WalkOptions(), 0.01)
    assert source.wait(threading.Event(), 1) == Seen(frozenset({"a.py"}))
    time.sleep(0.1)
    source.wait(threading.Event(), 0.05)
    assert source.wait(threading.Event(), 0.05) == NOTHING
    place.write_text("y = 2\n")
    assert source.wait(threading.Event(), 1) == Seen(frozenset({"a.py"}))


def test_stopping_is_quick(bench: Any, polling: bool) -> None:
    with watching(bench, polling=polling) as running:
        began = time.monotonic()
        running.stop.set()
        running.thread.join(PATIENCE_S)
        assert time.monotonic() - began < 2


def test_seen_adds_up() -> None:
    assert not NOTHING
    assert EVERYTHING
    assert Seen(frozenset("a")).plus(Seen(frozenset("b"))) == Seen(frozenset("ab"))
    assert NOTHING.plus(EVERYTHING).everything
