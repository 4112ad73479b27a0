"""The graph around one definition as a tree: what it uses, who uses it, what is in it, what a change may touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode

from indexer.types import Symbol
from repocoder import navigation
from repocoder.errors import RepocoderError
from repocoder.terminal import safe
from tui.display import MUTED, plain
from tui.places import Place
from tui.widgets.preview import Preview, Read

if TYPE_CHECKING:
    from repocoder.engine import Engine

HOPS = 3
"""How many uses away a change is followed: beyond, nearly everything is reached."""

SHOWN = 200
"""Symbols that one branch shows."""

NARROW, WIDE = 0, 100
KEYS = "Enter goes there   → ← open and close   F9 looks from there   Esc leaves"

OPENED = 40
"""A branch with more lines is shown closed, so that the others stay in sight."""

USES, USERS, MEMBERS, IMPACT = "uses", "used by", "members", "a change may touch"


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a line of the tree stands for: a branch of a symbol (`way` says which), or a symbol reached on a way."""

    symbol: Symbol
    way: str
    is_branch: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A symbol below a branch, with a note such as how it is used."""

    symbol: Symbol
    note: str


class GraphScreen(ModalScreen[Place | None]):
    """Ends with the chosen place, or None. Branches are filled in threads when they are opened."""

    CSS_PATH = "graph.tcss"
    HORIZONTAL_BREAKPOINTS = [(NARROW, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # not a ClassVar in Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave", id="graph-leave", tooltip="Leave without choosing"),
        Binding(
            "right",
            "expand",
            "Open",
            id="graph-open",
            tooltip="Open the branch, or go into it",
            priority=True,
        ),
        Binding(
            "left",
            "collapse",
            "Close",
            id="graph-close",
            tooltip="Close the branch, or go out",
            priority=True,
        ),
        Binding(
            "f9", "center", "Look from here", id="graph-center", tooltip="Put this symbol into the centre"
        ),
    ]

    def __init__(self, engine: Engine, symbol: Symbol, read: Read) -> None:
        super().__init__()
        self._engine = engine
        self._center = symbol
        self._read = read

    def compose(self) -> ComposeResult:
        with Vertical(id="graph"):
            yield Static(id="graph-title")
            with Horizontal(id="graph-body"):
                tree: Tree[Leaf] = Tree(Text(""), id="graph-tree")
                tree.show_root = False
                tree.auto_expand = False
                tree.guide_depth = 3
                yield tree
                yield Preview(self._read, id="graph-preview")
            yield Static(Content(KEYS), id="graph-keys")

    def on_mount(self) -> None:
        self._tree.focus()
        self._show()

    @property
    def _tree(self) -> Tree[Leaf]:
        return self.query_one("#graph-tree", Tree)

    # ---- the centre

    def _show(self) -> None:
        """Show the branches of the symbol in the centre."""
        symbol = self._center
        title = Content.assemble(
            plain(symbol.qualname or symbol.path, "bold"),
            plain(f"  {symbol.kind}", "$text-secondary"),
            plain(f"  {symbol.path}:{symbol.span.start_line}", MUTED),
        )
        self.query_one("#graph-title", Static).update(title)
        self._tree.clear()
        for way in (USES, USERS, MEMBERS, IMPACT):
            node = self._tree.root.add(Text(way, "bold"), Leaf(symbol, way, is_branch=True))
            self._fill(node)
        self._tree.cursor_line = 0
        self._look(symbol)

    def action_center(self) -> None:
        """Look at the graph from the chosen symbol."""
        leaf = self._chosen
        if leaf is not None and not leaf.is_branch:
            self._center = leaf.symbol
            self._show()

    # ---- branches

    def _fill(self, node: TreeNode[Leaf]) -> None:
        """Read what is below a line, in a thread."""
        leaf = node.data
        if leaf is not None:
            work = partial(self._read_branch, node, leaf)
            self.run_worker(work, thread=True, group="graph", exit_on_error=False)

    def _read_branch(self, node: TreeNode[Leaf], leaf: Leaf) -> None:
        try:
            lines, note = self._below(leaf)
        except RepocoderError as error:
            lines, note = [], str(error)
        self.call_later(self._grow, node, leaf, lines, note)

    def _below(self, leaf: Leaf) -> tuple[list[Line], str]:
        """The lines below one, and how many there are, in words."""
        symbol = leaf.symbol
        if leaf.way == IMPACT:
            touched = self._engine.impact(_name(symbol), HOPS)
            files = len({one.symbol.path for one in touched})
            note = f"{_count(len(touched), 'definition')} in {_count(files, 'file')}"
            return [
                Line(one.symbol, f"#{rank}  {_count(one.hops, 'use')} away, {100 * one.weight:.0f} % sure")
                for rank, one in enumerate(touched[:SHOWN], 1)
            ], note
        with self._engine.snapshot() as snapshot:
            if leaf.way == MEMBERS:
                members = navigation.members_of(snapshot, symbol)
                return [Line(one, "") for one in members[:SHOWN]], f"{len(members):,}"
            ask: Callable[..., tuple[navigation.Neighbour, ...]] = (
                navigation.used_by if leaf.way == USES else navigation.users_of
            )
            found = ask(snapshot, symbol)
        lines = [Line(one.symbol, _how(one, leaf.way)) for one in found[:SHOWN]]
        more = f", the surest {SHOWN} are shown" if len(found) > SHOWN else ""
        return lines, f"{len(found):,}{more}"

    def _grow(self, node: TreeNode[Leaf], leaf: Leaf, lines: list[Line], note: str) -> None:
        """Put the lines below a node; one without any says so and cannot be opened."""
        if leaf.is_branch:
            node.set_label(Text.assemble((leaf.way, "bold"), f"  {safe(note)}"))
        deeper = leaf.way in (USES, USERS, MEMBERS)
        for line in lines:
            node.add(_label(line), Leaf(line.symbol, leaf.way), allow_expand=deeper)
        node.allow_expand = bool(lines)
        if lines and (not leaf.is_branch or (leaf.way in (USES, USERS) and len(lines) <= OPENED)):
            node.expand()
        node.refresh()

    def action_expand(self) -> None:
        node = self._tree.cursor_node
        if node is None or not node.allow_expand:
            return
        if node.is_expanded:
            self._tree.action_cursor_down()
        elif node.children:
            node.expand()
        else:
            self._fill(node)

    def action_collapse(self) -> None:
        node = self._tree.cursor_node
        if node is None:
            return
        if node.is_expanded and node.children:
            node.collapse()
        elif node.parent is not None and node.parent is not self._tree.root:
            self._tree.move_cursor(node.parent)

    # ---- choosing

    @property
    def _chosen(self) -> Leaf | None:
        node = self._tree.cursor_node
        return None if node is None else node.data

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Leaf]) -> None:
        event.stop()
        if event.node.data is not None:
            self._look(event.node.data.symbol)

    def on_tree_node_selected(self, event: Tree.NodeSelected[Leaf]) -> None:
        event.stop()
        leaf = event.node.data
        if leaf is None:
            return
        if leaf.is_branch:
            event.node.toggle()
        else:
            self.dismiss(Place(leaf.symbol.path, leaf.symbol.span.start_line))

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Leaf]) -> None:
        """A click on the sign before a line opens it, too."""
        event.stop()
        if not event.node.children:
            self._fill(event.node)

    def _look(self, symbol: Symbol) -> None:
        preview = self.query_one(Preview)
        if preview.display:
            preview.look_at(symbol.path, symbol.span.start_line)


def _name(symbol: Symbol) -> str:
    """The name by which the engine finds one symbol."""
    return f"{symbol.path}:{symbol.qualname}" if symbol.qualname else symbol.path


def _how(one: navigation.Neighbour, way: str) -> str:
    """How two are tied: the kinds of the edges, the line of the use, and how sure it is where that is a guess."""
    line = f" at line {one.line}" if one.line and way == USERS else ""
    sure = "" if one.weight >= 1 else f", {100 * one.weight:.0f} % sure"
    return f"{', '.join(one.kinds)}{line}{sure}"


def _label(line: Line) -> Text:
    symbol = line.symbol
    return Text.assemble(
        safe(symbol.qualname or symbol.path.rpartition("/")[2]),
        (f"  {safe(symbol.path)}:{symbol.span.start_line}", "dim"),
        (f"  {safe(line.note)}" if line.note else "", "italic dim"),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
