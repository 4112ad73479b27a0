"""Names the outliers: what tires a reader is not the median but the worst file."""

from __future__ import annotations

import ast
from pathlib import Path

MAX_MODULE_LINES = 400  # the aim is 300
MAX_FUNCTION_LINES = 60  # the aim is 40
MAX_PARAMETERS = 8  # the aim is six; a command of the command line has one for each of its flags
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "handler"}


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without decorators and docstring: they are not what has to be followed."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        first = function.body[0]
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def test_modules_are_short(sources: dict[str, Path]) -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in sources.items()}
    assert {name: count for name, count in lines.items() if count > MAX_MODULE_LINES} == {}


def test_functions_are_short(sources: dict[str, Path]) -> None:
    long = {
        f"{name}.{function.name}": length(function)
        for name, path in sources.items()
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if length(function) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_functions_take_few_parameters(sources: dict[str, Path]) -> None:
    many = {
        f"{name}.{function.name}": parameters(function)
        for name, path in sources.items()
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if parameters(function) > MAX_PARAMETERS
    }
    assert many == {}


def test_names_say_what_is_inside(sources: dict[str, Path]) -> None:
    assert [name for name in sources if name.split(".")[-1] in VAGUE_NAMES] == []
    classes = [
        f"{name}.{node.name}"
        for name, path in sources.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Handler", "Helper", "Utils"))
    ]
    assert classes == []


def test_no_pickle(sources: dict[str, Path]) -> None:
    """Neither the module nor numpy's way to it."""
    for name, path in sources.items():
        text = path.read_text(encoding="utf-8")
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
        }
        assert not names & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}, name
        assert "allow_pickle=True" not in text, name
