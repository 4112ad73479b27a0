"""From what is asked for to a plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from eval.run.planning import Asked, default_out, make_plan
from eval.run.running import run
from eval.types import Benchmark, RunConfig, Task
from repocoder.errors import UsageError
from repocoder.models import EMBEDDED_FILE, EMBEDDED_NAME, EMBEDDED_SHA256

MakeTasks = Callable[..., tuple[Task, ...]]
ReadRecords = Callable[[Path], list[dict[str, Any]]]


class Folders:
    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, repository: str) -> Path:
        if not (self._root / repository).is_dir():
            raise UsageError(f"no sources of {repository}")
        return self._root / repository


@pytest.fixture
def benchmark(tmp_path: Path, make_tasks: MakeTasks, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("a", "b"):
        (tmp_path / "sources" / name).mkdir(parents=True)
    return Benchmark(
        "repoeval-line",
        "repoeval",
        "python",
        make_tasks(a=6, b=6),
        Folders(tmp_path / "sources"),
        ("resampled",),
    )


def test_the_configuration_says_what_will_be_done(benchmark: Benchmark) -> None:
    asked = Asked("hybrid", passes=3, limit=6, seed=2, shard="1/2", budget=512, embedder="minilm", workers=2)
    plan, staff = make_plan(benchmark, asked)
    config = plan.config
    assert (config.passes, config.limit, config.seed, config.shard, config.budget) == (3, 6, 2, "1/2", 512)
    assert (config.model, config.model_sha256) == (EMBEDDED_NAME, EMBEDDED_SHA256)
    assert config.details == {"model": "", "embedder": "minilm"}
    assert len(plan.tasks) == 3
    assert len({task.repository for task in plan.tasks}) == 1
    assert plan.recipe.arguments["options"]["folders"].keys() == {task.repository for task in plan.tasks}
    assert plan.facts["notes"] == ["resampled", "a sample of 6 of 12 tasks, seed 2"]
    assert str(staff).startswith("2 workers, ")
    json.dumps(plan.recipe.arguments)  # it has to travel
    embedded, _ = make_plan(benchmark, replace(asked, model=str(EMBEDDED_FILE)))
    assert embedded.config == config


def test_methods_without_drafts_make_one_pass(benchmark: Benchmark) -> None:
    assert make_plan(benchmark, Asked("in-file", passes=3))[0].config.passes == 1
    assert make_plan(benchmark, Asked("engine", passes=2))[0].config.passes == 2
    assert make_plan(benchmark, Asked("hybrid", passes=2, with_model=False))[0].config.passes == 1


def test_without_a_model_the_tokenizer_is_named(benchmark: Benchmark) -> None:
    plan, _ = make_plan(benchmark, Asked("bm25", with_model=False))
    assert plan.config.model == ""
    assert plan.config.details["tokenizer"] == EMBEDDED_NAME
    assert "-retrieval-" in plan.out.name


def test_upper_bounds_are_called_so(benchmark: Benchmark) -> None:
    plan, _ = make_plan(benchmark, Asked("oracle"))
    assert any("upper bound" in note for note in plan.facts["notes"])


def test_sources_are_asked_for_only_where_they_are_needed(benchmark: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "sources" / "a").rmdir()
    plan, _ = make_plan(benchmark, Asked("in-file"))
    assert plan.recipe.arguments["options"]["folders"].keys() == {"b"}
    with pytest.raises(UsageError, match="no sources of a"):
        make_plan(benchmark, Asked("bm25"))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked("hybird"), "did you mean hybrid"),
        (Asked("engine", with_model=False), "use hybrid"),
        (Asked("bm25", shard="3/2"), "--shard"),
        (Asked("bm25", workers=0), "--workers"),
        (Asked("bm25", workers=0, ray="host:1"), "--workers"),
        (Asked("bm25", remote_template="qwen"), "--remote-template"),
        (Asked("bm25", model="http://h", with_model=False), "give a GGUF"),
        (Asked("bm25", gate="logistic"), "bm25 has none to choose: take engine or hybrid"),
        (Asked("bm25", without=("similar",)), "bm25 is not made of our parts: take hybrid or engine"),
        (Asked("hybrid", without=("simlar",)), "no such part: simlar: did you mean similar?"),
        (
            Asked("hybrid", without=("similar", "loop.mending")),
            "loop.mending: hybrid has no such loop: take engine",
        ),
    ],
)
def test_what_cannot_be_is_refused(benchmark: Benchmark, asked: Asked, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_plan(benchmark, asked)


def test_samples_may_not_lie_among_the_sources(benchmark: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give another --out"):
        make_plan(benchmark, Asked("bm25", out=tmp_path / "sources" / "a" / "deep" / "run"))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "sources" / "b")
    with pytest.raises(UsageError, match="give another --out"):
        make_plan(benchmark, Asked("bm25", out=link / "run"))
    assert make_plan(benchmark, Asked("bm25", out=tmp_path / "sources" / "run"))[0].tasks


def test_the_folder_has_a_name_that_every_disk_takes() -> None:
    config = RunConfig("repoeval-line", "bm25", model="org/model: 7B", commit="0123abc", shard="2/3")
    assert default_out(config) == Path("repocoder-eval/repoeval-line/bm25-org_model_7B-0123abc-shard-2-of-3")
    gated = RunConfig("repoeval-line", "hybrid", model="m", commit="c", gate="logistic")
    assert default_out(gated).name == "hybrid-gate-logistic-m-c"
    cut = RunConfig("repoeval-line", "hybrid", commit="c", without=("similar", "fusion.side"))
    assert default_out(cut).name == "hybrid-without-similar-without-fusion.side-retrieval-c"


@contextmanager
def completing_server(seen: list[dict[str, Any]]) -> Iterator[str]:
    """A server that only completes text."""

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self.answer({"data": [{"id": "big-model"}]} if self.path == "/v1/models" else None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/completions":
                return self.answer(None)
            seen.append(body)
            return self.answer({"choices": [{"text": "value_1\n", "finish_reason": "stop"}]})

        def answer(self, content: Any) -> None:
            data = json.dumps(content).encode()
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_model_behind_a_url_is_named_with_its_place(
    benchmark: Benchmark, tmp_path: Path, read_records: ReadRecords
) -> None:
    seen: list[dict[str, Any]] = []
    with completing_server(seen) as url:
        asked = Asked("in-file", model=f"{url}/v1", limit=2, workers=1, out=tmp_path / "run")
        plan, staff = make_plan(benchmark, asked)
        assert not any(
            "value_" in str(body) for body in seen
        )  # nothing of the benchmark before it is asked for
        outline = run(plan, staff.open, show_progress=False)
    assert outline.errors == 0, read_records(plan.out)
    assert "big-model" in plan.config.model
    assert plan.config.details["model"] == url
    assert any("received the prompts" in note and url in note for note in plan.facts["notes"])
    records = read_records(plan.out)
    assert {record["passes"][0]["prediction"] for record in records} == {"value_1\n"}
    assert len([body for body in seen if "x = " in str(body)]) >= 2
