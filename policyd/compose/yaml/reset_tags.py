"""What `!reset` and `!override` do to the nodes of a document.

In: nodes as they are composed. Out: nodes without what vanishes. Source: compose-go v2.14.0
loader/reset.go (resolveReset), which looks only at what it walks through: nothing below `!reset`
and `!override`, until an alias elsewhere leads there.
"""

from __future__ import annotations

from typing import Final

from policyd.compose.nodes import Node

RESET: Final = "!reset"
OVERRIDE: Final = "!override"


class Dropped(Node, eq=False, gc=False):
    """A node behind `!reset`: it leaves its path behind and nothing else."""


def drop_hidden(node: Node) -> None:
    """Take out of `node`, for all that share it, what `!reset` marks; nothing below `!override`."""
    value = node.value
    if () in (node.resets or ()):
        return
    if type(value) is dict:
        for key in [key for key, child in value.items() if type(child) is Dropped]:
            del value[key]
        for child in value.values():
            drop_hidden(child)
    elif type(value) is list:
        value[:] = [child for child in value if type(child) is not Dropped]
        for child in value:
            drop_hidden(child)
