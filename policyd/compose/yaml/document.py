"""A document of a YAML file, as the reader returns it."""

from __future__ import annotations

from policyd.compose.nodes import Node


class Document:
    """One YAML document of a file.

    `root` is its tree, `name` the name that it gives the project ("" for none), `size` the number
    of its values, where the values of an alias count each time.
    """

    __slots__ = ("name", "root", "size")

    def __init__(self, root: Node, name: str, size: int) -> None:
        self.root = root
        self.name = name
        self.size = size
