"""Fully local: network code exists where a user asks for it by name, each with its own library, and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "xmlrpc", "telnetlib", "socketserver"} | {
    "requests",
    "httpx",
    "aiohttp",
    "urllib3",
    "huggingface_hub",
    "websockets",
    "websocket",
    "grpc",
    "paramiko",
}
HARMLESS = {"urllib.parse"}
MAY_CONNECT = {
    "repocoder.download": {"huggingface_hub"},  # `repocoder models pull`
    "eval.datasets.fetch": {"http", "urllib"},  # `repocoder eval fetch`
    "eval.bench.infill_server": {"http", "socket"},  # `python -m eval.bench.typing --server`, on this machine
    "repocoder.llm.remote": {"http", "socket"},  # `repocoder eval run --model URL`
}
"""Module -> what it may import, inside of functions only."""

REMOTE = "repocoder.llm.remote"  # the beginning of the names of all modules that know of remote models


def imported(tree: ast.AST) -> set[str]:
    """Every module that the source names in an import, or in `import_module("…")`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.update({node.module} | {f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func)
            if function.endswith(("import_module", "__import__")) and isinstance(node.args[0].value, str):
                names.add(node.args[0].value)
    return names


def network_imports(source: str) -> set[str]:
    return {
        name
        for name in imported(ast.parse(source))
        if name.split(".")[0] in NETWORK and name not in HARMLESS and not name.startswith("urllib.parse.")
    } - {"urllib"}


def loaded_at_once(source: str) -> set[str]:
    """The network modules that importing the source itself loads: not those within functions, nor for type checks."""
    waiting: list[ast.AST] = [ast.parse(source)]
    names: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= network_imports(ast.unparse(node))
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return names


def test_only_what_the_user_asks_for_has_network_code(sources: dict[str, Path]) -> None:
    found = {name: network_imports(path.read_text(encoding="utf-8")) for name, path in sources.items()}
    more = {
        name: {module for module in modules if module.split(".")[0] not in MAY_CONNECT.get(name, set())}
        for name, modules in found.items()
    }
    assert {name: modules for name, modules in more.items() if modules} == {}
    assert {name for name, modules in found.items() if modules} == set(MAY_CONNECT)


def test_network_code_is_loaded_when_it_is_used(sources: dict[str, Path]) -> None:
    for name in MAY_CONNECT:
        at_once = loaded_at_once(sources[name].read_text(encoding="utf-8"))
        assert at_once <= {"http", "http.HTTPStatus"}, name  # numbers with names; no client


def test_only_the_evaluation_opens_a_remote_model(sources: dict[str, Path]) -> None:
    """A product that completes code must not be able to send it away, whatever its settings say."""
    for name, path in sources.items():
        if name.split(".")[0] != "eval" and not name.startswith(REMOTE):
            names = imported(ast.parse(path.read_text(encoding="utf-8")))
            assert not {module for module in names if module.startswith(REMOTE)}, name


def test_the_guard_sees_what_it_must() -> None:
    assert network_imports("import socket") == {"socket"}
    assert network_imports("def f():\n    from urllib import request") == {"urllib.request"}
    assert network_imports("import importlib\nimportlib.import_module('http.client')") == {"http.client"}
    assert network_imports("from urllib.parse import quote\nimport os.path") == set()
    assert loaded_at_once("if TYPE_CHECKING:\n    import ssl\ndef f():\n    import socket") == set()
    assert loaded_at_once("try:\n    import socket\nexcept OSError:\n    from http import client") == {
        "socket",
        "http",
        "http.client",
    }
    assert loaded_at_once("class A:\n    import ssl\nif 1:\n    import http.client") == {"ssl", "http.client"}
