"""The judges of the index's figures judge rightly: on small trees whose answers are known."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from eval.bench import definitions, edges, index, scale
from eval.bench.baseline import MissingError
from eval.bench.definitions import Place, compare, indexed, python_definitions
from eval.bench.index_child import edits, new_word
from eval.bench.processes import ChildError, run_child
from eval.bench.speed import copy_part, measure_source, percentile

SHOP = {
    "shop/__init__.py": "from .prices import price as cost\n",
    "shop/prices.py": "RATE = 2\n\n\nclass Money:\n    def __init__(self):\n        self.cents = 1\n\n\n"
    "def price():\n    return Money()\n",
    "shop/cart.py": "from shop import cost\nfrom shop.prices import RATE, Money\n\n\nclass Cart:\n"
    "    def total(self):\n        return self.tax(cost())\n\n    def tax(self, net):\n        return net, RATE\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def test_definitions_agree_one_to_one_by_name_group_and_line() -> None:
    theirs = [
        Place("a", "f", "function", 3, 3),
        Place("a", "f", "function", 9, 9),
        Place("a", "C", "class", 5, 5),
    ]
    ours = [
        Place("a", "f", "function", 2, 12),
        Place("a", "f", "function", 3, 4),
        Place("a", "D", "class", 5, 6),
    ]
    agreed, missing, extra = compare(theirs, ours)
    assert (agreed, missing, extra) == (2, [theirs[2]], [ours[2]])
    assert compare(theirs, [ours[1]])[0] == 1


def test_python_definitions_are_counted_at_their_decorators() -> None:
    source = b"@a\n@b\ndef f():\n    class C:\n        async def g(self): ...\n"
    assert python_definitions("x", source) == [
        Place("x", "f", "function", 1, 1),
        Place("x", "C", "class", 4, 4),
        Place("x", "g", "function", 5, 5),
    ]
    assert python_definitions("x", b"def (") is None
    assert python_definitions("x", b"\x00") is None


def test_a_definition_that_only_one_side_has_costs_recall_or_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with indexed(write(tmp_path, SHOP)) as snapshot:
        found = definitions.compare_python(snapshot, tmp_path)
        assert (found.files, found.theirs, found.recall, found.precision) == (3, 6, 1.0, 1.0)
        real = python_definitions

        def other(path: str, source: bytes) -> list[Place] | None:
            return [*(real(path, source) or [])[1:], Place(path, "ghost", "class", 1, 1)]

        monkeypatch.setattr(definitions, "python_definitions", other)
        found = definitions.compare_python(snapshot, tmp_path)
        assert [place.name for place in found.missing] == ["ghost"] * 3
        assert sorted(place.name for place in found.extra) == ["Cart", "Money"]
        assert found.recall == pytest.approx(4 / 7)


@pytest.mark.skipif(shutil.which("ctags") is None, reason="ctags is not installed")
def test_ctags_judges_go(tmp_path: Path) -> None:
    source = "package a\n\ntype T struct{}\n\nfunc (t T) M() {}\n\nfunc F() {\n\ttype Inner struct{}\n}\n"
    with indexed(write(tmp_path, {"a.go": source})) as snapshot:
        try:
            found = definitions.compare_ctags(snapshot, tmp_path, "go")
        except MissingError as error:
            pytest.skip(str(error))
        assert (found.theirs, found.agreed, found.missing, found.extra) == (3, 3, (), ())
        with pytest.raises(MissingError, match="no rust file"):
            definitions.compare_ctags(snapshot, tmp_path, "rust")
        with pytest.raises(MissingError, match="no kinds"):
            definitions.compare_ctags(snapshot, tmp_path, "cobol")


def test_jedi_judges_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jedi")
    with indexed(write(tmp_path, SHOP)) as snapshot:
        judged = edges.judge(snapshot, tmp_path, 50)
        assert judged.counted >= 7
        assert (judged.missed_lines, judged.wrong_lines, judged.recall, judged.precision) == (
            (),
            (),
            1.0,
            1.0,
        )
        assert judged.right >= 6
        monkeypatch.setattr(edges._Graph, "targets", lambda *_: set())
        assert edges.judge(snapshot, tmp_path, 50).recall == 0.0


def test_a_wrong_edge_is_found_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges that lead to a function of the same name in another file."""
    pytest.importorskip("jedi")
    files = SHOP | {"other.py": "def price():\n    return 1\n"}
    with indexed(write(tmp_path, files)) as snapshot:
        real = edges._Graph.edges
        wrong = next(s for s in snapshot.symbols_of("other.py") if s.name == "price")

        def misled(graph: edges._Graph, paths: list[str]):  # type: ignore[no-untyped-def]
            for source, target, edge in real(graph, paths):
                yield source, wrong if target.name == "price" else target, edge

        monkeypatch.setattr(edges._Graph, "edges", misled)
        judged = edges.judge(snapshot, tmp_path, 50)
        assert judged.wrong_lines
        assert all("other.py:price" in line for line in judged.wrong_lines)
        assert judged.precision < 1.0


def test_edits_are_searchable_with_their_edges(tmp_path: Path) -> None:
    body = "def work(value):\n    return value\n" + "# line\n" * 480
    root = write(tmp_path / "tree", SHOP | {"long.py": body})
    times = edits(root, tmp_path / "index", 1, "3")
    assert [len(times[kind]) for kind in ("body", "interface", "walked")] == [3, 3, 3]
    assert min(times["body"]) > 0
    assert new_word("body", 12) == "zebrabodybc"


def test_a_child_says_what_it_measured_and_why_it_failed(tmp_path: Path) -> None:
    run = run_child(
        "eval.bench.index_child",
        ["full", str(write(tmp_path / "t", SHOP)), str(tmp_path / "i"), "1", "price"],
    )
    assert (run.result["files"], run.result["found"] > 0) == (3, True)
    assert 10 << 20 < run.result["main_bytes"] < 1 << 30
    if sys.platform == "linux":
        assert run.tree_bytes > 10 << 20
    assert run.seconds >= run.result["seconds"] > 0
    with pytest.raises(ChildError, match="no Python file"):
        run_child("eval.bench.index_child", ["edits", str(tmp_path / "t"), str(tmp_path / "j"), "1", "1"])


def test_the_table_says_what_was_skipped_and_what_was_met(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, SHOP)
    monkeypatch.setenv("PATH", "")
    arguments = ["--only", "definitions", "--jedi", str(root), "--ctags", f"go={root}", "--ctags", "java"]
    assert index.main(arguments) == 0
    out = capsys.readouterr().out
    assert "| recall 1.0000, precision 1.0000 | ast: 6 | yes |" in out
    assert f"skipped: {root.name}: no go file is indexed" in out
    assert "skipped: --ctags takes LANGUAGE=FOLDER" in out


def test_percentiles_are_measured_values() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 2.0, 3.0, 3.0]


# ---- trees of any size


def test_a_copy_of_code_has_other_names_that_still_fit() -> None:
    defining = b"class Parser:\n    def parse_header(self):\n        return len(self.text)\n"
    using = b"from pkg.a import Parser\n\n\ndef run_all():\n    return Parser().parse_header()\n"
    one, other = scale.rename(defining, "pkg", 1), scale.rename(using, "pkg", 1)
    assert (one, other) == (scale.rename(defining, "pkg", 1), scale.rename(using, "pkg", 1))
    names = set(scale._DEFINED.findall(one))
    assert all(name in other for name in names)
    assert b"from pkg_bz.a import" in other
    assert b"len(" in one
    assert {scale.rename(defining, "pkg", number) for number in range(1, 5)} != {defining}


def test_a_smaller_tree_is_the_first_part_of_a_larger_one(tmp_path: Path) -> None:
    package = write(tmp_path / "src", {f"m{n}.py": "def f():\n    pass\n" * 5 for n in range(4)})
    modules = [scale.Module(package / f"m{n}.py", "pkg", f"m{n}.py") for n in range(4)]
    assert scale.make_tree(tmp_path / "small", 25, modules) == 30
    assert scale.make_tree(tmp_path / "large", 70, modules) == 70
    small = {p.relative_to(tmp_path / "small") for p in (tmp_path / "small").rglob("*.py")}
    large = {p.relative_to(tmp_path / "large") for p in (tmp_path / "large").rglob("*.py")}
    assert small < large
    assert {path.parts[0] for path in large} == {"pkg", "pkg_bz"}
    assert measure_source(tmp_path / "large", ".py").lines == 70
    assert measure_source(copy_part(tmp_path / "large", tmp_path / "part", 2), ".py").files == 2


def test_what_each_structure_takes(tmp_path: Path) -> None:
    run_child(
        "eval.bench.index_child",
        ["full", str(write(tmp_path / "tree-1", SHOP)), str(tmp_path / "index-1"), "1", "price"],
    )
    found = scale.structures(tmp_path / "index-1")
    assert found["adjacency"]["memory"] > 0
    assert found["postings"]["disk"] > 0
    assert found["column contents.content"]["disk"] > 0
    result = {
        "lines": 10,
        "files": 3,
        "source_bytes": 400,
        "seconds": 1.0,
        "main_bytes": 1,
        "tree_bytes": 1,
        "disk_bytes": 800,
        "unchanged_seconds": 0.1,
        "structures": found,
        "measured": "2030-01-01",
        "machine": {"processor": "P", "cores": 2, "load_1min": 0.1},
    }
    text = scale.markdown({"10k": result})
    assert "| 10 | 3 |" in text
    assert "| 2.00 |" in text
    assert "postings, disk" in text
    page = tmp_path / "page.md"
    page.write_text(f"before\n{scale.MARKS[0]}\nold\n{scale.MARKS[1]}\nafter\n", encoding="utf-8")
    for _ in range(2):
        scale.put_into(page, text)
    assert page.read_text(encoding="utf-8") == (
        f"before\n{scale.MARKS[0]}\n\n{text}\n\n{scale.MARKS[1]}\nafter\n"
    )
