"""The contract of the command line: commands, keys of the JSON, what goes where."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repocoder.loop import MENDS

Run = Callable[..., Any]

HIT = {"path", "start_line", "end_line", "kind", "name", "score", "evidence"}
EVIDENCE = {"source", "rank", "score", "why"}
CURSOR = "shop/cart.py:20:20"  # after `gross = price_with`
UNSAVED = "from shop.prices import Money\n\n\ndef zero() -> Money:\n    "
COMPLETE = ("complete", "shop/new.py:5", "--stdin", "--max-tokens", "12")
INDEX = {"files", "chunks", "symbols", "edges", "skipped", "changed", "generation", "seconds"}
COMPLETION = {
    "text",
    "stop_reason",
    "path",
    "line",
    "column",
    "passes",
    "gate",
    "hits",
    "checks",
    "prompt_tokens",
    "completion_tokens",
    "mean_logprob",
    "timings",
    "model",
}
TIMINGS = {"index_ms", "retrieve_ms", "gate_ms", "prefill_ms", "first_token_ms", "total_ms"}


def test_index_counts_and_is_incremental(run_here: Run) -> None:
    first = run_here("index", "--json").json
    assert first.keys() >= INDEX
    assert first["files"] >= 5
    assert first["chunks"] >= 4
    assert first["symbols"] >= 8
    assert first["edges"] >= 5
    assert isinstance(first["skipped"], dict)
    assert sum(first["skipped"].values()) >= 1  # .env
    again = run_here("index", "--json").json
    assert again["changed"] == 0
    assert {key: again[key] for key in ("files", "chunks", "symbols", "edges")} == {
        key: first[key] for key in ("files", "chunks", "symbols", "edges")
    }
    rebuilt = run_here("index", "--rebuild", "--json").json
    assert rebuilt["chunks"] == first["chunks"]
    assert rebuilt["changed"] == first["files"]


def test_status(run_here: Run, shop: Path) -> None:
    run_here("index")
    status = run_here("status", "--skipped", "--json").json
    assert status["root"] == str(shop)
    assert status["exists"]
    assert not status["stale"]
    assert {skip["path"]: skip["reason"] for skip in status["skips"]}[".env"] == "secret-file"
    assert "skips" not in run_here("status", "--json").json
    assert ".env\tsecret-file" in run_here("status", "--skipped").out


def test_search(run: Run) -> None:
    found = run("search", "price_with_tax", "--json", "-k", "3").json
    assert found.keys() == {"hits", "timings"}
    assert 1 <= len(found["hits"]) <= 3
    for hit in found["hits"]:
        assert hit.keys() == HIT
        assert hit["evidence"]
        assert all(evidence.keys() == EVIDENCE for evidence in hit["evidence"])
    assert found["hits"][0]["path"] == "shop/prices.py"
    answer = run("search", "price_with_tax")
    assert "shop/prices.py:" in answer.out
    assert "hits" in answer.err


def test_explain(run: Run) -> None:
    told = run("explain", CURSOR, "--json").json
    assert told["query"]["path"] == "shop/cart.py"
    assert told["query"]["scope"] == "Cart.total"
    assert told["gate"].keys() >= {"retrieve", "score", "threshold", "reason"}
    hits = told["hits"]
    assert [hit for hit in hits if hit["path"] == "shop/prices.py" and hit["in_prompt"]]
    assert all(hit["in_prompt"] or hit["dropped"] for hit in hits)
    assert "price_with_tax" in told["prompt"]["text"]
    shown = run("explain", CURSOR)
    assert shown.code == 0
    assert "shop/prices.py" in shown.out
    assert "gate" in shown.out


def test_complete_json(run: Run) -> None:
    answer = run(*COMPLETE, "--json", stdin=UNSAVED).json
    assert answer.keys() >= COMPLETION
    assert (answer["path"], answer["line"], answer["column"]) == ("shop/new.py", 5, 4)
    assert answer["gate"].keys() == {"retrieve", "score", "threshold", "reason"}
    assert all(hit.keys() == HIT | {"in_prompt"} for hit in answer["hits"])
    assert answer["timings"].keys() == TIMINGS
    assert 1 <= answer["passes"] == len(answer["pass_reports"]) <= 2 + MENDS
    assert len(answer["pass_reports"]) == answer["passes"]
    assert sum(report["kept"] for report in answer["pass_reports"]) == 1
    assert 0 < answer["completion_tokens"] <= 12
    assert answer["text"].strip()
    assert answer["prompt_tokens"] > 20
    assert re.fullmatch("[0-9a-f]{64}", answer["model"]["sha256"])
    one = run(*COMPLETE, "--json", "--passes", "1", stdin=UNSAVED).json
    assert one["passes"] == 1


def test_complete_prints_the_text_and_nothing_else(run: Run) -> None:
    text = run(*COMPLETE, "--json", stdin=UNSAVED).json["text"]
    answer = run(*COMPLETE, stdin=UNSAVED)
    assert answer.out == text
    assert "gate" in answer.err
    assert "weak" in answer.err
    quiet = run(*COMPLETE, "--quiet", stdin=UNSAVED)
    assert (quiet.out, quiet.err) == (text, "")


def test_retrieval_never_and_always_differ_in_the_prompt(run: Run) -> None:
    never = run(*COMPLETE, "--json", "--retrieval", "never", stdin=UNSAVED).json
    always = run(*COMPLETE, "--json", "--retrieval", "always", stdin=UNSAVED).json
    assert not never["gate"]["retrieve"]
    assert not any(hit["in_prompt"] for hit in never["hits"])
    assert always["gate"]["retrieve"]
    assert any(hit["in_prompt"] for hit in always["hits"])
    assert always["prompt_tokens"] > never["prompt_tokens"]


def test_column_is_the_end_of_the_line_if_left_out(run_here: Run) -> None:
    answer = run_here("explain", "shop/cart.py:21", "--json").json
    assert answer["query"]["column"] == len("            total = total.plus(gross)")


def test_unsaved_text_on_stdin(run: Run, shop: Path) -> None:
    text = "from shop.prices import Money\n\n\ndef zero() -> Money:\n    return \n"
    told = run("explain", "shop/new.py:5:11", "--stdin", "--json", stdin=text).json
    assert told["query"]["path"] == "shop/new.py"
    assert told["query"]["scope"] == "zero"
    assert "def zero() -> Money" in told["prompt"]["text"]
    assert not (shop / "shop" / "new.py").exists()


def test_repository_from_elsewhere(run_here: Run, shop: Path, tmp_path: Path) -> None:
    outside = run_here("explain", "shop/cart.py:20:20", "--repo", str(shop), "--json", cwd=tmp_path)
    absolute = run_here("explain", f"{shop}/shop/cart.py:20:20", "--json", cwd=tmp_path)
    deeper = run_here("explain", "cart.py:20:20", "--json", cwd=shop / "shop")
    assert {answer.json["query"]["path"] for answer in (outside, absolute, deeper)} == {"shop/cart.py"}


def test_graph_in_three_forms(run_here: Run) -> None:
    whole = run_here("graph").json
    assert {node["path"] for node in whole["nodes"]} >= {"shop/cart.py", "shop/prices.py"}
    numbers = {node["id"]: node for node in whole["nodes"]}
    called = {
        (numbers[edge["source"]]["qualname"], numbers[edge["target"]]["qualname"])
        for edge in whole["edges"]
        if edge["kind"] == "calls"
    }
    assert ("Cart.total", "price_with_tax") in called
    part = run_here("graph", "shop/report.py").json
    assert 0 < len(part["nodes"]) < len(whole["nodes"])
    dot = run_here("graph", "--format", "dot").out
    assert dot.startswith("digraph")
    assert dot.count("->") == len(whole["edges"])
    tree = ElementTree.fromstring(run_here("graph", "--format", "graphml").out)
    assert len(tree.findall(".//{*}node")) == len(whole["nodes"])
    assert len(tree.findall(".//{*}edge")) == len(whole["edges"])


def test_config_names_the_origin(run: Run, environment: dict[str, str]) -> None:
    values = run("config", "show", "--json", REPOCODER_K="3").json
    assert values["k"] == {"value": 3, "origin": "environment REPOCODER_K"}
    assert values["passes"] == {"value": 2, "origin": "default"}
    assert re.search(
        r"^k +3 +environment REPOCODER_K", run("config", "show", REPOCODER_K="3").out, re.MULTILINE
    )
    assert run("config", "validate").code == 0
    assert run("config", "validate", REPOCODER_K="x").code == 2


def test_clean_removes_the_index_and_nothing_else(run_here: Run, shop: Path) -> None:
    run_here("index")
    directory = Path(run_here("status", "--json").json["directory"])
    assert directory.is_dir()
    before = sorted(path for path in shop.rglob("*"))
    strange = directory / "letter.txt"
    strange.write_text("mine")
    refused = run_here("clean")
    assert refused.code == 3
    assert "letter.txt" in refused.line
    strange.unlink()
    assert run_here("clean").code == 0
    assert not directory.exists()
    assert list(directory.parent.glob(f"*{directory.name}*")) == []
    assert sorted(path for path in shop.rglob("*")) == before
    assert "no index" in run_here("clean").out
    assert not run_here("status", "--json").json["exists"]


def test_json_is_one_line_of_ascii(run_here: Run) -> None:
    answer = run_here("search", "tax", "--json")
    assert answer.out.isascii()
    assert answer.out.count("\n") == 1
    assert json.loads(answer.out)


def test_doctor_sees_a_damaged_index(run_here: Run) -> None:
    run_here("index")
    directory = Path(run_here("status", "--json").json["directory"])
    healthy = run_here("doctor", "--json").json
    assert healthy["ok"]
    assert {check["name"]: check["status"] for check in healthy["checks"]}["index"] == "ok"
    assert all(check.keys() == {"name", "status", "detail", "hint"} for check in healthy["checks"])
    victim = next(
        path for path in sorted(directory.glob("generations/*/postings/*")) if path.stat().st_size > 200
    )
    data = bytearray(victim.read_bytes())
    data[150] ^= 0xFF
    victim.write_bytes(data)
    answer = run_here("doctor")
    assert answer.code == 1
    assert "fail  index" in answer.out
    assert run_here("index", "--rebuild").code == 0
