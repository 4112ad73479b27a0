"""What a run says of its origin."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from eval.run import provenance


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *settings, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which the module lies, as far as it can tell."""
    file = tmp_path / "eval" / "run" / "provenance.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n")
    monkeypatch.setattr(provenance, "__file__", str(file))
    return tmp_path


def commit_of_code() -> str:
    provenance.code_commit.cache_clear()
    found = provenance.code_commit()
    provenance.code_commit.cache_clear()
    return found


def test_the_commit_is_that_of_the_code(checkout: Path) -> None:
    assert commit_of_code() == provenance.UNKNOWN
    git(checkout, "init", "-q")
    assert commit_of_code() == provenance.UNKNOWN
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "code")
    first = git(checkout, "rev-parse", "HEAD")[:7]
    assert commit_of_code() == first
    (checkout / "eval" / "results").mkdir()
    (checkout / "eval" / "results" / "table.json").write_text("{}\n")
    assert commit_of_code() == first
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "results")
    assert commit_of_code() == first
    (checkout / "retrieval").mkdir()
    (checkout / "retrieval" / "new.py").write_text("y = 2\n")
    assert commit_of_code() == f"{first}-changed"
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "more code")
    assert commit_of_code() == git(checkout, "rev-parse", "HEAD")[:7]


def test_facts_of_this_machine() -> None:
    facts = provenance.origin_facts()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", facts["started"])
    assert facts["machine"]["cores"] >= 1
    assert facts["machine"]["memory_bytes"] > 1 << 20
    assert "numpy" in facts["versions"]
