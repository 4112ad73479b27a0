"""Real cursors of a repository, and whether the prompt held the definition that the true line needs.

    python -m eval.bench.cursors REPO [-n 20] [--seed 1] [--retrieve-only] [--json]

A cursor stands at the indentation of a line inside a function body; the line is taken out of the buffer, what follows
it stays. The line must use a name that is defined in another file of the repository. Who says so is jedi, which shares
no code with our own resolution, so a name that we cannot resolve still counts against us. A definition is *in the
prompt* if a snippet of the prompt comes from its file, covers its line and shows its name.
"""

from __future__ import annotations

import argparse
import ast
import json
import keyword
import random
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from indexer.walk import Found, walk
from repocoder.config import load_settings
from repocoder.engine import Engine
from repocoder.types import Completion, CompletionRequest, Explanation
from retrieval.types import Exclusion, Hit

_COMPOUND = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.AsyncWith, ast.Try, ast.Match,
)  # fmt: skip
MIN_LINE_CHARACTERS = 12
"""Shorter lines (`pass`, `return x`) say little about what a completion needs."""

MAX_FILE_BYTES = 200_000
"""jedi takes seconds for a name in a larger file."""


MAX_TRIES = 8
"""Lines of one file that are tried before the next file."""

MAX_ROUNDS = 3
"""Times that all files are gone through where a repository has few."""


@dataclass(frozen=True, slots=True)
class Definition:
    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """A hole: the line `truth` was taken out, the cursor stands after its indentation."""

    path: str
    line: int  # 1-based
    column: int
    truth: str
    needs: tuple[Definition, ...]  # definitions in other files that the true line uses
    text: str  # the buffer with the hole


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened at one cursor."""

    cursor: Cursor
    explanation: Explanation
    found: tuple[Definition, ...]  # needed definitions among the snippets of the prompt
    retrieved: tuple[Definition, ...]  # needed definitions among all hits
    without: Completion | None = None  # retrieval never
    with_context: Completion | None = None  # retrieval always


def sample_cursors(root: Path, count: int, seed: int) -> list[Cursor]:
    """`count` cursors of `root` by a fixed seed, one a file in each round; fewer if the repository has no more."""
    import jedi

    roots = [str(place) for place in (root, root / "src", root / "lib") if place.is_dir()]
    project = jedi.Project(root, added_sys_path=roots, smart_sys_path=False, load_unsafe_extensions=False)
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    found = [entry for entry in walk(root) if isinstance(entry, Found) and entry.path.endswith(".py")]
    source = _Source(root, project, frozenset(entry.path for entry in found), rng)
    paths = [entry.path for entry in found if entry.size <= MAX_FILE_BYTES]
    rng.shuffle(paths)
    cursors: list[Cursor] = []
    taken: set[tuple[str, int]] = set()
    for _ in range(MAX_ROUNDS):
        for path in paths:
            if len(cursors) == count:
                return cursors
            cursor = source.cursor_in(path)
            if cursor is not None and (cursor.path, cursor.line) not in taken:
                taken.add((cursor.path, cursor.line))
                cursors.append(cursor)
    return cursors


@dataclass(frozen=True, slots=True)
class _Source:
    """The files that cursors are drawn from."""

    root: Path
    project: Any  # of jedi
    paths: frozenset[str]  # what the index holds: a definition elsewhere cannot be retrieved
    rng: random.Random

    def cursor_in(self, path: str) -> Cursor | None:
        """A cursor in one file, if one of a few lines drawn from it will do."""
        import jedi

        file = self.root / path
        try:
            text = file.read_text("utf-8")
            candidates = _statement_lines(text)
        except (UnicodeDecodeError, SyntaxError):
            return None
        lines = text.splitlines(keepends=True)
        self.rng.shuffle(candidates)
        script = jedi.Script(text, path=file, project=self.project)
        for number in candidates[:MAX_TRIES]:
            line = lines[number - 1]
            if len(line.strip()) < MIN_LINE_CHARACTERS:
                continue
            needs = tuple(dict.fromkeys(self._needs(script, line, number, path)))
            if needs:
                indent = line[: len(line) - len(line.lstrip())]
                end = line[len(line.rstrip("\r\n")) :]
                hole = "".join([*lines[: number - 1], indent + end, *lines[number:]])
                return Cursor(path, number, len(indent), line.strip(), needs, hole)
        return None

    def _needs(self, script: Any, line: str, number: int, path: str) -> Iterator[Definition]:
        for name, column in _names(line):
            for found in script.goto(number, column, follow_imports=True):
                where = found.module_path
                if where is None or found.line is None or found.type == "module":
                    continue
                other = where.relative_to(self.root).as_posix() if where.is_relative_to(self.root) else ""
                if other in self.paths and other != path:
                    yield Definition(other, found.line, name)


def _statement_lines(text: str) -> list[int]:
    """1-based lines inside function bodies that hold one whole simple statement, docstrings left out."""
    found: set[int] = set()
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.stmt) or isinstance(node, _COMPOUND) or _is_text(node):
                continue
            if node.lineno == node.end_lineno and node.lineno >= function.body[0].lineno:
                found.add(node.lineno)
    return sorted(found)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(line: str) -> Iterator[tuple[str, int]]:
    """Names of a line and where they begin, strings and comments left out."""
    try:
        for token in tokenize.generate_tokens(StringIO(line.strip()).readline):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                yield token.string, token.start[1] + len(line) - len(line.lstrip())
    except (tokenize.TokenError, SyntaxError):
        return


def shows(hit: Hit, definition: Definition, within: str | None = None) -> bool:
    """Does this snippet show that definition? `within` is the text of a prompt, which may show a part of it."""
    if hit.path != definition.path or not hit.start_line <= definition.line <= hit.end_line:
        return False
    named = re.compile(rf"\b{re.escape(definition.name)}\b")
    return any(named.search(line) and (within is None or line in within) for line in hit.text.splitlines())


def run_cursor(engine: Engine, cursor: Cursor, *, retrieve_only: bool) -> Outcome:
    """Explain, and unless `retrieve_only` complete with and without retrieval."""

    def request(mode: Any) -> CompletionRequest:
        return CompletionRequest(
            path=cursor.path,
            line=cursor.line,
            column=cursor.column,
            text=cursor.text,
            retrieval=mode,
            max_tokens=48,
            exclusions=(Exclusion(cursor.path, cursor.line, cursor.line),),
        )

    explanation = engine.explain(request("always"))
    prompt = explanation.prompt
    found = tuple(d for d in cursor.needs if any(shows(hit, d, prompt.text) for hit in prompt.hits))
    retrieved = tuple(d for d in cursor.needs if any(shows(hit, d) for hit in explanation.hits))
    if retrieve_only:
        return Outcome(cursor, explanation, found, retrieved)
    without = engine.complete(request("never"))
    return Outcome(cursor, explanation, found, retrieved, without, engine.complete(request("always")))


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts over the cursors; times in milliseconds."""
    both = [o for o in outcomes if o.without is not None and o.with_context is not None]
    times = sorted(o.explanation.timings["total_ms"] for o in outcomes)
    return {
        "cursors": len(outcomes),
        "needed_definition_in_prompt": sum(bool(o.found) for o in outcomes),
        "all_needed_definitions_in_prompt": sum(len(o.found) == len(o.cursor.needs) for o in outcomes),
        "needed_definition_retrieved": sum(bool(o.retrieved) for o in outcomes),
        "gate_retrieves": sum(o.explanation.gate.retrieve for o in outcomes),
        "explain_ms_p50": times[len(times) // 2] if times else 0.0,
        "prompts_differ": sum(o.without.prompt.token_ids != o.with_context.prompt.token_ids for o in both),  # type: ignore[union-attr]
        "texts_differ": sum(o.without.text != o.with_context.text for o in both),  # type: ignore[union-attr]
        "second_pass_ran": sum(len(o.with_context.passes) > 1 for o in both),  # type: ignore[union-attr]
        "second_pass_kept": sum(any(p.kept and p.number > 1 for p in o.with_context.passes) for o in both),  # type: ignore[union-attr]
        "exact_match": sum(_first_line(o.with_context) == o.cursor.truth for o in both),
        "exact_match_without": sum(_first_line(o.without) == o.cursor.truth for o in both),
    }


def _first_line(completion: Completion | None) -> str:
    return "" if completion is None else completion.text.strip().split("\n")[0].strip()


def _describe(outcome: Outcome) -> dict[str, Any]:
    return {
        "place": f"{outcome.cursor.path}:{outcome.cursor.line}",
        "truth": outcome.cursor.truth,
        "needs": [asdict(d) for d in outcome.cursor.needs],
        "in_prompt": [d.name for d in outcome.found],
        "retrieved": [d.name for d in outcome.retrieved],
        "never": outcome.without.text if outcome.without else None,
        "always": outcome.with_context.text if outcome.with_context else None,
        "passes": len(outcome.with_context.passes) if outcome.with_context else None,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.cursors", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("repo", type=Path)
    parser.add_argument("-n", type=int, default=20, help="number of cursors")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="a GGUF or the name of a recorded model")
    parser.add_argument("--retrieve-only", action="store_true", help="do not run the model")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    root = options.repo.resolve()
    overrides = {"model": options.model} if options.model else {}
    with Engine(root, load_settings(root, overrides).settings) as engine:
        engine.ensure_index()
        outcomes = [
            run_cursor(engine, cursor, retrieve_only=options.retrieve_only)
            for cursor in sample_cursors(root, options.n, options.seed)
        ]
    result = {
        "repo": root.name,
        "seed": options.seed,
        "model": None if options.retrieve_only else engine_model(outcomes),
    }
    result |= summarise(outcomes)
    rows = [_describe(o) for o in outcomes]
    if options.json:
        json.dump({**result, "rows": rows}, sys.stdout, indent=2)
        print()
        return 0
    for row in rows:
        mark = "+" if row["in_prompt"] else "-"
        needs = ", ".join(sorted({d["name"] for d in row["needs"]}))
        print(f"{mark} {row['place']}  needs {needs}\n    {row['truth'][:100]}")
    for key, value in result.items():
        print(f"{key}: {value}")
    return 0


def engine_model(outcomes: Sequence[Outcome]) -> str:
    return outcomes[0].explanation.model.name if outcomes else ""


if __name__ == "__main__":
    sys.exit(main())
