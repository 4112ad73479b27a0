"""Where the holes of a file are, and where they end."""

from __future__ import annotations

import random

import pytest

from training.completion.holes import MIX, Hole, choose, find_holes

SOURCE = '''"""A module.

Its second paragraph.
"""

from package.shapes import Circle


def area_of(circle: Circle, scale: float) -> float:
    """Say how large it is.

    return nothing_else_than_this
    """
    # a comment of its own
    if scale < 0:
        scale = -scale
        circle.mirror()
        # and back
    else:
        pass
    total = circle.area(
        scale,
        rounded=True,
    )
    name = "größe"; print(name, total)   
    return total
'''  # noqa: W291 (the white space is to be left to the suffix)


def texts(source: str, kind: str, language: str = "python", seed: int = 1) -> list[str]:
    data = source.encode()
    holes = find_holes(data, language, random.Random(seed))
    return [data[hole.start : hole.end].decode() for hole in holes if hole.kind == kind]


def test_a_line_begins_behind_its_indentation_and_ends_before_white_space() -> None:
    lines = texts(SOURCE, "line")
    assert 'name = "größe"; print(name, total)' in lines
    assert "total = circle.area(" in lines
    assert "return total" in lines


def test_lines_without_content_and_prose_are_no_holes() -> None:
    lines = texts(SOURCE, "line")
    assert not {")", "else:", "pass", '"""'} & set(lines)
    seldom = sum("return nothing_else_than_this" in texts(SOURCE, "line", seed=seed) for seed in range(200))
    assert 0 < seldom < 30


def test_a_call_may_span_lines() -> None:
    calls = texts(SOURCE, "call")
    assert "circle.area(\n        scale,\n        rounded=True,\n    )" in calls
    assert "circle.mirror()" in calls


def test_a_block_is_the_suite_of_a_statement_and_a_body_has_no_docstring() -> None:
    assert "scale = -scale\n        circle.mirror()" in texts(SOURCE, "block")
    (body,) = texts(SOURCE, "body")
    assert body.startswith("if scale < 0:")
    assert body.endswith("return total")
    assert body not in texts(SOURCE, "block")


def test_the_rest_of_a_line_goes_to_its_end() -> None:
    found = {text for seed in range(40) for text in texts(SOURCE, "rest", seed=seed)}
    lines = [line.strip() for line in SOURCE.splitlines()]
    assert {"Circle", "circle.area("} <= found
    assert all(any(line.endswith(text) and line != text for line in lines) for text in found)


@pytest.mark.parametrize("seed", range(5))
def test_holes_end_naturally_and_between_characters(seed: int) -> None:
    data = SOURCE.encode()
    holes = find_holes(data, "python", random.Random(seed))
    assert {hole.kind for hole in holes} == set(MIX)
    for hole in holes:
        text = data[hole.start : hole.end].decode()
        before = data[: hole.start].decode().rpartition("\n")[2]
        assert text.strip() and text == text.rstrip()
        assert before.strip() or not text[0].isspace()


def test_other_languages_have_calls_blocks_and_bodies() -> None:
    source = """function area(circle) {
  if (circle.flat) {
    console.log("flat");
  }
  return circle.area(2);
}
"""
    assert "circle.area(2)" in texts(source, "call", "javascript")
    assert 'console.log("flat");' in texts(source, "block", "javascript")
    assert texts(source, "body", "javascript")[0].startswith("if (circle.flat)")
    assert "key: value" in texts("key: value\n", "line", "yaml")


def test_chosen_holes_are_apart_wanted_and_the_same_for_a_seed() -> None:
    source = "\n".join(f"value_{number} = make_{number}(first, second)" for number in range(60)) + "\n"
    data = source.encode()
    holes = find_holes(data, "python", random.Random(3))

    def is_wanted(hole: Hole) -> bool:
        return b"make_7(" in data[hole.start : hole.end]

    chosen = choose(holes, random.Random(4), 12, is_wanted)
    assert chosen == choose(holes, random.Random(4), 12, is_wanted)
    assert all(
        one.end <= other.start or other.end <= one.start for one in chosen for other in chosen if one != other
    )
    hits = sum(
        is_wanted(hole) for seed in range(100) for hole in choose(holes, random.Random(seed), 1, is_wanted)
    )
    assert 30 < hits < 80  # of 100; there is one in 60 without the wish


def test_kinds_come_in_the_shares_of_the_mix() -> None:
    data = SOURCE.encode()
    holes = find_holes(data, "python", random.Random(1))
    kinds = [choose(holes, random.Random(seed), 1, lambda _: False)[0].kind for seed in range(1000)]
    assert all(abs(kinds.count(kind) / 1000 - share) < 0.05 for kind, share in MIX.items())
