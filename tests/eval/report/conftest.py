"""Run folders made by hand, small enough to check every figure on them."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from eval.types import RunConfig

Record = dict[str, Any]
Scores = Mapping[str, float | None]
PACKERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".xz": lzma.compress, ".gz": gzip.compress}


def record(task: str, passes: Sequence[Scores], config: RunConfig, **more: Any) -> Record:
    """A sample as a run writes it; the repository is what stands before the task's "/"."""
    return {
        "task_id": task,
        "benchmark": config.benchmark,
        "kind": "line",
        "language": "python",
        "repository": task.partition("/")[0],
        "path": "a.py",
        "line": 3,
        "origin": "resampled",
        "method": config.method,
        "truth": "x = 1",
        "gate": None,
        "passes": [
            {
                "number": number,
                "hits": [
                    {
                        "path": "b.py",
                        "in_prompt": True,
                        "text": "def x(): …",
                        "evidence": [{"source": "windows"}],
                    },
                    {"path": "c.py", "in_prompt": False, "text": "", "evidence": [{"source": "bm25"}]},
                ],
                "prompt": "the prompt of " + task,
                "prompt_tokens": 100 + number,
                "context_tokens": 10 * number,
                "prediction": "x = 2",
                "scores": dict(scores),
                "timings": {"retrieve_ms": 1.5},
            }
            for number, scores in enumerate(passes, 1)
        ],
        "scores": dict(passes[-1]) if passes else {},
        "timings": {"retrieve_ms": 2.0, "gate_ms": 0.5, "prefill_ms": 20.0, "generate_ms": 30.0},
        "error": None,
    } | more


class RunMaker:
    """Writes run folders below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(
        self, name: str, config: RunConfig, records: Sequence[Record], ending: str = "", **facts: Any
    ) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True)
        described = {"config": asdict(config), "notes": ["resampled: not the published list"], **facts}
        (folder / "run.json").write_text(json.dumps(described), encoding="utf-8")
        lines = b"".join(json.dumps(entry).encode() + b"\n" for entry in records)
        (folder / f"samples.jsonl{ending}").write_bytes(PACKERS[ending](lines))
        return folder


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    return RunMaker(tmp_path / "runs")


@pytest.fixture
def config() -> RunConfig:
    return RunConfig(benchmark="repoeval-line", method="bm25", model="tiny", commit="abc1234")
