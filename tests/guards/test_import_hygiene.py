"""The run-time twin of the import contracts: what is in memory after an import, whatever the path it took."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

FRONT_ENDS = {"textual", "rich", "click"}
ENCODERS = {"torch", "sentence_transformers", "transformers"}
DOWNLOADERS = {"huggingface_hub", "httpx", "httpx2", "requests", "urllib3", "http.client", "urllib.request"}
RUNTIME = {"llama_cpp"}

MODEL_WORKER = {
    "repocoder.llm.worker",
    "repocoder.llm.runtime",
    "repocoder.llm.decoding",
}  # run in a process of their own
PLOTS = "eval.report.plots"

# package -> what must not be in memory after all of its modules (but the named ones) are imported
FORBIDDEN = {
    "indexer": {"retrieval", "repocoder", "tui", "eval"} | FRONT_ENDS | ENCODERS | DOWNLOADERS | RUNTIME,
    "retrieval": {"repocoder", "tui", "eval"} | FRONT_ENDS | ENCODERS | DOWNLOADERS | RUNTIME,
    "repocoder": {"tui", "eval", "textual", "matplotlib"} | ENCODERS | DOWNLOADERS | RUNTIME,
    "tui": {"eval", "matplotlib"} | ENCODERS | DOWNLOADERS | RUNTIME,
    "eval": {"tui", "textual", "matplotlib"} | ENCODERS | DOWNLOADERS | RUNTIME,
}
HEAVY = {
    "numpy",
    "faiss",
    "networkx",
    "msgspec",
    "sqlite3",
    "tree_sitter",
    "retrieval",
    "tui",
    "eval",
    "asyncio",
}


def loaded_after(statement: str) -> set[str]:
    """Names of the modules in memory after a fresh interpreter ran `statement`."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_arrows_hold_at_run_time(package: str, sources: dict[str, Path]) -> None:
    mine = [name for name in sources if name.split(".")[0] == package and name not in MODEL_WORKER | {PLOTS}]
    mine = [name for name in mine if not name.endswith("__main__")]
    loaded = loaded_after("\n".join(f"import {name}" for name in mine))
    assert FORBIDDEN[package] & loaded == set()


def test_nothing_below_the_front_ends_brings_a_terminal_library(sources: dict[str, Path]) -> None:
    mine = [
        name
        for name in sources
        if name.startswith("repocoder.") and not name.startswith(("repocoder.cli", "repocoder.__main__"))
    ]
    mine = [name for name in mine if name not in MODEL_WORKER]
    assert FRONT_ENDS & loaded_after("\n".join(f"import {name}" for name in mine)) == set()


def test_help_imports_nothing_heavy() -> None:
    statement = (
        "import io; sys.stdout = io.StringIO()\nfrom repocoder.cli import main\nassert main(['--help']) == 0"
    )
    loaded = loaded_after(statement)
    assert (HEAVY | ENCODERS | DOWNLOADERS | RUNTIME | {"textual", "rich", "platformdirs"}) & loaded == set()


def test_help_is_quick() -> None:
    """150 ms is the contract, on a machine where the bare interpreter takes 20 ms.

    Processor time, the best of several runs, beside the bare interpreter: other tests keep the machine busy.
    """
    bare = help_ = float("inf")
    for _ in range(6):
        bare = min(bare, processor_time([sys.executable, "-c", "pass"]))
        help_ = min(help_, processor_time([sys.executable, "-m", "repocoder", "--help"]))
    assert help_ < max(0.15, 7.5 * bare)


def processor_time(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
