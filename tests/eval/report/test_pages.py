"""docs/benchmarks.md and its pictures are what the results in the repository say, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from eval.report.ablation import split
from eval.report.pages import PAGE, PICTURES, RESULTS, benchmarks_page, run_command
from eval.report.places import read_places
from eval.report.results import load_results
from eval.types import RunConfig
from tests.eval.report.conftest import RunMaker, record

PAPER = "Published figures"


def test_the_page_is_what_the_results_say() -> None:
    names = [
        name
        for name in ("em-by-budget.svg", "coverage.svg", "gate.svg", "latency.svg")
        if (PICTURES / name).is_file()
    ]
    page = benchmarks_page(load_results(RESULTS), names)
    assert PAGE.read_text(encoding="utf-8") == page, "run `python -m eval.report.pages`"


def test_the_pictures_are_what_the_results_say(tmp_path: Path) -> None:
    plots = pytest.importorskip("eval.report.plots")
    committed = {path.name: path.read_bytes() for path in PICTURES.glob("*.svg")}
    mine = plots.creator().encode()
    if any(mine not in content for content in committed.values()):
        pytest.skip(f"the pictures were not drawn by {mine.decode()}")
    drawn = plots.write_plots(split(load_results(RESULTS))[0], tmp_path)
    assert {path.name: path.read_bytes() for path in drawn} == committed, "run `python -m eval.report.pages`"


def test_every_result_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    results = load_results(RESULTS)
    for entry in results:
        assert entry.run.config.commit in page
        assert run_command(entry.run.config) in page
    if not results:
        assert "nothing has been measured" in page


def test_a_page_of_a_whole_ladder(make_run: RunMaker, config: RunConfig) -> None:
    places = []
    for name, rates in {"in-file": [1], "repocoder": [2, 3], "oracle": [4], "bm25": [2]}.items():
        asked = replace(config, method=name, passes=len(rates))
        found = [
            record(f"ab/{n}", [{"exact_match": 100.0 * (n % 10 < rate)} for rate in rates], asked)
            for n in range(60)
        ]
        places.append(make_run(name, asked, found, started="2026-02-03T10:00:00", seconds=90.0))
    page = benchmarks_page(read_places(places), ["latency.svg"])
    assert "| in-file → repocoder pass 1 | 10.00 → 20.00 | yes | 60 |" in page
    assert "| repocoder pass 2 → oracle | 30.00 → 40.00 | yes | 60 |" in page
    assert "Every step is better than the one before." in page
    assert "| oracle † | - | 60 | 40.00 [" in page
    assert "| repoeval-line | in-file | tiny | 60 | 0 | abc1234 | 2026-02-03 | 1.5 |" in page
    assert "![Where the time of a sample goes](benchmarks/latency.svg)" in page
    assert (
        "    repocoder eval run --benchmark repoeval-line --method repocoder --passes 2 --model tiny" in page
    )
    assert "### repoeval-line\n\n- resampled: not the published list" in page


def test_what_a_part_is_worth_stands_in_its_own_table(make_run: RunMaker, config: RunConfig) -> None:
    places = []
    for part, rate in (((), 5), (("definitions",), 3), (("fusion.side",), 5)):
        asked = replace(config, method="hybrid", model="", without=part)
        found = [
            record(f"ab/{n}", [{"identifier_coverage": 100.0 * (n % 10 < rate)}], asked) for n in range(60)
        ]
        places.append(make_run(f"run{len(places)}", asked, found))
    other = replace(
        config, method="hybrid", model="", budget=512, without=("similar",)
    )  # its whole is not there
    places.append(make_run("lonely", other, [record("ab/1", [{"identifier_coverage": 0.0}], other)]))
    page = benchmarks_page(read_places(places))
    tables, _, ablations = page.partition("## What each part is worth")
    ablations = ablations.partition("\n## ")[0]
    assert "60 tasks; the whole has identifier coverage 50.00." in ablations
    assert "| definitions | no definitions of the names near the hole | +20.00 [" in ablations
    assert (
        "| fusion.side | tests and examples count as much as other code | +0.00 [+0.00, +0.00] | 1.000 |"
        in ablations
    )
    assert "similar" not in ablations
    assert "without" not in tables
    assert "--method hybrid --without definitions" in page


def test_figures_of_papers_stand_apart(make_run: RunMaker, config: RunConfig) -> None:
    """No table that holds a measured row holds a printed one, and the printed ones say so."""
    folder = make_run("one", config, [record("a/1", [{"exact_match": 0.0}], config)])
    page = benchmarks_page(read_places([folder]))
    parts = re.split(r"^## ", page, flags=re.MULTILINE)
    (paper,) = [part for part in parts if part.startswith(PAPER)]
    assert "not measured here" in paper
    assert "CodeGen-Mono-350M" in paper
    assert "abc1234" not in paper
    assert not any("CodeGen" in part for part in parts if part is not paper)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": ""}, "retrieval --benchmark repoeval-line --method bm25"),
        ({"limit": 400, "seed": 7}, "--model tiny --limit 400 --seed 7"),
        (
            {"layout": "native", "context": "both", "budget": 512},
            "--layout native --context both --budget 512",
        ),
        ({"details": {"embedder": "mini"}}, "--embedder mini"),
    ],
)
def test_commands_name_what_was_asked(config: RunConfig, change: dict[str, object], words: str) -> None:
    assert words in run_command(replace(config, **change))  # type: ignore[arg-type]


def test_commands_are_those_of_the_command_line(config: RunConfig) -> None:
    import click

    from eval.cli import evaluation

    asked = replace(
        config, passes=2, limit=4, layout="native", context="both", budget=512, details={"embedder": "m"}
    )
    for model in ("tiny", ""):
        words = run_command(
            replace(asked, model=model) if model else replace(asked, model="", passes=1, layout="published")
        )
        name, *flags = words.split()[2:]
        command = evaluation.get_command(click.Context(evaluation), name)
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert {flag for flag in flags if flag.startswith("--")} <= known
