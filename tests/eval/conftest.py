"""What the tests of the evaluation share: the folder of benchmark data, where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[3] / "shared" / "benchmarks"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of benchmark files beside the repository. It is not part of it: without it the test is skipped."""
    if not (_SHARED / "repoeval").is_dir() or not (_SHARED / "crosscodeeval").is_dir():
        pytest.skip(f"no benchmark data in {_SHARED}")
    return _SHARED
