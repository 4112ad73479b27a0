"""The line on stderr."""

from __future__ import annotations

import pytest

from eval.run.progress import RunProgress, describe


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((400, 0, 0, 0.1, 0), "samples 0/400 0%"),
        ((400, 120, 20, 10.0, 0), "samples 120/400 30% 2.0/s 2 min left"),
        ((400, 120, 20, 40.0, 3), "samples 120/400 30% 30.0/min 9 min left, 3 errors"),
        ((400, 400, 400, 40.0, 1), "samples 400/400 100% 10.0/s, 1 error"),
        ((0, 0, 0, 0.0, 0), "samples 0/0 100%"),
    ],
)
def test_rate_and_time_left(arguments: tuple[int, int, int, float, int], line: str) -> None:
    assert describe(*arguments) == line


def test_samples_of_before_are_done_but_no_part_of_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    progress = RunProgress(total=10, done=8)
    progress.add("evil\x1b[2Jname", is_error=True)
    progress.show()
    progress.close()
    shown = capsys.readouterr().err
    assert "samples 9/10 90%, 1 error evil" in shown
    assert "\x1b" not in shown
