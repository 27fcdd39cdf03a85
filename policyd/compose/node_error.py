"""The error of a phase about one value of a tree."""

from __future__ import annotations

from policyd.compose.nodes import Node, describe
from policyd.compose.text.model_paths import dotted
from policyd.errors import ComposeError
from policyd.masking import MarkedError, sensitive


def not_a_string(node: Node) -> str:
    """Return the message for `node` in a list of strings. Each `- KEY: value` is a mapping."""
    message = f"expected a string, found {describe(node)}"
    if type(node.value) is not dict or not node.value:
        return message
    key = next(iter(node.value))[:60]
    return f"{message}: write `{sensitive(key)}=value`, or quote the text if it contains a colon"


class NodeError(MarkedError):
    """A value that a phase refuses. Each level that the error passes adds its key to `path`.

    So the path is known without keeping it while a tree is walked; it begins with the inmost key.
    """

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.node = node
        self.path: list[str | int] = []

    def located(self, *prefix: str | int) -> ComposeError:
        """Return the error with the place of the value, and its path below `prefix`."""
        path = dotted((*prefix, *reversed(self.path)))
        return ComposeError(f"{path}: {self.marked}" if path else self.marked, self.node.location)
