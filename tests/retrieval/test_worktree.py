"""What git sees as changed, without running anything that the repository names."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from retrieval import worktree
from retrieval.worktree import Worktree, changed_lines, parse

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")


def git(root: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-C", str(root), *IDENTITY, *arguments], check=True, capture_output=True, env=environment
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("".join(f"line_{number} = {number}\n" for number in range(1, 21)))
    (root / "sub").mkdir()
    (root / "sub" / "odd näme.py").write_text("x = 1\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def edit(place: Path, line: int, text: str) -> None:
    lines = place.read_text().split("\n")
    lines[line - 1] = text
    place.write_text("\n".join(lines))


def test_changed_lines_staged_or_not(root: Path) -> None:
    assert changed_lines(root) == {}
    edit(root / "a.py", 3, "changed = 3")
    edit(root / "a.py", 10, "changed = 10\nadded = 11")
    (root / "sub" / "odd näme.py").write_text("x = 2")
    (root / "new.py").write_text("new = 1\n")
    (root / "untracked.py").write_text("untracked = 1\n")
    git(root, "add", "new.py")
    before = (root / ".git" / "index").read_bytes()
    assert changed_lines(root) == {
        "a.py": ((3, 3), (10, 11)),
        "sub/odd näme.py": ((1, 1),),
        "new.py": ((1, 1),),
    }
    assert (root / ".git" / "index").read_bytes() == before
    git(root, "commit", "-q", "-a", "-m", "second")
    assert changed_lines(root) == {}


def test_a_packed_branch_a_detached_head_and_a_linked_working_tree(root: Path, tmp_path: Path) -> None:
    git(root, "pack-refs", "--all")
    edit(root / "a.py", 3, "changed = 3")
    assert changed_lines(root) == {"a.py": ((3, 3),)}
    git(root, "stash", "-q")
    git(root, "checkout", "-q", "--detach")
    edit(root / "a.py", 4, "changed = 4")
    assert changed_lines(root) == {"a.py": ((4, 4),)}
    other = tmp_path / "other"
    git(root, "worktree", "add", "-q", "-b", "side", str(other))
    edit(other / "a.py", 5, "changed = 5")
    assert changed_lines(other) == {"a.py": ((5, 5),)}


def test_without_git_or_a_commit_nothing_is_known(tmp_path: Path) -> None:
    assert changed_lines(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert changed_lines(tmp_path) is None
    (tmp_path / ".git").unlink()
    git(tmp_path, "init", "-q")
    assert changed_lines(tmp_path) == {}


@pytest.mark.parametrize("head", ["ref: refs/heads/../../../secret", "ref: /etc/passwd", "garbage", ""])
def test_a_head_that_leads_elsewhere_is_no_commit(root: Path, head: str) -> None:
    (root / ".git" / "HEAD").write_text(f"{head}\n")
    edit(root / "a.py", 3, "changed = 3")
    assert changed_lines(root) == {}


def hostile(root: Path, sentinel: Path) -> None:
    """Everything that a repository can name so that git runs it when it looks for changes."""
    program = root / ".git" / "evil.sh"
    program.write_text(f"#!/bin/sh\necho ran >> {sentinel}\ncat\n")
    program.chmod(0o755)
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        hook = root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(program.read_text())
        hook.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "pager.diff", "diff.external", "diff.evil.command", "diff.evil.textconv",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.sshCommand", "core.editor",
    ):  # fmt: skip
        git(root, "config", key, str(program))
    git(root, "config", "filter.evil.required", "true")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    (root / ".gitattributes").write_text("* filter=evil diff=evil\n")


def test_nothing_that_the_repository_names_is_run(root: Path, tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    hostile(root, sentinel)
    edit(root / "a.py", 3, "changed = 3")
    assert changed_lines(root) == {"a.py": ((3, 3),)}
    assert not sentinel.exists()
    subprocess.run(["git", "-C", str(root), "diff", "HEAD"], capture_output=True, check=False)
    assert sentinel.exists()  # the control: plain git does run it


def test_a_program_in_the_environment_is_not_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel = tmp_path / "sentinel"
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {sentinel}")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    edit(root / "a.py", 3, "changed = 3")
    assert changed_lines(root) == {"a.py": ((3, 3),)}
    assert not sentinel.exists()


def test_git_that_hangs_is_ended(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(worktree, "TIMEOUT_S", 0.2)
    assert changed_lines(root) is None


def test_endless_output_is_cut(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = tmp_path / "bin" / "git"
    loud.parent.mkdir()
    loud.write_text("#!/bin/sh\necho '+++ b/a.py'\necho '@@ -1 +1 @@'\nexec yes\n")
    loud.chmod(0o755)
    monkeypatch.setenv("PATH", f"{loud.parent}:{os.environ['PATH']}")
    assert changed_lines(root) == {"a.py": ((1, 1),)}


def test_lines_that_look_like_headers_are_content() -> None:
    diff = (
        b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@ def f\n--- a/x\n-y\n+++ b/evil.py\n+z\n"
        b"\\ No newline at end of file\n@@ -9 +8,0 @@\n-gone\n"
        b'diff --git "a/t\\tb" "b/t\\tb"\n--- "a/t\\tb"\n+++ "b/t\\tb"\n@@ -1 +1 @@\n-1\n+2\n'
    )
    assert parse(diff) == {"a.py": ((1, 2), (8, 8))}


def test_an_answer_is_kept_and_numbered(root: Path) -> None:
    tree = Worktree(root, refresh_s=0.0, first_wait_s=60.0)
    edit(root / "a.py", 3, "changed = 3")
    first = tree.changes()
    assert first.lines == {"a.py": ((3, 3),)}
    tree.changes()
    tree.settle()
    assert tree.changes().number == first.number
    tree.settle()
    edit(root / "a.py", 5, "changed = 5")
    tree.changes()
    tree.settle()
    later = Worktree.changes(tree)
    assert later.lines == {"a.py": ((3, 3), (5, 5))}
    assert later.number == first.number + 1
    tree.settle()


def test_within_the_time_of_an_answer_git_is_not_asked(root: Path) -> None:
    tree = Worktree(root, refresh_s=3600.0, first_wait_s=60.0)
    assert tree.changes().lines == {}
    tree.settle()
    edit(root / "a.py", 3, "changed = 3")
    assert tree.changes().lines == {}
    assert not [thread for thread in threading.enumerate() if thread.name == "git"]
