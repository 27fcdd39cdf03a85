"""Add the entries of merge keys (`<<`) to the mappings of a document.

In: mappings as they are composed. Out: their entries, with those of the merge sources. Source:
go-yaml v4 constructor.go (mapping, merge).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final

from policyd.compose.nodes import Mark, Node
from policyd.compose.yaml.reset_tags import Dropped
from policyd.errors import ComposeError

NOT_MAPPINGS: Final = "the merge key << takes a mapping or a list of mappings"

Entries = dict[str, Node]


class OddKey:
    """A key that is not a string, and its place."""

    __slots__ = ("key", "mark")

    def __init__(self, key: Any, mark: Mark) -> None:
        self.key = key
        self.mark = mark


class SourceMapping(Node, eq=False, gc=False, kw_only=True):
    """A mapping whose entries differ from those that it adds as the source of a merge key.

    `merged` are the entries that it adds, `withheld` the keys that it keeps later sources from
    adding. `odd_key` is its first key that is not a string: only a merge source may have one.
    """

    merged: Entries
    withheld: frozenset[str]
    odd_key: OddKey | None = None


def add_merged(
    entries: Entries, source: Node, blocked: Set[str], *, tolerant: bool
) -> frozenset[str]:
    """Add the entries of the merge source `source` to `entries`, whose own entries win.

    Keys in `blocked` are not added. Returns all keys that are blocked in the end. Raises
    ComposeError for a source that is not a mapping; where `tolerant`, it is ignored.
    """
    for each in source.value if type(source.value) is list else [source]:
        node = each.tagged if isinstance(each, Dropped) else each
        if type(node.value) is not dict:
            if tolerant:
                continue
            raise ComposeError(NOT_MAPPINGS, each.location)
        added: Mapping[str, Node] = node.value
        withheld: frozenset[str] = frozenset()
        if isinstance(node, SourceMapping):
            added, withheld = node.merged, node.withheld
        for key, child in added.items():
            if key not in entries and key not in blocked:
                entries[key] = child
        blocked = blocked | withheld
    return frozenset(blocked)
