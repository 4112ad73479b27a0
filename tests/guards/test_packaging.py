"""What is in the wheel: the packages with their data, the embedded model, and never the tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

DATA = (".scm", ".tcss", ".gguf", ".typed")
MAX_WHEEL_BYTES = 40 << 20


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed here: the wheel cannot be built without a network")
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(place), str(root)], check=True, timeout=120)
    (built,) = place.glob("repocoder-*.whl")
    assert built.stat().st_size < MAX_WHEEL_BYTES
    return zipfile.ZipFile(built)


def test_wheel_holds_every_module_and_all_data(wheel: zipfile.ZipFile, root: Path) -> None:
    names = set(wheel.namelist())
    for package in ("indexer", "retrieval", "repocoder", "tui", "eval"):
        for path in (root / package).rglob("*"):
            if path.suffix in {".py", *DATA}:
                assert path.relative_to(root).as_posix() in names


def test_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.startswith("repocoder-")} == {
        "indexer",
        "retrieval",
        "repocoder",
        "tui",
        "eval",
    }
    assert [name for name in wheel.namelist() if "test" in name.split("/")[-1]] == []


def test_the_description_of_the_wheel(root: Path) -> None:
    """Holds without a build: five packages, nothing that leaves data out, one console command."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    target = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert sorted(target["packages"]) == ["eval", "indexer", "repocoder", "retrieval", "tui"]
    assert "only-include" not in target
    assert target["exclude"] == ["/eval/results"]  # data of the documentation, in no module's way
    assert project["project"]["scripts"] == {"repocoder": "repocoder.cli:main"}
    assert project["project"]["license"] == "Apache-2.0"
    assert {"encoders", "eval"} <= project["project"]["optional-dependencies"].keys()


def test_git_does_not_ignore_what_the_wheel_needs(root: Path) -> None:
    """The build leaves out what .gitignore names, so an embedded asset there would be missing in silence."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    data = [
        str(path.relative_to(root))
        for package in ("indexer", "retrieval", "repocoder", "tui", "eval")
        for path in (root / package).rglob("*")
        if path.suffix in {".py", *DATA}
    ]
    command = ["git", "-c", "core.fsmonitor=false", "check-ignore", "--no-index", *data]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert answer.stdout.split() == []


def test_assets_are_there(root: Path) -> None:
    assert [path.name for path in (root / "repocoder" / "assets").glob("*.gguf")]
    assert (root / "indexer" / "queries" / "python.scm").is_file()
