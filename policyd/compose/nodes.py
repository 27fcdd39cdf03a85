"""The tree that every phase of the loader works on: values with their places in the files.

A node is never changed after it is made: through anchors, one node can be at several places of the
tree. A phase that changes something makes a new node with the mark of the old one.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from policyd.errors import ComposeError
from policyd.model import Location


class Mark(Protocol):
    """A place in a file, as the YAML parser reports it: `line` and `column` count from 0."""

    name: str
    line: int
    column: int


Resets = list[tuple[str, ...]]
"""Paths of `!reset` and `!override` tags, relative to the node that has this list."""


class Node(msgspec.Struct, eq=False, gc=False):
    """A value of the tree and the place that decided it.

    `value` is a str, int, float, bool, None, Timestamp, a dict of str to Node or a list of Node.
    `resets` are the paths at and below this node that are tagged `!reset` or `!override` (None:
    there are none).
    """

    value: Any
    mark: Any
    resets: Resets | None = None

    def with_value(self, value: Any) -> Node:
        """Return a node with another value at the same place."""
        return Node(value, self.mark)

    def with_resets(self, resets: Resets) -> Node:
        """Return this node with other `resets`."""
        return msgspec.structs.replace(self, resets=resets)

    @property
    def location(self) -> Location | None:
        """The place for messages: lines and columns count from 1."""
        mark = self.mark
        return None if mark is None else Location(mark.name, mark.line + 1, mark.column + 1)


def plain(node: Node) -> Any:
    """Return the value of `node` with all nodes below it replaced by their values."""
    value = node.value
    if type(value) is dict:
        return {key: plain(child) for key, child in value.items()}
    if type(value) is list:
        return [plain(child) for child in value]
    return value


def extent(node: Node) -> tuple[int, int]:
    """Return the number of characters of all texts at and below `node`, and its levels."""
    value = node.value
    if type(value) is str:
        return len(value), 1
    if type(value) is not dict and type(value) is not list:
        return 0, 1
    characters, levels = 0, 0
    for child in value.values() if type(value) is dict else value:
        more, below = extent(child)
        characters, levels = characters + more, max(levels, below)
    return characters, levels + 1


def count(node: Node) -> int:
    """Return the steps that a copy of `node` costs: one a value, and one for 100 characters."""
    value = node.value
    if type(value) is dict:
        return 1 + sum(map(count, value.values()))
    if type(value) is list:
        return 1 + sum(map(count, value))
    return 1 + len(value) // 100 if type(value) is str else 1


def nodes(value: Any, mark: Mark | None) -> Node:
    """Return `value` (dicts, lists, scalars) as a tree whose nodes are all at `mark`."""
    if type(value) is dict:
        return Node(
            {
                key: Node(child, mark) if type(child) is str else nodes(child, mark)
                for key, child in value.items()
            },
            mark,
        )
    if type(value) is list:
        return Node([nodes(child, mark) for child in value], mark)
    return Node(value, mark)


def describe(node: Node) -> str:
    """Return the kind of value for messages: "a list", "a mapping", "a string"."""
    value = node.value
    for kind, name in (
        (dict, "a mapping"),
        (list, "a list"),
        (str, "a string"),
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
    ):
        if isinstance(value, kind):
            return name
    return "nothing (null)" if value is None else "a timestamp"


def text_of(node: Node | None, what: str) -> str:
    """Return the path that `node` holds, "" for none.

    Raises ComposeError, which names `what`, for a value that is not a string.
    """
    if node is None or node.value is None:
        return ""
    if type(node.value) is not str:
        raise ComposeError(f"{what}: expected a path, found {describe(node)}", node.location)
    return node.value
