"""Which files are found, and why others are not."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from indexer.types import Skip
from indexer.walk import REASONS, Found, UnreadableError, WalkOptions, read_file, walk


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def paths_of(root: Path, **options: object) -> list[str]:
    return [entry.path for entry in walk(root, options=WalkOptions(**options)) if isinstance(entry, Found)]  # type: ignore[arg-type]


def skips_of(root: Path, **options: object) -> dict[str, str]:
    found = walk(root, options=WalkOptions(**options))  # type: ignore[arg-type]
    skips = {entry.path: entry.reason for entry in found if isinstance(entry, Skip)}
    assert set(skips.values()) <= set(REASONS)
    return skips


def test_all_text_files_in_a_stable_order(tmp_path: Path) -> None:
    write(tmp_path, {"b.py": "", "a/z.py": "", "a/b/c.md": "", "Makefile": "", "c.toml": ""})
    assert paths_of(tmp_path) == ["Makefile", "b.py", "c.toml", "a/z.py", "a/b/c.md"]
    found = next(iter(walk(tmp_path)))
    status = (tmp_path / "Makefile").stat()
    assert found == Found("Makefile", 0, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def test_ignore_files_nest_and_later_ones_win(tmp_path: Path) -> None:
    files = ["keep.py", "x.log", "out/a.py", "pkg/out/b.py", "pkg/x.log", "pkg/important.log", "pkg/gen/c.py"]
    files += [
        "pkg/gen/deep/d.py",
        "other/gen/e.py",
        "docs/api/f.md",
        "docs/g.md",
        "private/h.py",
        "star/aXb.py",
    ]
    write(tmp_path, dict.fromkeys(files, ""))
    write(
        tmp_path,
        {
            ".gitignore": "# note\n*.log\n/out/\ndocs/*\n!docs/g.md\na*b.py\n\n",
            "pkg/.gitignore": "!important.log\n/gen\n",
        },
    )
    write(tmp_path, {".git/info/exclude": "private/\n", "star/.repocoderignore": "!aXb.py\n"})
    expected = {"keep.py", "pkg/out/b.py", "pkg/important.log", "other/gen/e.py", "docs/g.md", "star/aXb.py"}
    ignore_files = {".gitignore", "pkg/.gitignore", "star/.repocoderignore"}
    assert set(paths_of(tmp_path)) == expected | ignore_files
    assert skips_of(tmp_path) == {}


def test_patterns_of_the_settings_are_relative_to_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.py": "", "x.py": "", "b.py": ""})
    assert paths_of(tmp_path, ignore=("/x.py",)) == ["b.py", "a/x.py"]


def test_folders_of_tools_are_left_out(tmp_path: Path) -> None:
    files = [
        ".git/config",
        "node_modules/m.js",
        "__pycache__/x.py",
        "myenv/pyvenv.cfg",
        "myenv/lib/y.py",
        "dist/z.py",
    ]
    write(tmp_path, dict.fromkeys([*files, "build/__init__.py", "build/w.py", "src/a.py"], ""))
    assert paths_of(tmp_path) == ["build/__init__.py", "build/w.py", "src/a.py"]


def test_every_skip_has_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [
        ".env",
        ".env.local",
        "server.pem",
        "id_rsa",
        ".netrc",
        "k.p12",
        "secrets.yaml",
        "credentials.json",
    ]
    write(tmp_path, dict.fromkeys(secrets, "SECRET"))
    write(
        tmp_path,
        {"logo.png": b"\x89PNG", "poetry.lock": "", "app.min.js": "", "big.py": "x" * 2000, "ok.py": ""},
    )
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # the name of a socket may have 107 bytes
        server.bind("s.py")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.py"))).write_text("")
    skips = skips_of(tmp_path, max_file_bytes=1000)
    assert {skips.pop(name) for name in secrets} == {"secret-file"}
    assert skips == {
        "logo.png": "binary",
        "poetry.lock": "generated",
        "app.min.js": "generated",
        "big.py": "too-large",
        "pipe.py": "special-file",
        "s.py": "special-file",
        "link.py": "symlink",
        "loop": "symlink",
        "bad\udcff.py": "not-utf8-name",
    }
    assert paths_of(tmp_path, max_file_bytes=1000) == ["ok.py"]


def test_odd_names_are_exact(tmp_path: Path) -> None:
    names = ["new\nline.py", "esc\x1b[31m.py", "späce ü.py", "-rf.py", "[a-z].py", "#x.py"]
    write(tmp_path, dict.fromkeys(names, "x"))
    assert sorted(paths_of(tmp_path)) == sorted(names)
    assert all(read_file(tmp_path, name, 10)[0] == b"x" for name in names)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.py": "", "b.py": ""})
    (tmp_path / "a").chmod(0)
    assert skips_of(tmp_path) == {"a": "unreadable"}
    (tmp_path / "a").chmod(0o700)


def test_too_many_folders_inside_each_other(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(260):
        folder = folder / "d"
    folder.mkdir(parents=True)
    assert list(skips_of(tmp_path).values()) == ["too-deep"]


def test_hostile_patterns_take_no_time(tmp_path: Path) -> None:
    name = "a" * 200 + ".py"
    write(
        tmp_path,
        {
            name: "",
            "ok.py": "",
            ".gitignore": ("*a" * 60 + "b\n") * 20 + "[z-\n" + "**/" * 500 + "x\n" + "(" * 900,
        },
    )
    start = time.process_time()
    assert {name, "ok.py"} <= set(paths_of(tmp_path))
    assert time.process_time() - start < 5


def test_three_thousand_files_take_no_time(tmp_path: Path) -> None:
    patterns = "\n".join(
        [f"*.ext{i}" for i in range(40)] + [f"/folder{i}/" for i in range(40)] + ["!keep.ext1"]
    )
    write(tmp_path, {".gitignore": patterns})
    write(tmp_path, {f"pkg{i % 60}/sub{i % 7}/module{i}.py": "" for i in range(3000)})
    start = time.process_time()
    assert len(paths_of(tmp_path)) == 3001
    assert time.process_time() - start < 3, (
        "about 0.1 s where nothing else runs; the rest is for busy machines"
    )


def test_reading_stays_inside_and_opens_regular_files_only(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret.py": "canary"})
    root = write(tmp_path / "root", {"a/b.py": b"x\r\n\xff"})
    (root / "link").symlink_to(outside, target_is_directory=True)
    (root / "file.py").symlink_to(outside / "secret.py")
    os.mkfifo(root / "fifo.py")
    data, found = read_file(root, "a/b.py", 100)
    assert data == b"x\r\n\xff"
    assert found.size == 4
    reasons = {}
    for path in (
        "link/secret.py",
        "file.py",
        "fifo.py",
        "../outside/secret.py",
        "/etc/hostname",
        "a",
        "none.py",
        "a/../a/b.py",
    ):
        with pytest.raises(UnreadableError) as caught:
            read_file(root, path, 100)
        reasons[path] = caught.value.reason
    assert reasons.pop("none.py") == "vanished"
    assert reasons.pop("file.py") == "symlink"
    assert reasons.pop("fifo.py") == reasons.pop("a") == "special-file"
    assert set(reasons.values()) == {"unreadable"}
    with pytest.raises(UnreadableError, match="too-large"):
        read_file(root, "a/b.py", 3)
