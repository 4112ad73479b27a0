"""`graph`: the dependency graph as JSON, DOT or GraphML."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocoder import jsonout
from repocoder.cli.options import Command, progress_option, repo_option
from repocoder.cli.place import locate, repository
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import print_json
from repocoder.errors import UsageError
from repocoder.terminal import safe

if TYPE_CHECKING:
    import networkx

_SHAPES = {
    "file": "note",
    "class": "box",
    "function": "ellipse",
    "method": "ellipse",
    "variable": "plaintext",
}
_STYLES = {"contains": "dotted", "imports": "dashed", "inherits": "bold"}


@click.command(cls=Command)
@click.argument("path", required=False)
@repo_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "dot", "graphml"]),
    default="json",
    show_default=True,
    help="Format.",
)
@progress_option
def graph(path: str | None, repo: str | None, form: str, progress: bool | None) -> None:
    """Write the dependency graph of the repository or of a file.

    PATH is a file or a folder of a repository, or its root for all of it.
    """
    if path is None:
        root, inside = repository(repo), None
    elif repo is None and Path(path, ".git").is_dir():
        root, inside = repository(path), None
    else:
        root, inside = locate(path, repo)
    with open_engine(root) as engine:
        update_index(engine, progress)
        found = engine.graph(inside)
    if inside is not None and not found.number_of_nodes():
        raise UsageError(f"not in the index: {inside}: see `repocoder status --skipped`")
    if form == "json":
        print_json(jsonout.graph_json(found))
    elif form == "dot":
        sys.stdout.writelines(dot_lines(found))
    else:
        _write_graphml(found)


def dot_lines(found: networkx.MultiDiGraph) -> Iterator[str]:
    """The graph in Graphviz's language, one statement a line."""
    yield "digraph dependencies {\n  rankdir=LR;\n  node [fontsize=10];\n"
    for number, node in found.nodes(data=True):
        label = node["qualname"] or node["path"]
        shape = _SHAPES.get(node["kind"], "ellipse")
        tip = f"{node['path']}:{node['start_line']}"
        yield f"  n{int(number)} [label={_quote(label)}, tooltip={_quote(tip)}, shape={shape}];\n"
    for source, target, edge in found.edges(data=True):
        style = _STYLES.get(edge["kind"], "solid")
        yield f"  n{int(source)} -> n{int(target)} [label={_quote(edge['kind'])}, style={style}];\n"
    yield "}\n"


def _quote(text: str) -> str:
    """A quoted string of DOT: a quote ends it and a backslash starts an escape, everything else is itself."""
    return '"' + safe(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_graphml(found: networkx.MultiDiGraph) -> None:
    import networkx

    for _, node in found.nodes(data=True):  # XML cannot hold control characters or surrogates at all
        node.update({key: safe(value) for key, value in node.items() if isinstance(value, str)})
    for line in networkx.generate_graphml(found):
        sys.stdout.write(line + "\n")
