"""The folder of benchmark data, for the comparison with the official lists."""

from __future__ import annotations

from pathlib import Path

import pytest

_CROSSCODEEVAL = Path(__file__).resolve().parents[4] / "shared" / "benchmarks" / "crosscodeeval"


@pytest.fixture(scope="session")
def crosscodeeval() -> Path:
    """It lies beside the repository and is not part of it: without it the test is skipped."""
    if not _CROSSCODEEVAL.is_dir():
        pytest.skip(f"no benchmark data in {_CROSSCODEEVAL}")
    return _CROSSCODEEVAL
