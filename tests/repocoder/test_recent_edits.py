"""The recent channel in the engine: a real repository, real git, the settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.types import CompletionRequest
from retrieval.retriever import Retrieved

BILLS = """def gross_amount(net_amount, tax_rate, currency):
    return net_amount * (1 + tax_rate)
"""
DISCOUNT = """

def discounted_amount(net_amount, tax_rate, currency):
    discounted = net_amount * (1 - tax_rate)
    return discounted
"""
MAIN = "def here(net_amount, tax_rate, currency):\n    discounted = \n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("recent") / "repository"
    root.mkdir()
    files = {"bills.py": BILLS, "main.py": MAIN, "other.py": "OTHER = 1\n"}
    files |= {f"more_{number}.py": f"MORE_{number} = {number}\n" for number in range(12)}
    for name, text in files.items():
        (root / name).write_text(text)
        os.utime(root / name, (1_000_000_000,) * 2)
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=root, check=True, env=environment)
    (root / "bills.py").write_text(BILLS + DISCOUNT)
    os.utime(root / "bills.py", (1_000_000_000,) * 2)  # no clock says that it was edited
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield root


def retrieve(root: Path, settings: Settings, **more: tuple[tuple[str, str], ...]) -> Retrieved:
    request = CompletionRequest("main.py", 2, **more)  # type: ignore[arg-type]
    with Engine(root, settings) as engine:
        engine._sessions._worktree.changes()
        engine._sessions._worktree.settle()
        return engine.retrieve(request)


def reasons(found: Retrieved) -> list[str]:
    return [item.why for hit in found.hits for item in hit.evidence if item.source == "recent"]


def test_what_git_sees_as_changed_is_recent_by_default(root: Path) -> None:
    found = retrieve(root, Settings(workers=1))
    (why,) = reasons(found)
    assert why.startswith("changed since the last commit; shares ")
    assert not list(root.glob(".git/*.lock"))


def test_one_setting_switches_it(root: Path) -> None:
    found = retrieve(root, Settings(workers=1, channels=("definitions", "similar")))
    assert reasons(found) == []
    assert "recent_ms" not in found.timings


def test_open_buffers_are_recent(root: Path) -> None:
    text = "def discounted_everywhere(net_amount, tax_rate, currency):\n    discounted = 1\n"
    found = retrieve(root, Settings(workers=1), open_buffers=(("other.py", text), ("secret.env", text)))
    assert [hit.path for hit in found.hits if "discounted_everywhere" in hit.text] == ["other.py"]
    assert any(why.startswith("unsaved change in an open file") for why in reasons(found))


def test_pinned_lines_are_marked_by_the_engine(root: Path) -> None:
    with Engine(root, Settings(workers=1)) as engine:
        engine.ensure_index()
        choice = engine.choices.pin("bills.py:1-2")
        assert choice.place.mark
        found = engine.retrieve(CompletionRequest("main.py", 2))
        assert found.hits[0].text == BILLS.rstrip()


def test_benchmarks_leave_the_channel_out() -> None:
    from eval.workspace import ONE_CHANNEL
    from repocoder.config import CHANNELS

    assert set(CHANNELS) - set(ONE_CHANNEL) == {"recent"}
