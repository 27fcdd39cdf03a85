"""Find the place of a path of the model, and the paths of a place.

In: the normal tree of a project. Every node keeps the mark of the parser, so places are computed
only on demand.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from policyd.compose.nodes import Mark, Node
from policyd.compose.phases.merge import NOWHERE
from policyd.compose.table.field import Field
from policyd.model import Location, Path


def locate(root: Node, path: Path, places: dict[Path, Location]) -> Location | None:
    """Return the place of `path` below `root`; `places` holds those in environment files."""
    if places:
        for length in range(len(path), 0, -1):
            if path[:length] in places:
                return places[path[:length]]
    found = node = root
    for part in path:
        child = _step(node, part)
        if child is None:
            break
        node = child
        if child.mark is not None:
            found = child
    return found.location


def node_at(root: Node, path: Path) -> Node | None:
    """Return the node that holds the value at `path` below `root`.

    A text that Compose divides, such as a command, holds all of its parts. The result is None where
    no file has the value, as for a variable of an environment file.
    """
    node = root
    for part in path:
        if not isinstance(node.value, dict | list):
            return node if isinstance(node.value, str) else None
        child = _step(node, part)
        if child is None:
            return None
        node = child
    return node


def _step(node: Node, part: str | int) -> Node | None:
    """Return the value at `part` of `node`, which may still be a list of `key=value` texts."""
    value: Any = node.value
    if isinstance(value, dict):
        child: Node | None = value.get(part) if isinstance(part, str) else None
        return child
    if type(value) is not list:
        return None
    if isinstance(part, int):
        nth: Node | None = value[part] if 0 <= part < len(value) else None
        return nth
    item: Node
    for item in reversed(value):
        if type(item.value) is str and item.value.partition("=")[0] == part:
            return item
    return None


def paths_of(
    node: Node, field: Field, marks: Container[Mark], path: Path = ()
) -> Iterator[tuple[Path, Mark]]:
    """Yield the outermost path of each value at and below `node` that has one of `marks`."""
    if node.mark is not None and node.mark in marks:
        yield path, node.mark
        return
    if type(node.value) is dict:
        for key, child in node.value.items():
            yield from paths_of(child, field.below(key) or NOWHERE, marks, (*path, key))
    elif type(node.value) is list:
        pairs = field.each is not None
        for index, child in enumerate(node.value):
            part = child.value.partition("=")[0] if pairs and type(child.value) is str else index
            yield from paths_of(child, field.item or NOWHERE, marks, (*path, part))
