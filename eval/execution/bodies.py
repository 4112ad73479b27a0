"""Function bodies in their file: a generated one in the place of the truth, and bodies that must never pass."""

from __future__ import annotations

import ast
import re

from eval.types import Task


def with_body(task: Task, body: str) -> str:
    """The whole file with `body` where the truth was."""
    ended = body if not body or body.endswith("\n") or not task.suffix else f"{body}\n"
    return f"{task.prefix}{ended}{task.suffix}"


def raising(task: Task) -> str:
    """A body that fails as soon as it is called."""
    return f'{_indentation(task)}raise NotImplementedError("no body")\n'


def idle(task: Task) -> str:
    """A body that does nothing."""
    return f"{_indentation(task)}pass\n"


def _indentation(task: Task) -> str:
    first = next((line for line in task.truth.splitlines() if line.strip()), "")
    found = re.match(r"[ \t]*", first)
    return found.group() if found else ""


def parses(text: str) -> bool:
    """Can Python read this file at all?"""
    try:
        compile(text, "<file>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def function_lines(task: Task) -> tuple[int, int]:
    """First and last line (1-based, decorators included) of the function whose body is the truth."""
    text = with_body(task, task.truth)
    last = task.line + task.truth.rstrip().count("\n")
    candidates = [
        (min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno < task.line <= (node.end_lineno or 0)
        and last <= (node.end_lineno or 0)
    ]
    if not candidates:
        return task.line, last
    return max(candidates)[0], last
