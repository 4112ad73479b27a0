"""The file tree: folders are filled when they are opened, so that a hundred thousand files cost nothing."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from repocoder.terminal import safe
from tui.listing import Entry, Listing
from tui.messages import FileChosen


class FileTree(Tree[Entry]):
    """Files of the repository. Enter or a click opens one; files that are not indexed are dimmed and say
    why."""

    BINDINGS: ClassVar = [
        Binding("right", "open_folder", "Open folder", show=False, id="tree.open", tooltip="Open the folder"),
        Binding(
            "left", "close_folder", "Close folder", show=False, id="tree.close", tooltip="Close the folder"
        ),
    ]
    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "

    def __init__(self, name: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(Text(safe(name)), Entry("", folder=True), id=id, classes=classes)
        self.show_root = False
        self.guide_depth = 2
        self._listing = Listing({"": ()})

    def show(self, listing: Listing) -> None:
        """Show a new listing; folders that were open stay open, the cursor stays on its file."""
        opened = {
            node.data.path for node in self._nodes_below_root() if node.is_expanded and node.data is not None
        }
        here = self.cursor_node.data.path if self.cursor_node is not None and self.cursor_node.data else None
        self._listing = listing
        self.root.remove_children()
        self._fill(self.root, opened)
        self.root.expand()
        if here:
            self.select_path(here)
        else:
            self.cursor_line = 0

    def select_path(self, path: str) -> None:
        """Open the folders that lead to a file and put the cursor on it."""
        node = self.root
        while True:
            for child in node.children:
                if child.data is not None and (
                    path == child.data.path or path.startswith(child.data.path + "/")
                ):
                    break
            else:
                return
            if child.data is not None and child.data.path == path:
                self.call_after_refresh(self.move_cursor, child)
                return
            self._fill(child, set())
            child.expand()
            node = child

    def action_open_folder(self) -> None:
        """Open the folder under the cursor, or go into one that is open."""
        node = self.cursor_node
        if node is None or not node.allow_expand:
            return
        if node.is_expanded:
            self.action_cursor_down()
        else:
            node.expand()

    def action_close_folder(self) -> None:
        """Close the folder under the cursor, or go to the one around it."""
        node = self.cursor_node
        if node is None:
            return
        if node.allow_expand and node.is_expanded:
            node.collapse()
        elif node.parent is not None and node.parent is not self.root:
            self.move_cursor(node.parent)

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        event.stop()
        self._fill(event.node, set())

    def on_tree_node_selected(self, event: Tree.NodeSelected[Entry]) -> None:
        event.stop()
        entry = event.node.data
        if entry is not None and not entry.folder:
            self.post_message(FileChosen(entry.path))

    def _fill(self, node: TreeNode[Entry], opened: set[str]) -> None:
        if node.children or node.data is None:
            return
        for entry in self._listing.folders.get(node.data.path, ()):
            if entry.folder:
                child = node.add(Text(safe(entry.name)), entry)
                if entry.path in opened:
                    self._fill(child, opened)
                    child.expand()
            else:
                node.add_leaf(_label(entry), entry)

    def _nodes_below_root(self) -> list[TreeNode[Entry]]:
        found = [self.root]
        for node in found:
            found.extend(node.children)
        return found


def _label(entry: Entry) -> Text:
    label = Text(safe(entry.name))
    if entry.reason:
        label.append(f"  {entry.reason}")
        label.stylize("dim")
    return label
