from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocoder.terminal import safe

# Format characters that show ink: signs written before a number in Arabic, Syriac and Kaithi. They stay.
VISIBLE_FORMAT = frozenset(
    map(chr, [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD])
)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.binary().map(
    lambda data: data.decode("utf-8", "surrogateescape")
)


def obeyed(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in VISIBLE_FORMAT
    )


@given(ANY_TEXT, st.booleans())
def test_nothing_that_a_terminal_obeys_is_left(text: str, keep_newlines: bool) -> None:
    result = safe(text, keep_newlines=keep_newlines)
    allowed = {"\n", "\t"} if keep_newlines else set()
    assert not [c for c in result if obeyed(c) and c not in allowed]
    result.encode("utf-8")
    assert safe(result, keep_newlines=keep_newlines) == result


def test_every_code_point_is_judged() -> None:
    everything = map(chr, range(sys.maxunicode + 1))
    assert [hex(ord(c)) for c in everything if obeyed(c) and safe(c) == c] == []


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_clean_text_is_untouched(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ("\x1b]52;c;ZXZpbA==\x07", "␛]52;c;ZXZpbA==␇"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\x7fb", "a␡b"),
        ("user\u202e\u2066txt.exe", "user<U+202E><U+2066>txt.exe"),
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("\ud800", "<U+D800>"),
        ("a\u2028b", "a<U+2028>b"),
        ("one\r\ntwo\tthree", "one␍␊two␉three"),
    ],
)
def test_payloads_become_visible(payload: str, shown: str) -> None:
    assert safe(payload) == shown


def test_lines_and_tabs_stay_if_asked() -> None:
    assert safe("if x:\r\n\treturn\n\rhidden", keep_newlines=True) == "if x:\n\treturn\n␍hidden"


def test_words_of_the_world_stay() -> None:
    for text in ("naïve café", "日本語 コード", "مرحبا", "emoji 🙂 ❤️", "[bold]not markup[/]"):
        assert safe(text) == text
