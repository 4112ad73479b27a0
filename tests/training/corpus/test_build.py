"""The whole step, from archives to the list of files and the reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.corpus.conftest import MakeArchive, digest, function
from training.corpus.__main__ import main
from training.corpus.catalogue import Package, read_catalogue
from training.corpus.fetch import archive_of

LICENCE = "x.dist-info/LICENSE"


@pytest.fixture
def work(benchmarks: Path, tmp_path: Path, wheel: MakeArchive) -> Path:
    """A folder with archives of four packages, and the catalogue that names them."""
    plain = "".join(function("plain", seed) for seed in range(20, 24))
    packages = {
        "boxes": ("train", {
            "boxes/a.py": plain,
            "boxes/b.py": function("b", 30) + function("trainer", 3),  # of RepoEval
            "boxes/c.py": "# another licence\n" + plain,
            "boxes/_vendor/d.py": function("d", 31),
            "boxes/e.txt": "text",
            LICENCE: "MIT",
        }),
        "tidy-parcels": ("train", {"parcels/a.py": function("parcels", 40), LICENCE: "MIT"}),  # of CrossCodeEval
        "checks": ("validation", {"checks/a.py": function("checks", 50), "checks/b.py": plain, LICENCE: "MIT"}),
        "young": ("test", {"young/a.py": function("young", 60), LICENCE: "MIT"}),
        "bare": ("test", {"bare/a.py": function("bare", 70)}),  # no licence
    }  # fmt: skip
    root, entries = tmp_path / "work", []
    for name, (split, files) in packages.items():
        made = wheel(f"{name}.whl", files)
        package = Package(name, "1.0", "MIT", "wheel", digest(made))
        target = archive_of(package, root / "corpus" / "archives")
        target.parent.mkdir(parents=True, exist_ok=True)
        made.rename(target)
        entries.append(
            f'[[package]]\nname = "{name}"\nversion = "1.0"\nlicence = "MIT"\nkind = "wheel"\n'
            f'split = "{split}"\nsha256 = "{package.sha256}"\n'
        )
    (tmp_path / "corpus.toml").write_text("\n".join(entries))
    return root


def run(work: Path) -> int:
    """The command, with everything below the temporary folder."""
    folder = work.parent
    catalogue, reports = str(folder / "corpus.toml"), str(folder / "reports")
    return main(["--work", str(work), "--catalogue", catalogue, "--reports", reports, "--offline"])


def test_what_is_listed_is_neither_a_benchmarks_nor_there_twice(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(work) == 0
    lines = [json.loads(line) for line in (work / "corpus" / "files.jsonl").read_text().splitlines()]
    assert [(line["package"], line["path"], line["split"]) for line in lines] == [
        ("boxes", "boxes/a.py", "train"),
        ("checks", "checks/a.py", "validation"),
        ("young", "young/a.py", "test"),
    ]
    for line in lines:
        assert line["language"] == "python"
        assert (work / "corpus" / "packages" / line["package"] / line["path"]).stat().st_size == line["bytes"]
    shown = capsys.readouterr()
    assert "by content  1 files left out" in shown.out
    assert "tidy-parcels: is someone/tidy-parcels of a benchmark by its name: nothing was taken" in shown.out
    assert "bare: carries no text of a licence: nothing was taken" in shown.out
    assert "files of 5 packages" in shown.err


def test_the_report_says_what_was_left_out_and_why(work: Path) -> None:
    run(work)
    report = json.loads((work.parent / "reports" / "contamination.json").read_text())
    assert [(one["package"], one["path"]) for one in report["by_content"]["left_out"]] == [
        ("boxes", "boxes/b.py")
    ]
    assert [one["package"] for one in report["by_name"]] == ["tidy-parcels"]
    assert len(report["benchmarks"]["files"]) == 4
    assert all(len(file["sha256"]) == 64 for file in report["benchmarks"]["files"])
    assert report["duplicates"]["by_split_and_reason"] == {
        "train": {"copy": 1}, "validation": {"copy": 1}, "test": {}
    }  # fmt: skip
    assert [one["key"] for one in report["duplicates"]["held_out_that_was_too_near"]] == [
        "checks/checks/b.py"
    ]
    boxes = next(one for one in report["packages"] if one["name"] == "boxes")
    assert boxes["left_out"] == {"language": 2, "vendored": 1}
    page = (work.parent / "reports" / "contamination.md").read_text()
    assert "**1 files share more and are left out**" in page
    assert "| boxes | train | 1 |" in page


def test_a_second_run_says_the_same_and_removes_what_is_not_taken_any_more(work: Path) -> None:
    run(work)
    first = (work / "corpus" / "files.jsonl").read_bytes()
    stale = work / "corpus" / "packages" / "boxes" / "old" / "x.py"
    stale.parent.mkdir()
    stale.write_text("x = 1\n")
    assert run(work) == 0
    assert (work / "corpus" / "files.jsonl").read_bytes() == first
    assert not stale.parent.exists()


def test_without_the_benchmarks_nothing_is_written(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REPOCODER_BENCHMARKS")
    assert run(work) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (work / "corpus" / "files.jsonl").exists()
    assert read_catalogue(work.parent / "corpus.toml").named
