"""The tags `!reset` and `!override` in the nodes of one document.

Source: compose-go loader/reset.go (resolveReset). It removes what `!reset` marks wherever it walks.
It does not walk below `!override` and `!reset`, so a `!reset` there stays in the tree, hidden,
unless an alias outside leads to it. Then it is removed for everything that shares the node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.compose.nodes import Node

RESET: Final = "!reset"
OVERRIDE: Final = "!override"

ROOT_PATH: Final[tuple[str, ...]] = ()
"""The path, in `Node.resets`, of a tag on the node itself."""

Place = tuple[int, int]
"""The line and the column of a node, counted from 0. They identify a node of a file."""


class Dropped(Node, eq=False, gc=False, kw_only=True):
    """A value tagged `!reset`. `tagged` is the node without the tag."""

    tagged: Node


def drop(node: Node) -> Dropped:
    """Return `node` tagged `!reset`."""
    return Dropped(node.value, node.mark, [ROOT_PATH], tagged=node)


def place_of(node: Node) -> Place:
    """Return where `node` is in its file."""
    return node.mark.line, node.mark.column


def hidden_below(node: Node) -> Iterator[Place]:
    """Yield the places of the hidden `!reset` below `node`, except below a further tag."""
    value = node.value
    if ROOT_PATH in (node.resets or ()):
        return
    children = value.values() if type(value) is dict else value if type(value) is list else ()
    for child in children:
        if type(child) is Dropped:
            yield place_of(child)
        else:
            yield from hidden_below(child)
