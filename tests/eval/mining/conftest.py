"""A small repository to mine, and git to give it a past."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MODULE = '''\
"""Boxes, number {0}."""

from package.shapes import make_shape, Shape{0}

LIMIT_OF_BOX = {0} + 17


def fill_box_{0}(things, limit):
    """Fill a box."""
    shapes = [make_shape_{0}(thing, limit) for thing in things]
    total = sum(shape.area_of_{0}(limit) for shape in shapes)
    if total > LIMIT_OF_BOX:
        raise ValueError(f"too much for box number {0}")
    return Box{0}(shapes, total)


def make_shape_{0}(thing, limit):
    width = thing.width * limit + {0}
    height = thing.height * limit - {0}
    return Box{0}(width, height)


class Box{0}:
    def area_of_{0}(self, scale):
        first = self.width_{0} * scale
        second = self.height_{0} * scale
        return first * second + make_shape_{0}(self, scale)
'''
TEST = "from package.module_0 import fill_box_0\n\n\ndef test_fill():\n    assert fill_box_0([], 1) is not None\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "boxes"
    (root / "package").mkdir(parents=True)
    (root / "tests").mkdir()
    for number in range(6):
        (root / "package" / f"module_{number}.py").write_text(MODULE.format(number))
    (root / "tests" / "test_boxes.py").write_text(TEST)
    return root


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Runs git in a folder with a clean environment; `when` dates the commit."""

    def run(root: Path, *arguments: str, when: str = "2020-01-01T12:00:00Z") -> str:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": when,
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    return run
