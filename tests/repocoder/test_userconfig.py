"""One key of the user's file changes; comments, order and other keys do not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocoder.config import KEYS
from repocoder.errors import StaleTargetError, UsageError
from repocoder.userconfig import _toml, _with, allowed, parse_value, set_value, unset_value

FILE = """# mine
k = 4   # few of them
model = 'a # b'  # quoted
exclude = [
  "a/",  # one
  "b/",
]

# the end
passes = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(FILE)
    return path


def test_a_value_is_replaced_where_it_stands(file: Path) -> None:
    set_value(file, "k", 7)
    assert file.read_text() == FILE.replace("k = 4   # few", "k = 7   # few")
    set_value(file, "model", "c")
    assert 'model = "c"  # quoted\n' in file.read_text()
    set_value(file, "exclude", ["c/"])
    assert tomllib.loads(file.read_text()) == {"k": 7, "model": "c", "exclude": ["c/"], "passes": 1}
    assert "# the end\n" in file.read_text()


def test_a_new_key_goes_to_the_end_and_out_again(file: Path) -> None:
    set_value(file, "retrieval", "always")
    assert file.read_text() == FILE + 'retrieval = "always"\n'
    assert unset_value(file, "retrieval")
    assert file.read_text() == FILE
    assert not unset_value(file, "retrieval")
    assert unset_value(file, "exclude")
    assert "exclude" not in file.read_text()


def test_a_missing_file_is_made_and_a_link_stays_a_link(tmp_path: Path) -> None:
    new = tmp_path / "none" / "config.toml"
    set_value(new, "k", 3)
    assert new.read_text() == "k = 3\n"
    link = tmp_path / "link.toml"
    link.symlink_to(new)
    set_value(link, "k", 5)
    assert link.is_symlink()
    assert new.read_text() == "k = 5\n"
    assert list(new.parent.iterdir()) == [new]


@pytest.mark.parametrize("content", [b"k = [", b"k == 1", b"\xff\xfe", b"k = 1\nk = 2\n"])
def test_a_file_that_is_not_toml_is_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    for change in (lambda: set_value(file, "k", 3), lambda: unset_value(file, "k")):
        with pytest.raises(UsageError, match="left alone") as caught:
            change()
        assert "\n" not in str(caught.value)
        assert file.read_bytes() == content


def test_what_cannot_be_changed_alone_is_refused(file: Path) -> None:
    file.write_text('model = """\nk = 4\n"""\n')
    set_value(file, "passes", 1)  # appended: harmless
    before = file.read_text()
    with pytest.raises(UsageError, match="by hand"):
        set_value(file, "k", 5)
    assert file.read_text() == before


def test_a_value_that_is_not_allowed_is_refused(file: Path) -> None:
    for name, text in (("k", "many"), ("retrieval", "perhaps"), ("k", "1000"), ("channels", "all")):
        with pytest.raises(UsageError, match=f"{name} must be"):
            parse_value(name, text)
    with pytest.raises(UsageError, match="no such setting"):
        set_value(file, "command", "rm")
    assert file.read_text() == FILE
    assert parse_value("channels", "similar, dense") == ["similar", "dense"]
    assert parse_value("threads", " 0 ") == 0
    assert all(allowed(name) for name in KEYS)


def test_a_file_written_meanwhile_is_not_overwritten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from repocoder import userconfig

    original = userconfig._with

    def meanwhile(*arguments: str) -> str:
        changed = original(*arguments)
        file.write_text("k = 60\n")
        return changed

    monkeypatch.setattr(userconfig, "_with", meanwhile)
    with pytest.raises((StaleTargetError, UsageError)):
        set_value(file, "k", 3)
    assert file.read_text() == "k = 60\n"


@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).filter(
        str.strip
    ),
    comment=st.text("#'\" ab", max_size=8),
)
def test_any_text_survives(text: str, comment: str) -> None:
    written = _with(f"model = 'x' # {comment}\nk = 1\n", "model", f"model = {_toml(text)}")
    assert tomllib.loads(written) == {"model": text, "k": 1}
    assert f"# {comment}\n" in written
