from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from repocoder import doctor
from repocoder.config import Settings


def test_python_and_packages_of_this_environment_are_well() -> None:
    assert doctor.check_python().status == "ok"
    assert doctor.check_packages().status == "ok"


def test_missing_and_old_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["click>=999.1", "not-a-package-of-this-world>=1", "scipy>=1; extra == 'eval'", "msgspec"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: needed)
    found = doctor.check_packages()
    assert found.status == "fail"
    assert "click" in found.detail
    assert "older than 999.1" in found.detail
    assert "not-a-package-of-this-world is missing" in found.detail
    assert "scipy" not in found.detail


def test_native_modules_are_tried_in_their_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "NATIVE_MODULES", ("msgspec", "no_such_module", "os; os.kill(os.getpid(), 4)")
    )
    found = list(doctor.check_native_modules())
    assert [item.status for item in found] == ["ok", "fail", "fail"]
    assert "No module named 'no_such_module'" in found[1].detail
    assert "another processor" in found[2].detail


def test_a_module_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NATIVE_MODULES", ("time; time.sleep(60)",))
    monkeypatch.setattr(doctor, "NATIVE_TIMEOUT_S", 0.5)
    (found,) = doctor.check_native_modules()
    assert found.status == "fail"


def test_folder(tmp_path: Path) -> None:
    assert doctor.check_folder("cache", tmp_path / "new" / "deep").status == "ok"
    assert list((tmp_path / "new" / "deep").iterdir()) == []
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert doctor.check_folder("cache", tmp_path / "open").status == "warn"
    (tmp_path / "file").write_text("")
    found = doctor.check_folder("cache", tmp_path / "file")
    assert found.status == "fail"
    assert found.hint


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_threads(Settings()).status == "ok"
    assert doctor.check_threads(Settings(threads=len(os.sched_getaffinity(0)) + 1)).status == "warn"


def test_a_model_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\xff" * 64)
    found = doctor.check_model(str(tmp_path / "broken.gguf"))
    assert found.status == "fail"
    assert "broken.gguf" in found.detail


def test_the_embedded_model_and_its_template() -> None:
    found = doctor.check_model(None)
    assert found.status == "ok"
    assert "middle 2" in found.detail


def test_the_wheel_fits_the_processor() -> None:
    assert doctor.check_processor().status in {"ok", "warn"}


def test_old_pythons_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1, "final", 0))
    assert doctor.check_python().status == "fail"
