"""`repocoder eval mine` on a small real repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import repocoder.llm

RunEval = Callable[..., Any]
FAST = ("--workers", "1", "--method", "in-file", "--method", "bm25")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine real modules, as somebody's repository."""
    root = tmp_path_factory.mktemp("somewhere") / "shop"
    shutil.copytree(
        Path(repocoder.llm.__file__).parent, root / "shop", ignore=shutil.ignore_patterns("__pycache__")
    )
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_comparison_on_ones_own_repository(run_eval: RunEval, shop: Path, tmp_path: Path) -> None:
    before = files_below(shop)
    answer = run_eval("mine", shop, "--tasks", "2", "--seed", "1", "--out", "mined", "--json", *FAST)
    sections = answer.json["sections"]
    assert {section["benchmark"] for section in sections} == {"mined-shop-line", "mined-shop-api"}
    for section in sections:
        assert [row["method"] for row in section["rows"]] == ["in-file", "bm25"]
        assert all(row["tasks"] == 1 and row["failed"] == 0 for row in section["rows"])
    assert files_below(shop) == before
    assert "mined by RepoEval's rules" in answer.err
    again = run_eval("mine", shop, "--tasks", "2", "--seed", "1", "--out", "mined", *FAST)
    assert again.code == 2
    assert "--resume" in again.err
    resumed = run_eval("mine", shop, "--out", "mined", "--resume", "--json", *FAST)
    assert resumed.json == answer.json
    assert resumed.err.count(" 0 samples in ") == 4
    tasks = tmp_path / "mined" / "tasks.jsonl"
    ran = run_eval(
        "run", "--benchmark", tasks, "--method", "in-file", "--limit", "1", "--out", "one", "--json"
    )
    assert ran.json["run"]["config"]["benchmark"] == "mined-shop"
    truth = json.loads(tasks.read_text().splitlines()[1])
    line = {"task_id": truth["metadata"]["task_id"], "prediction": truth["groundtruth"]}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line) + "\n")
    scored = run_eval("score", "mine.jsonl", "--benchmark", tasks, "--json").json
    assert scored["scores"]["exact_match"] == 100.0


def test_inside_of_the_repository_nothing_is_written_to_it(
    run_eval: RunEval, shop: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop / "shop")
    before = files_below(shop)
    answer = run_eval("mine", "..", "--tasks", "1", "--method", "in-file", "--workers", "1")
    assert answer.code == 0, answer.err
    assert "mined-shop-line" in answer.out
    assert files_below(shop) == before
    assert list(Path(environment["XDG_DATA_HOME"]).rglob("mined-shop/tasks.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing",), "no such repository: missing"),
        (("SHOP", "--out", "SHOP/evaluation"), "give another --out"),
        (("SHOP", "--method", "hybird"), "did you mean hybrid"),
        (("SHOP", "--tasks", "0"), "--tasks"),
        (("SHOP", "--language", "klingon"), "--language: klingon"),
        (("SHOP", "--since", "yesterdayish"), "yesterdayish"),
        ((".",), "has no source file"),
        (("SHOP", "--retry-errors"), "--resume"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be(
    run_eval: RunEval, shop: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    target = () if "--out" in arguments else ("--out", str(tmp_path.parent / f"{tmp_path.name}-out"))
    answer = run_eval("mine", *(word.replace("SHOP", str(shop)) for word in (*arguments, *target)))
    assert words in answer.line
    assert answer.code == 2
