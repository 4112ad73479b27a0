"""corpus.toml as it is, and what is refused in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocoder.errors import UsageError
from training.corpus.benchmarks import REPOEVAL
from training.corpus.catalogue import MAX_NAMED, PERMISSIVE, read_catalogue
from training.corpus.names import BenchmarkNames

HEAD = """
[[package]]
name = "a"
version = "1"
licence = "MIT"
kind = "stdlib"
split = "validation"
[[package]]
name = "b"
version = "1"
licence = "MIT"
kind = "stdlib"
split = "test"
"""


def test_the_catalogue_says_of_each_package_what_it_is() -> None:
    catalogue = read_catalogue()
    assert len(catalogue.named) <= MAX_NAMED
    for package in catalogue.package:
        assert package.version
        assert package.kind == "stdlib" or len(package.sha256) == 64
        words = set(package.licence.split()) - {"AND", "OR", "WITH"}
        assert words <= PERMISSIVE, package.name
    assert {package.name for package in catalogue.package}.isdisjoint(catalogue.not_taken)


def test_what_is_held_out_is_fetched_and_not_what_everybody_has_installed() -> None:
    catalogue = read_catalogue()
    sizes = {
        split: [one for one in catalogue.package if one.split == split] for split in ("validation", "test")
    }
    assert 3 <= len(sizes["validation"]) <= 4
    assert 8 <= len(sizes["test"]) <= 10
    assert all(one.kind == "wheel" for held_out in sizes.values() for one in held_out)


def test_no_repository_of_repoeval_is_among_the_packages() -> None:
    names = BenchmarkNames(REPOEVAL)
    assert [match for package in read_catalogue().package for match in names.matches(package)] == []


def test_a_catalogue_that_is_right_is_read(tmp_path: Path) -> None:
    entry = '[[package]]\nname = "@scope/c"\nversion = "1"\nlicence = "MIT OR Apache-2.0"\nkind = "npm"\nsha256 = "'
    catalogue = read_catalogue(_file(tmp_path, HEAD + entry + "0" * 64 + '"\n'))
    assert [package.folder for package in catalogue.named] == ["scope-c"]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('name = "c"\nversion = "1"\nlicence = "MIT"\nkind = "wheel"', "c has no SHA-256"),
        ('name = "c"\nversion = ""\nlicence = "MIT"\nkind = "stdlib"', "c has no version"),
        (
            'name = "c"\nversion = "1"\nlicence = "GPL-3.0"\nkind = "stdlib"',
            "'GPL-3.0' is not one of the permissive",
        ),
        (
            'name = "c"\nversion = "1"\nlicence = "MIT AND MPL-2.0"\nkind = "stdlib"',
            "is not one of the permissive",
        ),
        ('name = "c"\nversion = "1"\nlicence = ""\nkind = "stdlib"', "is not one of the permissive"),
        ('name = "A"\nversion = "1"\nlicence = "MIT"\nkind = "stdlib"', "a stands there 2 times"),
        ('name = "../c"\nversion = "1"\nlicence = "MIT"\nkind = "stdlib"', "is no name of a package"),
        ('name = "c"\nversion = "1"\nlicence = "MIT"\nkind = "git"', "Invalid enum value 'git'"),
        ('name = "c"\nversion = "1"\nlicence = "MIT"\nkind = "stdlib"\nspllit = "test"', "spllit"),
        ('name = "c"', "required field"),
    ],
)
def test_a_fault_is_named(entry: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_catalogue(_file(tmp_path, HEAD + f"[[package]]\n{entry}\n"))
    assert fault in str(caught.value)


def test_too_many_named_packages_and_a_missing_split_are_faults(tmp_path: Path) -> None:
    entry = '[[package]]\nname = "c{}"\nversion = "1"\nlicence = "MIT"\nkind = "wheel"\nsha256 = "{}"\n'
    text = "".join(entry.format(number, "0" * 64) for number in range(MAX_NAMED + 1))
    with pytest.raises(
        UsageError, match=r"41 named packages, at most 40 .*; no package of the split validation"
    ):
        read_catalogue(_file(tmp_path, text))


def _file(folder: Path, text: str) -> Path:
    path = folder / "corpus.toml"
    path.write_text(text)
    return path
