from __future__ import annotations

import os
import time
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from repocoder.config import KEYS, MAX_PROJECT_FILE_BYTES, PROJECT_FILE, Settings, load_settings
from repocoder.errors import UsageError


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in list(os.environ):
        if name.startswith("REPOCODER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "repocoder" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root


def test_defaults(project: Path) -> None:
    loaded = load_settings(project, {})
    assert loaded.settings == Settings()
    assert set(loaded.origins) == {spec.name for spec in fields(Settings)} == set(KEYS)
    assert set(loaded.origins.values()) == {"default"}


def test_every_default_passes_its_own_check() -> None:
    for name, value in asdict(Settings()).items():
        if value is not None:
            assert KEYS[name].check(value) == value


def test_each_layer_is_stronger_than_the_one_before(
    project: Path, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("k = 1\npasses = 1\nmax_tokens = 10\nthreads = 3\nmodel = 'mine'\n")
    (project / PROJECT_FILE).write_text("k = 2\npasses = 3\nmax_tokens = 20\n")
    monkeypatch.setenv("REPOCODER_PASSES", "4")
    monkeypatch.setenv("REPOCODER_MAX_TOKENS", "30")
    loaded = load_settings(project, {"max_tokens": 40, "model": None})
    got = loaded.settings
    assert (got.threads, got.k, got.passes, got.max_tokens, got.model) == (3, 2, 4, 40, "mine")
    assert loaded.origins["threads"] == f"user file {user_file}"
    assert loaded.origins["k"] == f"project file {PROJECT_FILE}"
    assert loaded.origins["passes"] == "environment REPOCODER_PASSES"
    assert loaded.origins["max_tokens"] == "flag --max-tokens"
    assert loaded.origins["prompt_tokens"] == "default"


def test_lists_and_automatic_values(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPOCODER_CHANNELS", "similar, definitions")
    monkeypatch.setenv("REPOCODER_EXCLUDE", "*.gen.py,vendor/")
    monkeypatch.setenv("REPOCODER_THREADS", "0")
    monkeypatch.setenv("REPOCODER_MODEL", "  ")
    got = load_settings(project).settings
    assert got.channels == ("definitions", "similar")
    assert got.exclude == ("*.gen.py", "vendor/")
    assert got.threads is None
    assert got.model is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_token = 3", "unknown key 'max_token': did you mean 'max_tokens'?"),
        ("zebra = 3", "unknown key 'zebra'"),
        ("max_tokens = '96'", "max_tokens must be a whole number from 1 to 4096"),
        ("max_tokens = true", "max_tokens must be"),
        ("passes = 5", "passes must be a whole number from 1 to 4"),
        ("retrieval = 'sometimes'", "retrieval must be one of auto, always, never"),
        ("channels = ['telepathy']", "channels must be a list of definitions"),
        ("exclude = ['!keep']", "exclude must be a list"),
        ("model = ''", "model must be a name or a path"),
        ("[model]\nname = 'x'", "model must be"),
        ("k = ", "not TOML"),
        ("k = 1\nk = 2", "not TOML"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(project: Path, user_file: Path, text: str, message: str) -> None:
    user_file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings(project)
    assert str(user_file) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value"), [("K", "many"), ("PASSES", "-1"), ("K", "1" * 5000), ("RETRIEVAL", "yes"), ("K", "٣")]
)
def test_a_bad_environment_names_the_variable(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"REPOCODER_{name}", value)
    with pytest.raises(UsageError, match=f"REPOCODER_{name}=.*must be") as caught:
        load_settings(project)
    assert len(str(caught.value)) < 200


def test_a_bad_flag_names_the_flag(project: Path) -> None:
    with pytest.raises(UsageError, match="--max-tokens '0'"):
        load_settings(project, {"max_tokens": 0})


@pytest.mark.parametrize("key", sorted(name for name, key in KEYS.items() if not key.project))
def test_a_repository_may_not_set_what_is_the_users(project: Path, key: str) -> None:
    value = "'/bin/sh'" if KEYS[key].kind == "text" else "7"
    (project / PROJECT_FILE).write_text(f"{key} = {value}\nk = 3\n")
    loaded = load_settings(project)
    assert getattr(loaded.settings, key) == getattr(Settings(), key)
    assert loaded.settings.k == 3
    assert [line for line in loaded.warnings if key in line and "only your own configuration" in line]


def test_model_and_embedder_are_among_the_refused() -> None:
    assert {name for name, key in KEYS.items() if key.project} == {
        "max_tokens",
        "passes",
        "retrieval",
        "memory",
        "k",
        "lexical_backend",
        "channels",
        "exclude",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"k = [[[",
        b"\xff\xfe",
        b"k = " + b"[" * 16000,
        b"k = " + b"9" * 10000,
        b"command = 'rm'\nurl = 'http://x'\nport = 1\n[tool.repocoder]\nmodel = 'x'\n",
        b"exclude = ['!secrets']\n",
        b"k = 1000\nchannels = 'all'\n",
        b"# " + b"x" * MAX_PROJECT_FILE_BYTES,
        b"'a\\u001b]52;c;x\\u0007' = 1\n",
        "\n".join(f"key{i} = 1" for i in range(900)).encode(),
    ],
    ids=range(10),
)
def test_a_hostile_project_file_is_only_a_warning(project: Path, content: bytes) -> None:
    (project / PROJECT_FILE).write_bytes(content)
    loaded = load_settings(project)
    assert loaded.settings == Settings()
    assert 1 <= len(loaded.warnings) <= 6
    assert all(len(line) < 300 and line.startswith(PROJECT_FILE) for line in loaded.warnings)


def test_a_long_dotted_key_is_bounded_in_time(project: Path) -> None:
    (project / PROJECT_FILE).write_bytes(b".".join([b"a"] * 8000) + b" = 1\n")
    started = time.monotonic()
    assert load_settings(project).warnings
    assert time.monotonic() - started < 30.0
    (project / PROJECT_FILE).write_bytes(b".".join([b"a"] * 50_000) + b" = 1\n")
    started = time.monotonic()
    assert "larger than 16 KiB" in load_settings(project).warnings[0]
    assert time.monotonic() - started < 5.0


def test_links_pipes_and_folders_are_not_read(project: Path, tmp_path: Path) -> None:
    place = project / PROJECT_FILE
    (tmp_path / "outside.toml").write_text("k = 3\n")
    place.symlink_to(tmp_path / "outside.toml")
    assert load_settings(project).settings.k == Settings().k
    place.unlink()
    os.mkfifo(place)
    assert load_settings(project).warnings
    place.unlink()
    place.mkdir()
    assert load_settings(project).warnings


def test_a_repository_cannot_undo_an_exclusion_of_its_user(project: Path, user_file: Path) -> None:
    user_file.write_text("exclude = ['private/']\n")
    (project / PROJECT_FILE).write_text("exclude = ['generated/']\n")
    assert load_settings(project).settings.exclude == ("private/", "generated/")
