"""Fully local: network code exists in the model downloader and nowhere else."""

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
DOWNLOADERS = {"repocoder.download", "eval.datasets.fetch"}


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


def test_only_the_downloader_has_network_code(sources: dict[str, Path]) -> None:
    found = {
        name: network_imports(path.read_text(encoding="utf-8"))
        for name, path in sources.items()
        if name not in DOWNLOADERS
    }
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_the_guard_sees_what_it_must() -> None:
    assert network_imports("import socket") == {"socket"}
    assert network_imports("def f():\n    from urllib import request") == {"urllib.request"}
    assert network_imports("import importlib\nimportlib.import_module('http.client')") == {"http.client"}
    assert network_imports("from urllib.parse import quote\nimport os.path") == set()
