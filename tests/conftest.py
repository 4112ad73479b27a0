"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repocoder", deadline=None)  # no test depends on how busy the machine is
settings.load_profile("repocoder")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write golden files anew instead of comparing."
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Are golden files to be written?"""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def golden(update_golden: bool) -> Callable[[Path, str], None]:
    """Compares a text with a file; with `--update-golden` it writes the file."""

    def check(place: Path, text: str) -> None:
        if update_golden:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        assert place.is_file(), (
            f"{place}: no such golden file: run the test with --update-golden and look at it"
        )
        assert text == place.read_text(encoding="utf-8")

    return check
