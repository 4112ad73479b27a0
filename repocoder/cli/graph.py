"""`graph`: the dependency graph as JSON, DOT, GraphML or text, and questions to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocoder import jsonout
from repocoder.cli.options import Command, progress_option, repo_option
from repocoder.cli.place import locate, repository
from repocoder.cli.session import open_engine, update_index
from repocoder.cli.show import out, print_json
from repocoder.errors import UsageError
from repocoder.terminal import safe

if TYPE_CHECKING:
    import networkx

    from indexer.types import Symbol
    from repocoder.graphs import Ranking, Touched

FORMATS = ("json", "dot", "graphml", "text")
IMPACT_HOPS = 3  # what uses it, what uses that, and one more: beyond, in most code, is everything

_SHAPES = {
    "file": "note",
    "class": "box",
    "function": "ellipse",
    "method": "ellipse",
    "variable": "plaintext",
}
_STYLES = {"contains": "dotted", "imports": "dashed", "inherits": "bold", "overrides": "bold"}


@click.command(cls=Command)
@click.argument("path", required=False)
@repo_option
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Format; by default json (networkx's node-link form), and text for --rank and --impact.",
)
@click.option("--around", metavar="PLACE", help="Only what is near a file or symbol: FILE, NAME, FILE:NAME.")
@click.option("--rank", "ranked", metavar="FILE", help="What matters most around a file, with scores.")
@click.option("--impact", metavar="PLACE", help="What uses a file or symbol, also through others.")
@click.option(
    "--hops", type=click.IntRange(1, 20), help="How far --around (by default 1) and --impact (3) go."
)
@click.option(
    "--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many --rank shows."
)
@progress_option
def graph(path: str | None, repo: str | None, form: str | None, progress: bool | None, **asked: Any) -> None:
    """Write the dependency graph of the repository or of a file, or ask it a question.

    PATH is a file or a folder of a repository, or its root for all of it.
    """
    question = _question(path, form, asked)
    if question == "path":
        root, place = _root_and_path(path, repo)
    elif question == "ranked":
        root, place = locate(asked["ranked"], repo)
    else:
        root, place = _root_and_place(asked[question], repo)
    with open_engine(root) as engine:
        update_index(engine, progress)
        if question == "ranked":
            _write_ranking(engine.rank_around(place or "", asked["top"]), form or "text")
        elif question == "impact":
            _write_impact(engine.impact(place or "", asked["hops"] or IMPACT_HOPS), form or "text")
        elif question == "around":
            _write_graph(engine.graph_around(place or "", asked["hops"] or 1), form or "json")
        else:
            found = engine.graph(place)
            if place is not None and not found.number_of_nodes():
                raise UsageError(f"not in the index: {place}: see `repocoder status --skipped`")
            _write_graph(found, form or "json")


def _question(path: str | None, form: str | None, asked: dict[str, Any]) -> str:
    """What is asked: path, around, ranked or impact. UsageError for two at once or a form that it has not."""
    given = [name for name in ("around", "ranked", "impact") if asked[name] is not None]
    if len(given) + (path is not None) > 1:
        raise UsageError("graph: more than one of PATH, --around, --rank and --impact: give one")
    question = given[0] if given else "path"
    if question in ("ranked", "impact") and form not in (None, "text", "json"):
        raise UsageError(f"graph: --format {form}: --rank and --impact are written as text or json")
    if asked["hops"] is not None and question not in ("around", "impact"):
        raise UsageError("graph: --hops: goes with --around or --impact")
    return question


def _root_and_path(path: str | None, repo: str | None) -> tuple[Path, str | None]:
    if path is None:
        return repository(repo), None
    if repo is None and Path(path, ".git").is_dir():
        return repository(path), None
    return locate(path, repo)


def _root_and_place(text: str, repo: str | None) -> tuple[Path, str]:
    """The root, and FILE, NAME or FILE:NAME with the file relative to it. A file that exists decides."""
    file, colon, name = text.rpartition(":")
    for candidate, rest in ((text, ""), (file.removesuffix(":") if colon else "", colon + name)):
        if candidate and any(Path(place).is_file() for place in (candidate, Path(repo or ".", candidate))):
            root, path = locate(candidate, repo)
            return root, path + rest
    return repository(repo), text


def _write_graph(found: networkx.MultiDiGraph, form: str) -> None:
    if form == "json":
        print_json(jsonout.graph_json(found))
    elif form == "graphml":
        _write_graphml(found)
    else:
        sys.stdout.writelines(dot_lines(found) if form == "dot" else text_lines(found))


def _write_ranking(ranking: Ranking, form: str) -> None:
    if form == "json":
        print_json(jsonout.ranking_json(ranking))
        return
    out(f"files around {safe(ranking.path)}")
    for path, score in ranking.files:
        out(f"  {score:.4f}  {safe(path)}")
    out("definitions")
    for one in ranking.symbols:
        out(f"  {one.score:.4f}  {_name(one.symbol)}  {one.symbol.kind}")


def _write_impact(touched: Sequence[Touched], form: str) -> None:
    if form == "json":
        print_json(jsonout.impact_json(touched))
        return
    for one in touched:
        out(f"{one.hops}  {one.weight:.2f}  {_name(one.symbol)}  {one.symbol.kind}")
    if not touched:
        out("nothing that the index knows of")


def _name(symbol: Symbol) -> str:
    return safe(f"{symbol.path}:{symbol.span.start_line} {symbol.qualname}".rstrip())


def text_lines(found: networkx.MultiDiGraph) -> Iterator[str]:
    """One edge a line: source, kind, target, and the confidence where it is a guess; nodes without any alone."""
    names = {
        number: safe(f"{node['path']}:{node['qualname']}".rstrip(":"))
        for number, node in found.nodes(data=True)
    }
    lines = [
        f"{names[source]} {edge['kind']} {names[target]}"
        + (f" ({edge['weight']:.2f})" if edge["weight"] < 1 else "")
        for source, target, edge in found.edges(data=True)
    ]
    lines += [names[number] for number in found if not found.degree(number)]
    yield from (line + "\n" for line in sorted(lines))


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
