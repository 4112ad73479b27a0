"""`calibrate`, and the published methods of `complete` and `explain`, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.gate.calibration import fingerprint
from repocoder.gate.features import DRAFT_FEATURES, FEATURES
from repocoder.gate.holes import draw_holes
from repocoder.gate.journal import FILE, Journal
from repocoder.gate.labels import Label
from repocoder.paths import index_dir

Run = Callable[..., Any]


def prelabel(root: Path, count: int) -> None:
    """Made-up labels: what is similar is what helps."""
    with Engine(root, Settings()) as engine:
        engine.ensure_index()
        with engine.subject() as subject:
            holes = draw_holes(subject.snapshot, count, 0)
            journal = Journal(engine.directory, fingerprint(subject))
    for number, hole in enumerate(holes):
        helped = number % 3 == 0
        features = dict.fromkeys(FEATURES, 0.0) | {"similar": (1.0 if helped else -1.0) + number % 5 / 10}
        with_it = 60.0 if helped else 45.0
        journal.add(
            Label(hole.key, hole.kind, f"{number}.py", 2, features, dict.fromkeys(DRAFT_FEATURES, 0.0), with_it, 50.0,
                  0.0, 0.0, 900, 450)
        )  # fmt: skip


def test_a_calibration_is_printed_and_kept(
    run_here: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repocoder.gate.calibration.LEAST_HOLES", 10)
    monkeypatch.setattr("repocoder.gate.fitting.LEAST_CLASS", 2)
    prelabel(shop, 30)
    told = run_here("calibrate", "--holes", "30")
    assert told.code == 0, told.err
    assert "out of sample, with 95 % intervals" in told.out and "strongest weights: similar +" in told.out
    assert f"kept: {index_dir(shop) / 'gate.json'}" in told.out
    answer = run_here("calibrate", "--holes", "30", "--json").json
    assert answer["refused"] is None and answer["made"] == 0 and answer["path"].endswith("gate.json")
    assert answer["weights"]["features"]["similar"]["weight"] > 0
    shown = run_here("explain", "shop/cart.py:18", "--json").json
    assert shown["gate"]["reason"].startswith("calibrated on this repository: ")
    assert shown["gate"]["features"]["similar"] > 0
    assert run_here("clean").code == 0
    assert not index_dir(shop).exists()


def test_too_few_holes_are_one_line(run_here: Run, shop: Path) -> None:
    told = run_here("calibrate", "--holes", "2", "--no-progress")
    assert told.code == 2 and "are too few to learn from: ask for more with --holes" in told.line


def test_ctrl_c_loses_nothing(environment: dict[str, str], shop: Path) -> None:
    command = [sys.executable, "-m", "repocoder", "calibrate", "--holes", "40", "--progress"]
    place = Path(environment["XDG_CACHE_HOME"]) / "repocoder" / "index" / index_dir(shop).name / FILE
    place.unlink(missing_ok=True)
    with subprocess.Popen(command, cwd=shop, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 100
        while not (place.exists() and place.read_bytes().count(b"\n") > 1) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on" in told
    whole = place.read_bytes().splitlines()
    assert len(whole) > 1 and all(json.loads(line) for line in whole)


@pytest.mark.parametrize("method", ["repocoder", "repoformer", "in-file"])
def test_published_methods_complete_and_explain(run_here: Run, method: str) -> None:
    done = run_here("complete", "shop/cart.py:18:8", "--method", method, "--passes", "2", "--json").json
    assert done["passes"] == (2 if method == "repocoder" else 1)
    assert done["pass_reports"][-1]["kept"]
    told = run_here("explain", "shop/cart.py:18:8", "--method", method, "--json").json
    shown = [hit for hit in told["hits"] if hit["in_prompt"]]
    assert bool(shown) is (method != "in-file")
    assert told["prompt"]["template"].startswith("published (")
    assert all(hit["path"] != "shop/cart.py" for hit in shown)
