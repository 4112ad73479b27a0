"""100,000 files, and a million lines: run by hand with `pytest -m slow tests/indexer/test_scale.py`."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

GIB = 1 << 30
AGAIN_S = 5.0  # of CPU: a build when nothing changed
BUILD = """
import json, resource, sys, time
from pathlib import Path
from indexer.build import Indexer
from retrieval.postings import PostingsBuilder
started, cpu = time.monotonic(), time.process_time()
with Indexer(Path(sys.argv[1]), Path(sys.argv[2]), derived=(PostingsBuilder(),)) as indexer:
    report = indexer.build()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([report.files, report.changed, peak, time.process_time() - cpu, time.monotonic() - started]))
"""


def build(root: Path, directory: Path) -> tuple[int, int, int, float]:
    """Files, changed files, peak bytes and CPU seconds of the main process of one build."""
    import json

    command = [sys.executable, "-c", BUILD, str(root), str(directory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    files, changed, peak, cpu, wall = json.loads(done.stdout)
    print(
        f"{files} files, {changed} changed: {wall:.1f} s, main process {cpu:.1f} s of CPU, {peak >> 20} MiB"
    )
    return files, changed, peak, cpu


def check(root: Path, directory: Path, n_files: int) -> None:
    files, changed, peak, _ = build(root, directory)
    assert (files, changed) == (n_files, n_files)
    assert peak < GIB
    files, changed, peak, cpu = build(root, directory)
    assert (files, changed) == (n_files, 0)
    assert peak < GIB
    assert cpu < AGAIN_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < GIB


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for folder in range(1000):
        (root / f"pkg{folder}").mkdir(parents=True)
        for number in range(100):
            text = f"from pkg{(folder + 1) % 1000}.mod{number} import f{number}\n\n\n"
            text += f"def f{number}():\n    return f{number}\n"
            (root / f"pkg{folder}/mod{number}.py").write_text(text)
    check(root, tmp_path / "index", 100_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_lines(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    for number in range(2500):
        lines = [
            f"from mod{(number + step) % 2500} import make_{(number + step) % 2500}" for step in (1, 7, 90)
        ]
        for part in range(66):
            lines += [f"def part_{part}_of_{number}(value):", f'    """Word{part * number % 997}."""']
            lines += [f"    total = make_{(number + 7) % 2500}(value) + {part}", "    return total", "", ""]
        lines += [f"def make_{number}(value):", "    return value"]
        (root / f"mod{number}.py").write_text("\n".join(lines) + "\n")
    check(root, tmp_path / "index", 2500)
