"""Small packages and small benchmarks, made on the spot."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MakeArchive = Callable[[str, Mapping[str, str]], Path]


def function(name: str, seed: int, lines: int = 12) -> str:
    """A function that no other text holds: its numbers and names follow from `name` and `seed`."""
    body = "".join(
        f"    {name}_{number} = compute_{name}(value={seed * 7919 + number * 104729}, other_{number * seed}=argument)\n"
        for number in range(lines)
    )
    return f"def {name}_{seed}(argument):\n{body}    return {name}_0\n"


@pytest.fixture
def wheel(tmp_path: Path) -> MakeArchive:
    """Makes a wheel from paths and texts."""

    def make(name: str, files: Mapping[str, str]) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as bundle:
            for inner, text in files.items():
                bundle.writestr(inner, text)
        return path

    return make


@pytest.fixture
def npm_archive(tmp_path: Path) -> MakeArchive:
    """Makes an npm archive from paths and texts; a text `-> x` becomes a link to x."""

    def make(name: str, files: Mapping[str, str]) -> Path:
        path = tmp_path / name
        with tarfile.open(path, "w:gz") as bundle:
            for inner, text in files.items():
                entry = tarfile.TarInfo(inner)
                if text.startswith("-> "):
                    entry.type, entry.linkname = tarfile.SYMTYPE, text[3:]
                entry.size = 0 if entry.issym() else len(text.encode())
                bundle.addfile(entry, io.BytesIO(text.encode()))
        return path

    return make


@pytest.fixture
def benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one repository and one task of each benchmark, named by the environment."""
    root = tmp_path / "benchmarks"
    repositories = {
        "repoeval/repositories/function_level.tar.xz": {
            "function_level/CarperAI_trlx/a.py": function("trainer", 3)
        },
        "crosscodeeval/python/repositories.tar.xz": {
            "python/someone-tidy-parcels-0a1b2c3/parcel.py": function("parcel", 5),
            "python/some-owner-other-thing-0000000/thing.py": function("thing", 6),
        },
    }
    for name, files in repositories.items():
        path = root / name
        path.parent.mkdir(parents=True)
        with tarfile.open(path, "w:xz") as bundle:
            for inner, text in files.items():
                entry = tarfile.TarInfo(inner)
                entry.size = len(text.encode())
                bundle.addfile(entry, io.BytesIO(text.encode()))
    task = {"prompt": function("prompt", 7), "groundtruth": "x = 1", "right_context": "\n"}
    (root / "crosscodeeval/python/line_completion.jsonl.xz").write_bytes(
        lzma.compress(json.dumps(task).encode())
    )
    datasets = root / "repoeval" / "datasets"
    datasets.mkdir()
    record = {"prompt": "left\n", "metadata": {"ground_truth": function("truth", 9)}}
    (datasets / "function.test.jsonl.gz").write_bytes(gzip.compress(json.dumps(record).encode()))
    licences = root / "crosscodeeval" / "LICENSES"
    licences.mkdir()
    (licences / "project_license_map.txt").write_text("someone/tidy-parcels {'MIT'}\n")
    monkeypatch.setenv("REPOCODER_BENCHMARKS", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return root


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
