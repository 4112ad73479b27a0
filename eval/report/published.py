"""Figures of papers, for orientation. They stand in a table of their own: models, prompts and task lists differ.

Exact match in percent, as printed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A row of a paper's table."""

    benchmark: str  # as we call the nearest of ours
    model: str
    exact_match: tuple[tuple[str, float], ...]  # (method, percent)
    source: str
    differs: str  # from what we measure


_REPOCODER = "Zhang et al., RepoCoder, EMNLP 2023, tables 2a and 2b"
_LISTS = "the published 1,600 tasks of 8 repositories; ours are 800, drawn again from 4 of them"
_CROSSCODEEVAL = "Ding et al., CrossCodeEval, NeurIPS 2023 (from notes on the paper)"
_QWEN = "Qwen2.5-Coder technical report (2024), tables 8 and 9"


def _repocoder(benchmark: str, in_file: float, passes: tuple[float, ...], oracle: float) -> Published:
    figures = [
        ("in-file", in_file),
        *((f"RepoCoder pass {number}", value) for number, value in enumerate(passes, 1)),
        ("oracle", oracle),
    ]
    return Published(benchmark, "CodeGen-Mono-350M", tuple(figures), _REPOCODER, _LISTS)


PUBLISHED: tuple[Published, ...] = (
    _repocoder("repoeval-line", 29.56, (41.88, 43.06, 43.94, 43.06), 45.19),
    _repocoder("repoeval-api", 22.19, (31.75, 33.88, 33.75, 33.81), 34.88),
    Published(
        "repoeval-line",
        "StarCoderBase-1B",
        (("no retrieval", 43.44), ("always", 51.19)),
        "Wu et al., Repoformer, ICML 2024, tables 1 to 5",
        f"left and right context; {_LISTS}",
    ),
    Published(
        "repoeval-line",
        "Qwen2.5-Coder-0.5B",
        (("oracle query", 44.2),),
        _QWEN,
        f"left and right context, truth in the query; {_LISTS}",
    ),
    Published(
        "crosscodeeval-python",
        "StarCoder-15.5B",
        (("in-file", 8.82), ("BM25", 15.72), ("BM25 with the truth in the query", 21.01)),
        _CROSSCODEEVAL,
        "published lists; our tasks are the same, put back together",
    ),
    Published(
        "crosscodeeval-python",
        "CodeGen-350M",
        (("in-file", 2.70), ("RG-1", 8.78), ("RepoCoder", 10.58)),
        "CodeRAG, EMNLP 2025, table 1",
        "2,048 tokens, its own windows; our tasks are the same, put back together",
    ),
    Published(
        "crosscodeeval-python",
        "Qwen2.5-Coder-0.5B",
        (("BM25 with the truth in the query", 22.7),),
        _QWEN,
        "left and right context, 8,192 tokens",
    ),
)
