"""The order in which a class and its bases are searched for a member."""

from __future__ import annotations

from collections.abc import Callable

from indexer.resolvers.scopes import FileNames
from indexer.resolvers.values import Values

MAX_BASES = 64  # classes in one line of inheritance; crafted ones must not grow without bound

Class = tuple[FileNames, str]  # a class by its file and qualified name
Line = tuple[Class, ...]


def order_of_bases(file: FileNames, owner: str, bases: Callable[[FileNames, str], Values]) -> Line:
    """A class followed by its bases in Python's order (C3), which for single inheritance is everyone's.

    Where there is no such order (circles, contradictions), all in the order of first sight.
    """
    graph: dict[Class, list[Class]] = {}
    todo = [(file, owner)]
    for one in todo:  # grows
        if one in graph:
            continue
        graph[one] = [(value.file, value.name) for value in bases(*one) if value.file is not None]
        if len(graph) < MAX_BASES:
            todo.extend(graph[one])
    if len(graph) == 1:
        return ((file, owner),)
    lines: dict[Class, list[Class]] = {}
    for one in _bottom_up((file, owner), graph):
        above = [lines[base] for base in graph[one] if base in lines]
        if len(above) < len(graph[one]):
            return tuple(graph)  # a circle, or more than are followed
        lines[one] = [one, *merge_lines(above)]
    return tuple(lines[file, owner])


def _bottom_up(first: Class, graph: dict[Class, list[Class]]) -> list[Class]:
    """Bases before what inherits from them, where there are no circles."""
    done: dict[Class, None] = {}
    stack: list[tuple[Class, bool]] = [(first, False)]
    open_: set[Class] = set()
    while stack:
        one, is_left = stack.pop()
        if is_left:
            done[one] = None
        elif one in graph and one not in open_:
            open_.add(one)
            stack.append((one, True))
            stack.extend((base, False) for base in graph[one])
    return list(done)


def merge_lines(lines: list[list[Class]]) -> list[Class]:
    """Python's merge (C3) of the lines of the bases; where it does not exist, all in the order of first sight."""
    if len(lines) == 1:
        return lines[0]
    rest = [list(line) for line in lines if line]
    merged: list[Class] = []
    while rest:
        for line in rest:
            head = line[0]
            if not any(head in other[1:] for other in rest):
                break
        else:
            head = rest[0][0]
        merged.append(head)
        rest = [kept for kept in ([v for v in line if v != head] for line in rest) if kept]
    return merged
