"""How well gates decide on held-out packages: areas under the curve, and what a user would get.

The labels' own completions are what is scored: a hole where a gate says yes has the similarity of the completion with
snippets, else that of the one without. So every gate is measured on the same texts, and no gate can do better than
the oracle, which knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from repocoder.gate.figures import choose_threshold
from repocoder.gate.logistic import Logistic, fit
from repocoder.gate.token_gate import decision_of
from repocoder.llm.gate import GateTokens
from repocoder.llm.generator import Generator
from training.completion.figures import Figure, area_figure, figure, ratio
from training.completion.labels import Label, question_ids
from training.completion.logistic import FEATURES, features
from training.completion.tasks import Task

TARGET = "gate token: area under the curve at least 0.70, beside the logistic gate"

Rows = Sequence[tuple[Task, Label]]
Values = NDArray[np.float64]


class Area(msgspec.Struct):
    """[value, low, high]: for Repoformer's label, and for the label from likelihoods."""

    gate: str
    helped: list[float | None]
    likelier: list[float | None]


class Policy(msgspec.Struct):
    """What a user gets: shares and means in percent."""

    gate: str
    threshold: float
    retrieves: float
    similarity: list[float | None]
    exact: float
    nats: float  # a token of the truth and its end


class GateReport(msgspec.Struct):
    model: str
    target: str
    labels: int  # of held-out packages
    packages: int
    helped: float  # share
    areas: list[Area]
    difference: list[float | None]  # area of the token less that of the logistic gate
    policies: list[Policy]
    weights: dict[str, float]  # of the logistic gate, standardised


def report_of(
    learnt: Rows, test: Rows, generator: Generator, tokens: GateTokens, name: str, say: Callable[[str], None]
) -> GateReport:
    """`learnt`: labels that the logistic gate is fitted on, `test`: of other packages."""
    token = np.array(token_scores(test, generator, tokens, say))
    model, threshold = fitted(learnt)
    logistic = model.scores(table(test))
    free = np.array([float(task.sample.gate) for task, _ in test])
    helped = np.array([row.helped for _, row in test])
    likelier = np.array([row.likelier for _, row in test])
    scores = {"token": token, "logistic": logistic, "free rule": free}
    areas = [
        Area(gate, area_figure(one, helped).as_list(), area_figure(one, likelier).as_list())
        for gate, one in scores.items()
    ]
    everything, gains = np.ones(len(test)), np.array([gain_of(row) for _, row in test])
    policies = [
        policy("never", everything, 2.0, test),
        policy("always", everything, 0.5, test),
        policy("free rule", free, 0.5, test),
        policy("logistic", logistic, threshold, test),
        policy("token", token, tokens.threshold, test),
        policy("oracle", (gains > 0).astype(np.float64), 0.5, test),
    ]
    return GateReport(
        name, TARGET, len(test), len({row.package for _, row in test}), round(float(helped.mean()), 4), areas,
        area_figure(token, helped, logistic).as_list(), policies,
        {name: round(float(weight), 3) for name, weight in zip(FEATURES, model.weights, strict=True)},
    )  # fmt: skip


def token_scores(
    rows: Rows, generator: Generator, tokens: GateTokens, say: Callable[[str], None]
) -> list[float]:
    """What the model says of each hole, through the product's worker."""
    scores: list[float] = []
    for number, (task, _) in enumerate(rows, 1):
        ids = question_ids(task, generator, tokens)
        yes, no = (generator.score(ids, (answer,))[0] for answer in (tokens.yes, tokens.no))
        scores.append(decision_of(yes, no, tokens.threshold).score)
        if number % 100 == 0:
            say(f"{number}/{len(rows)} questions")
    return scores


def table(rows: Rows) -> Values:
    """Features (n, features)."""
    return np.array([features(task, right=row.right) for task, row in rows])


def fitted(rows: Rows) -> tuple[Logistic, float]:
    """The logistic gate, and its threshold by the rule of the token's, on the rows that it was fitted on."""
    inputs = table(rows)
    model = fit(inputs, np.array([row.helped for _, row in rows]))
    return model, choose_threshold(model.scores(inputs), np.array([gain_of(row) for _, row in rows]))


def gain_of(row: Label) -> float:
    return row.similarity_with - row.similarity_without


def policy(gate: str, scores: Values, threshold: float, rows: Rows) -> Policy:
    """Retrieve where the score is at least the threshold."""
    says = scores >= threshold
    labels = [row for _, row in rows]
    similarity = np.where(
        says, [row.similarity_with for row in labels], [row.similarity_without for row in labels]
    )
    exact = np.where(says, [row.exact_with for row in labels], [row.exact_without for row in labels])
    nats = np.where(says, [row.nats_with for row in labels], [row.nats_without for row in labels])
    shown: Figure = figure(
        {"similarity": similarity.tolist(), "tasks": [1.0] * len(labels)}, ratio("similarity", "tasks")
    )
    tokens = sum(row.tokens for row in labels)
    return Policy(
        gate, threshold, round(100 * float(says.mean()), 2), shown.as_list(), round(float(exact.mean()), 3),
        round(float(nats.sum()) / tokens, 4),
    )  # fmt: skip


def text_of(report: GateReport) -> str:
    """For people."""
    lines = [
        f"{report.model}: {report.labels} holes of {report.packages} held-out packages, {report.helped:.1%} helped",
        f"target: {report.target}",
        "",
        "area under the curve           helped                    likelier",
    ]
    for area in report.areas:
        lines.append(f"{area.gate:28} {_shown(area.helped):25} {_shown(area.likelier)}")
    lines.append(f"{'token less logistic':28} {_shown(report.difference)}")
    lines += ["", "policy      threshold  retrieves %  edit similarity %        exact match %  nats/token"]
    for one in report.policies:
        lines.append(
            f"{one.gate:11} {one.threshold:9.3f} {one.retrieves:12.1f}  {_shown(one.similarity):24} "
            f"{one.exact:13.2f} {one.nats:11.3f}"
        )
    strongest = sorted(report.weights.items(), key=lambda pair: -abs(pair[1]))
    lines += ["", "logistic weights: " + ", ".join(f"{name} {weight:+.2f}" for name, weight in strongest)]
    return "\n".join(lines)


def _shown(values: Sequence[float | None]) -> str:
    value, low, high = values
    if value is None or low is None or high is None:
        return "-"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
