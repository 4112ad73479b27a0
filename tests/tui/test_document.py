"""The document keeps every byte; ghost and colours follow their rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.colours import Colours, colour, lexer_for
from tui.document import ExactDocument
from tui.ghost import Ghost, next_line, next_word

TEXTS = st.text(alphabet=st.sampled_from("ab \t\n\r\x0c\x85\u2028é漢"), max_size=40)


@given(TEXTS)
def test_the_text_is_what_was_loaded(text: str) -> None:
    document = ExactDocument(text)
    assert document.text == text
    assert document.line_count == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


@given(TEXTS, TEXTS, st.data())
def test_replacing_and_putting_back_gives_the_same_text(text: str, insert: str, data: st.DataObject) -> None:
    document = ExactDocument(text)
    document.get_size(4)
    rows = st.integers(0, document.line_count - 1)
    places = []
    for _ in range(2):
        row = data.draw(rows)
        places.append((row, data.draw(st.integers(0, len(document[row])))))
    start, end = sorted(places)
    removed = document.get_text_range(start, end)
    result = document.replace_range(start, end, insert)
    assert result.replaced_text == removed
    assert document.get_text_range(start, result.end_location) == insert
    assert document.get_size(4).height == len(document.lines)
    if "\r" not in text + insert:  # two halves of a \r\n may meet, and count as one end when read anew
        assert document.get_size(4) == ExactDocument(document.text).get_size(4)
    document.replace_range(start, result.end_location, removed)
    assert document.text == text


def test_new_lines_get_the_usual_line_end() -> None:
    assert ExactDocument("a\r\nb\r\nc\n").with_own_ends("x\ny") == "x\r\ny"
    assert ExactDocument("a").with_own_ends("x\r\ny\rz") == "x\ny\nz"


def test_a_column_of_the_screen_is_a_column_of_the_document() -> None:
    document = ExactDocument("a\x1b\u202eb\tc")
    assert len(document.get_line(0)) == len(document[0])


def test_words_and_lines_of_a_suggestion() -> None:
    def all_of(part: object, text: str) -> list[str]:
        found = []
        while text:
            piece = part(text)  # type: ignore[operator]
            assert piece and text.startswith(piece)
            found.append(piece)
            text = text[len(piece) :]
        return found

    assert all_of(next_word, "foo(bar,\n    1)  \n") == ["foo", "(", "bar", ",", "\n    1", ")", "  \n"]
    assert all_of(next_line, "a(\n\n  b\n)") == ["a(", "\n\n  b", "\n)"]


def test_newer_text_must_agree_with_what_was_taken() -> None:
    ghost = Ghost((0, 0), "abc").take("ab", (0, 2))
    assert ghost.rest == "c"
    newer = ghost.rewrite("abXY")
    assert newer is not None
    assert newer.rest == "XY"
    assert ghost.rewrite("aXY") is None
    assert Ghost((0, 0), "abc").rewrite("other") is not None


def _source(lines: int) -> str:
    block = (
        'def work(self, name: str) -> int:\n    """Do it.\n\n    More.\n    """\n'
        '    return len(f"{name}!") + 1  # sum\n\n'
    )
    return (block * (lines // 7 + 1)).rstrip("\n")


def test_colours_follow_edits_as_lexing_anew_would() -> None:
    lines = _source(300).split("\n")
    colours = Colours("a.py", lines)
    rows = colour(lexer_for("a.py"), lines)
    assert rows is not None
    assert colours.replace(rows, colours.revision)
    lines[10:11] = ["x = 'text'", "class Foo:", "    pass"]
    colours.change(lines, 10, 10, 12)
    anew = colour(lexer_for("a.py"), lines)
    assert anew is not None
    assert [colours.runs(row) for row in range(len(lines))] == [row.runs for row in anew]
    del lines[10:13]
    colours.change(lines, 10, 12, 10)
    assert not colours.replace(rows, colours.revision - 1)


def test_files_without_a_lexer_or_too_large_have_no_colours() -> None:
    assert lexer_for("LICENSE-of-nothing") is None
    assert Colours("a.py", ["x" * 500_000]).lexer is None
    assert Colours("unknown.zzz", ["x"]).runs(0) == ()
