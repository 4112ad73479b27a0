"""The engine over real parts: a real index, the embedded model in its worker."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.errors import RepocoderError
from repocoder.types import CompletionRequest
from retrieval.types import Exclusion

VOCABULARY = '''"""Words and their numbers."""


class Vocabulary:
    """Numbers for words, given in order of first appearance."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number_of(self, word: str) -> int:
        """The number of a word; new words get the next one."""
        return self.numbers.setdefault(word, len(self.numbers))

    def words_in_order(self) -> list[str]:
        return sorted(self.numbers, key=self.numbers.__getitem__)
'''
ENCODER = """from words.vocabulary import Vocabulary


def encode(text: str, vocabulary: Vocabulary) -> list[int]:
    numbers = []
    for word in text.split():
        numbers.append(vocabulary.number_of(word))
    return numbers


def decode(numbers: list[int], vocabulary: Vocabulary) -> str:
    words = vocabulary.words_in_order()
    return " ".join(words[number] for number in numbers)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("repo") / "words"
    package = root / "words"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "vocabulary.py").write_text(VOCABULARY)
    (package / "encoder.py").write_text(ENCODER)
    (root / "README.md").write_text("# Words\n\nEncodes text as numbers.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        with Engine(root, Settings(workers=1)) as made:
            made.index()
            yield made


def test_the_prompt_holds_the_definition_that_the_line_needs(engine: Engine) -> None:
    told = engine.explain(
        CompletionRequest("words/encoder.py", 7, 0, text=_without_line(7), retrieval="always")
    )
    shown = "\n".join(hit.text for hit in told.prompt.hits)
    assert "def number_of" in shown
    assert any("Vocabulary" in evidence.why for hit in told.hits for evidence in hit.evidence)
    assert told.gate.retrieve


def test_a_completion_explains_itself(engine: Engine) -> None:
    completion = engine.complete(
        CompletionRequest("words/encoder.py", 7, 8, text=_without_line(7), retrieval="always")
    )
    assert completion.prompt.hits
    assert completion.completion_tokens > 0
    assert completion.mean_logprob is not None and completion.mean_logprob < 0
    assert completion.passes[0].number == 1 and sum(report.kept for report in completion.passes) == 1
    assert completion.timings.total_ms >= completion.timings.first_token_ms > 0
    assert len(completion.base_sha256) == 64


def test_never_and_always_give_other_prompts(engine: Engine) -> None:
    request = CompletionRequest("words/encoder.py", 7, 8, text=_without_line(7), retrieval="never")
    never = engine.complete(request)
    assert not never.gate.retrieve and not never.hits and not never.prompt.hits
    always = engine.explain(
        CompletionRequest("words/encoder.py", 7, 8, text=_without_line(7), retrieval="always")
    )
    assert always.prompt.token_ids != never.prompt.token_ids


def test_the_hole_is_not_retrieved(engine: Engine) -> None:
    """The index still has the line that the buffer has lost: it must not come back as a snippet."""
    told = engine.explain(
        CompletionRequest(
            "words/encoder.py", 7, 8, text=_without_line(7), retrieval="always",
            exclusions=(Exclusion("words/encoder.py", 7, 7),),
        )
    )  # fmt: skip
    assert all("vocabulary.number_of(word)" not in hit.text for hit in told.hits)
    assert "vocabulary.number_of(word)" not in told.prompt.text


def test_a_secret_of_the_buffer_is_not_in_the_prompt(engine: Engine) -> None:
    canary = "hunter2" + "canary"
    text = f'password = "{canary}"\nvalue = \nsecret = "{canary}"\n'
    told = engine.explain(CompletionRequest("words/new.py", 2, text=text))
    assert "password" in told.prompt.text and canary not in told.prompt.text


def test_streaming_ends_with_the_answer(engine: Engine) -> None:
    seen: list[tuple[str, int]] = []
    completion = engine.complete(
        CompletionRequest("words/encoder.py", 12, passes=1),
        on_text=lambda text, number: seen.append((text, number)),
    )
    assert {number for _, number in seen} <= {1}
    assert bool(seen) == bool(completion.text)


def test_cancel_returns_soon_and_the_next_answer_is_whole(engine: Engine) -> None:
    request = CompletionRequest("words/encoder.py", 7, 8, text=_without_line(7), passes=1)
    whole = engine.complete(request)
    for delay_s in (0.0, 0.01, 0.05):
        cancel = threading.Event()
        timer = threading.Timer(delay_s, cancel.set)
        timer.start()
        engine.complete(request, cancel=cancel)
        timer.join()
    assert engine.complete(request).text == whole.text


def test_search_finds_by_name_and_by_words(engine: Engine) -> None:
    by_name = engine.search("number_of")
    assert by_name.hits[0].path == "words/vocabulary.py"
    assert any(hit.path == "words/encoder.py" for hit in engine.search("decode numbers to text").hits)


def test_graph_has_the_call(engine: Engine) -> None:
    graph = engine.graph()
    names = nx_names(graph)
    calls = {(names[a], names[b]) for a, b, data in graph.edges(data=True) if data["kind"] == "calls"}
    assert ("encode", "Vocabulary.number_of") in calls


def nx_names(graph) -> dict[int, str]:  # type: ignore[no-untyped-def]
    return {node: data["qualname"] for node, data in graph.nodes(data=True)}


def test_an_edit_is_found_by_the_next_build(engine: Engine) -> None:
    new = engine.root / "words" / "added.py"
    new.write_text("def freshly_added_thing() -> int:\n    return 41\n")
    try:
        report = engine.ensure_index()
        assert report is not None and report.changed == 1
        assert engine.search("freshly_added_thing").hits[0].path == "words/added.py"
    finally:
        new.unlink()
    assert engine.ensure_index() is not None
    assert all(hit.path != "words/added.py" for hit in engine.search("freshly_added_thing").hits)
    assert engine.ensure_index() is None


def test_searches_go_on_while_the_index_changes(engine: Engine) -> None:
    place = engine.root / "words" / "busy.py"
    failures: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                assert engine.search("number_of").hits[0].path == "words/vocabulary.py"
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failures.append(error)

    readers = [threading.Thread(target=search) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(5):
        place.write_text(f"def busy_{number}(): ...\n")
        engine.index()
    done.set()
    for reader in readers:
        reader.join()
    place.unlink()
    engine.index()
    assert not failures


def test_those_who_search_before_there_is_an_index_wait_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "repo"
    root.mkdir()
    for number in range(40):
        (root / f"m{number}.py").write_text(f"def wanted_{number}(): ...\n" * 20)
    with Engine(root, Settings(workers=1)) as fresh, ThreadPoolExecutor(4) as pool:
        building = pool.submit(fresh.index)
        found = [pool.submit(fresh.search, f"wanted_{number}") for number in range(3)]
        assert [result.result().hits[0].path for result in found] == ["m0.py", "m1.py", "m2.py"]
        assert building.result().generation == 1
        assert fresh.notes == []


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("words/encoder.py", 0, None),
        ("words/encoder.py", 999, None),
        ("words/encoder.py", 1, 999),
        ("nowhere.py", 1, 0),
    ],
)
def test_a_bad_position_is_a_usage_error(engine: Engine, path: str, line: int, column: int | None) -> None:
    with pytest.raises(RepocoderError) as caught:
        engine.explain(CompletionRequest(path, line, column))
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_an_empty_repository_and_an_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "empty"
    root.mkdir()
    with Engine(root, Settings(workers=1)) as empty:
        assert empty.index().chunks == 0
        assert empty.search("anything").hits == ()
        (root / "a.py").touch()
        empty.ensure_index()
        assert empty.explain(CompletionRequest("a.py", 1, retrieval="always")).hits == ()


def test_a_damaged_index_is_rebuilt_and_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.py").write_text("def wanted(): ...\n")
    with Engine(root, Settings(workers=1)) as first:
        first.index()
        directory = first.directory
    victims = [p for p in (directory / "generations").rglob("*") if p.is_file() and p.name != "manifest.json"]
    assert victims
    for victim in victims:
        victim.write_bytes(b"\xff" * 64)
    with Engine(root, Settings(workers=1)) as second:
        assert second.search("wanted").hits[0].path == "a.py"
        parts = [note.partition("generations/1/")[2].partition(":")[0] for note in second.notes]
        assert sorted(parts) == ["postings", "vectors"]
        assert all(note.endswith("rebuilt") for note in second.notes)
    shutil.rmtree(directory)


def test_start_does_nothing_heavy(tmp_path: Path) -> None:
    started = time.monotonic()
    Engine(tmp_path, Settings()).close()
    assert not (tmp_path / "cache").exists()
    assert time.monotonic() >= started


def _without_line(number: int) -> str:
    lines = ENCODER.splitlines(keepends=True)
    lines[number - 1] = lines[number - 1][: len(lines[number - 1]) - len(lines[number - 1].lstrip())] + "\n"
    return "".join(lines)
