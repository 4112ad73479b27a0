"""Writes `docs/benchmarks.md` and its pictures from the results that are kept.

    python -m eval.report.pages [RUN_FOLDER ...]

publishes the runs that are named into `eval/results`, then writes the page again. All of it is generated, so that no
figure on it can be older than the results; a test does it again and compares.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.report.ablation import ablation_markdown, ablation_tables, split
from eval.report.catalogue import LADDER_METRICS, METRICS, method_label
from eval.report.commands import draw
from eval.report.published import PUBLISHED
from eval.report.results import load_results, publish
from eval.report.sections import Section, ladder, sections
from eval.report.summary import Results
from eval.report.tables import ladder_table, markdown_table, note_list, section_markdown
from eval.types import RunConfig
from repocoder.errors import RepocoderError

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "eval" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "benchmarks"
COMMAND = "python -m eval.report.pages"

_HEAD = f"""# Benchmarks

<!-- generated from eval/results by `{COMMAND}`: edit neither this file nor the pictures -->

How well repocoder and its baselines complete code on RepoEval and CrossCodeEval, measured with `repocoder eval`.
"""

_READING = """## How to read the tables

- Scores are percentages, except tokens, snippets and perplexity. A cell is the mean over tasks with its 95 % bootstrap
  interval (percentile, 10,000 draws of tasks, fixed seed); `of n` says over how many tasks a score is defined where it
  is not for all. "Drawing repositories" is the same interval for tasks of *other* repositories: wider, and rough where
  there are few.
- Differences are over the tasks that both runs did, tested pairwise: McNemar's exact test where every score is right or
  wrong, random signs of the differences (10,000) otherwise. `p (Holm)` is corrected for all rows of its metric in the
  table. Helped, harmed, same: shares of the tasks.
- A row with a pass is the state after at most so many passes. † marks methods whose query holds the truth: bounds.
- Two edit similarities are never one column: Levenshtein (RepoCoder) is 1 - distance / longer length, `fuzz.ratio`
  (CrossCodeEval) counts insertions and deletions only. The perplexity of the truth is exp of the mean nats a token.
"""

_NO_RESULTS = """There are no results in `eval/results` yet: nothing has been measured, so there is nothing to show.
"""


def benchmarks_page(results: Sequence[Results], pictures: Sequence[str] = ()) -> str:
    """The whole page; `pictures` are names of files in the folder beside it."""
    if not results:
        return "\n".join([_HEAD, _NO_RESULTS, _published()])
    whole, _ = split(results)
    found = sections(whole)
    parts = [_HEAD, _measured(whole), _READING, _order(found)]
    parts += ["## Results\n", *(section_markdown(section) for section in found)]
    parts += [_ablations(results)]
    parts += [_pictures(pictures)] if pictures else []
    parts += [_data(found), _published(), _reproduce(results)]
    return "\n".join(part for part in parts if part)


def _measured(results: Sequence[Results]) -> str:
    """What was run, by which code, on what."""
    rows = []
    for entry in results:
        run, facts = entry.run, entry.run.info.facts
        machine = facts.get("machine") or {}
        rows.append(
            [
                run.config.benchmark,
                method_label(run.config),
                run.config.model or "retrieval only",
                f"{len(run.tasks):,}" + (f", seed {run.config.seed}" if run.config.limit else ""),
                f"{len(run.failed):,}",
                run.config.commit,
                str(facts.get("started", ""))[:10],
                _minutes(facts.get("seconds")),
                _mebibytes(facts.get("peak_memory_bytes")),
                f"{machine.get('processor', '')}, {machine.get('cores', '?')} cores" if machine else "",
            ]
        )
    header = [
        "benchmark",
        "method",
        "model",
        "tasks",
        "failed",
        "commit",
        "day",
        "minutes",
        "peak MiB",
        "machine",
    ]
    return f"## What was measured\n\n{markdown_table(header, rows)}\n"


def _minutes(seconds: object) -> str:
    return f"{seconds / 60:.1f}" if isinstance(seconds, int | float) else ""


def _mebibytes(count: object) -> str:
    return f"{count / (1 << 20):,.0f}" if isinstance(count, int | float) else ""


def _order(found: Sequence[Section]) -> str:
    """Does in-file < pass 1 < pass 2 < … < oracle hold? By exact match, and by what a weak model can still show."""
    parts = []
    for section in found:
        for metric in METRICS:
            steps = ladder(section, metric.name) if metric.name in LADDER_METRICS else []
            if steps:
                holds = all(step.is_better for step in steps)
                verdict = (
                    "Every step is better than the one before." if holds else "Not every step is better."
                )
                title = metric.title_of_mean
                parts += [f"### {section.setting.title}: {title}", verdict, ladder_table(steps, title)]
    if not parts:
        return ""
    head = "## Does the order of RepoCoder's paper appear?"
    told = "In-file, first pass, further passes, oracle; Holm's correction is over the steps."
    return "\n\n".join([head, told, *parts]) + "\n"


def _ablations(results: Sequence[Results]) -> str:
    """What each part of the engine is worth."""
    tables = ablation_tables(results)
    if not tables:
        return ""
    told = (
        "Each line is the same run without one part (`--without PART`). *Worth* is what the whole has more, pairwise "
        "over the same tasks: above 0 the part helps (for nats, below 0). `p (Holm)` is corrected for all lines."
    )
    return "\n\n".join(["## What each part is worth", told, *map(ablation_markdown, tables)])


def _pictures(names: Sequence[str]) -> str:
    told = {
        "coverage.svg": "What the contexts show of the names of other files that the truth uses",
        "em-by-budget.svg": "Exact match by tokens of the prompt",
        "gate.svg": "Exact match if only the tasks with the highest gate scores retrieve",
        "latency.svg": "Where the time of a sample goes",
    }
    lines = [f"{told[name]}:\n\n![{told[name]}]({PICTURES.name}/{name})\n" for name in names]
    return "## Pictures\n\n" + "\n".join(lines)


def _data(found: Sequence[Section]) -> str:
    """What the benchmarks say of themselves."""
    by_benchmark: dict[str, dict[str, None]] = {}
    for section in found:
        notes = by_benchmark.setdefault(section.setting.benchmark, {})
        for row in section.rows:
            notes.update(dict.fromkeys(row.results.run.info.notes))
    parts = [f"### {name}\n\n{note_list(list(notes))}\n" for name, notes in by_benchmark.items() if notes]
    return "## The data\n\n" + "\n".join(parts) if parts else ""


def _published() -> str:
    rows = [
        [
            row.benchmark,
            row.model,
            ", ".join(f"{method} {value:.2f}" for method, value in row.exact_match),
            row.source,
            row.differs,
        ]
        for row in PUBLISHED
    ]
    header = ["benchmark", "model", "exact match", "source", "what differs"]
    return (
        "## Published figures, for orientation\n\n"
        "Printed in papers, **not measured here**. Models, prompts and partly the tasks differ, so they are no "
        f"baseline for the tables above.\n\n{markdown_table(header, rows)}\n"
    )


def _reproduce(results: Sequence[Results]) -> str:
    """The commands that made the results."""
    lines = list(dict.fromkeys(run_command(entry.run.config) for entry in results))
    listed = "\n".join(f"    {line}" for line in lines)
    return (
        "## How to make them again\n\n"
        "`repocoder eval fetch` gets the published data; `--data DIR` takes any copy. Then, at the commit of a row:\n\n"
        f"{listed}\n\n"
        f"    {COMMAND} repocoder-eval/*/*\n\n"
        "The last line keeps the results of the run folders in `eval/results` and writes this page. Each sample with "
        "its prompt, snippets and prediction is in the `samples.jsonl` of its run folder.\n"
    )


def run_command(config: RunConfig) -> str:
    """The command line of a run."""
    words = ["repocoder", "eval", "run" if config.model else "retrieval"]
    words += ["--benchmark", config.benchmark, "--method", config.method]
    standard = RunConfig(benchmark="", method="")
    words += ["--passes", str(config.passes)] if config.passes != standard.passes else []
    words += ["--model", config.model] if config.model else []
    words += ["--embedder", str(config.details["embedder"])] if config.details.get("embedder") else []
    words += ["--layout", config.layout] if config.layout != standard.layout else []
    words += ["--memory", config.memory] if config.memory != standard.memory else []
    words += ["--gate", config.gate] if config.gate != standard.gate else []
    words += [word for name in config.without for word in ("--without", name)]
    words += ["--context", config.context] if config.context != standard.context else []
    words += ["--budget", str(config.budget)] if config.budget else []
    words += ["--limit", str(config.limit), "--seed", str(config.seed)] if config.limit is not None else []
    return shlex.join(words)


def write_page(results: Path = RESULTS, page: Path = PAGE, pictures: Path = PICTURES) -> list[Path]:
    """Writes the page and its pictures; what was written. Raises UsageError without matplotlib."""
    found = load_results(results)
    drawn = draw(split(found)[0], pictures)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(benchmarks_page(found, [path.name for path in drawn]), encoding="utf-8")
    return [page, *drawn]


def main(arguments: Sequence[str]) -> int:
    """Publishes the run folders that are named, then writes the page."""
    try:
        for folder in arguments:
            print(publish(Path(folder), RESULTS))
        for path in write_page():
            print(path)
    except RepocoderError as error:
        print(f"repocoder: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
