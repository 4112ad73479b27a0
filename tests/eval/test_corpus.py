"""Which files the baselines search."""

from __future__ import annotations

from pathlib import Path

from eval.corpus import benchmark_files, own_files

KEY = "AKIA" + "Q7ZM4KTB2XWN5LJC"


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode("utf-8"))
    return root


def test_a_benchmark_is_taken_as_it_lies_there(tmp_path: Path) -> None:
    files = {
        "b/x.py": "x = 1\r\n",
        "a.py": "\ufeffy = 2\n",
        "n.txt": "no\n",
        "out/gen.py": "z = 3\n",
        ".gitignore": "out/\n",
    }
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    assert benchmark_files(write(tmp_path, files), "python") == {
        "a.py": "y = 2\n",
        "b/x.py": "x = 1\n",
        "out/gen.py": "z = 3\n",
    }


def test_in_ones_own_repository_the_rules_of_the_index_hold(tmp_path: Path) -> None:
    files = {
        "a.py": f"key = '{KEY}'\n",
        "node_modules/m/x.py": "x = 1\n",
        "out/gen.py": "z = 3\n",
        ".gitignore": "out/\n",
        ".env.py": "SECRET = 1\n",
    }
    found = own_files(write(tmp_path, files), "python")
    assert list(found) == ["a.py"]
    assert KEY not in found["a.py"]
    assert len(found["a.py"]) == len(files["a.py"])


def test_languages_that_share_names_are_searched_together(tmp_path: Path) -> None:
    write(tmp_path, {"a.ts": "let a = 1\n", "b.tsx": "let b = <p/>\n", "c.py": "c = 1\n"})
    assert set(own_files(tmp_path, "typescript")) == {"a.ts", "b.tsx"}
    assert set(benchmark_files(tmp_path, "typescript")) == {"a.ts"}
