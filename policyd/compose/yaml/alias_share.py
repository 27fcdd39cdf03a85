"""Refuse documents that consist nearly of aliases, as Docker's parser does.

In: the events of a document. Out: nothing, or an error. go-yaml v4 counts the nodes that it
constructs, and how many of them it reaches through an alias (options.go: DefaultAliasCheck;
constructor.go; plugin_merge_key.go for the entries of merge keys, which it counts several times).
The composer counts roughly; only where that count is suspicious, the events are read again, here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from policyd.compose.nodes import Mark, Node
from policyd.compose.yaml.reset_tags import RESET
from policyd.errors import ComposeError

SUSPICIOUS_SHARE: Final = 10
"""Values through aliases, for each value that is written, from which the share is counted.

An entry of a merge key counts up to seven times, and 99 of 100 nodes may come from aliases.
"""

_FREE_ALIASES: Final = 100
_FREE_NODES: Final = 1_000
_SMALL: Final = 400_000
_LARGE: Final = 4_000_000
_SHARE_OF_SMALL: Final = 0.99
_SHARE_OF_LARGE: Final = 0.10


def allowed_share(nodes: int) -> float:
    """Return the share of aliases that a document of so many nodes may have."""
    if nodes <= _SMALL:
        return _SHARE_OF_SMALL
    if nodes >= _LARGE:
        return _SHARE_OF_LARGE
    fall = _SHARE_OF_SMALL - _SHARE_OF_LARGE
    return _SHARE_OF_SMALL - fall * (nodes - _SMALL) / (_LARGE - _SMALL)


class _Item:
    """A node as Docker's parser composes it: `children` are its items, or its keys and values."""

    __slots__ = ("children", "cost", "is_mapping", "is_merge", "is_reset", "mark", "target", "text")

    def __init__(self, text: str, mark: Mark) -> None:
        self.text = text
        self.mark = mark
        self.children: list[_Item] = []
        self.target: _Item | None = None
        self.is_mapping = False
        self.is_merge = False
        self.is_reset = False
        self.cost: int | None = None


class _Entry(msgspec.Struct, frozen=True):
    """An entry of a mapping with those of its merge keys; `is_copied`: through an alias."""

    key: _Item
    value: _Item
    is_copied: bool


def check_alias_shares(parser: Any) -> None:
    """Raise ComposeError for a document with too many aliases among the events of `parser`."""
    while type(event := parser.get_event()) is not StreamEndEvent:
        if type(event) is DocumentStartEvent:
            root = _compose(parser, parser.get_event(), {})
            _Count().construct(root, 0)


def _compose(parser: Any, event: Any, anchors: dict[str, _Item]) -> _Item:
    """Return the node that starts with `event`, without what is tagged `!reset`."""
    kind = type(event)
    item = _Item("", event.start_mark)
    if kind is AliasEvent:
        item.text = event.anchor
        item.target = anchors[event.anchor]
        item.is_reset = item.target.is_reset
        return item
    item.is_reset = event.tag == RESET
    if event.anchor is not None:
        anchors[event.anchor] = item
    if kind is ScalarEvent:
        item.text = event.value
        item.is_merge = event.value == "<<" and not event.style and event.tag is None
        return item
    item.is_mapping = kind is MappingStartEvent
    end = MappingEndEvent if item.is_mapping else SequenceEndEvent
    while type(event := parser.get_event()) is not end:
        key = _compose(parser, event, anchors) if item.is_mapping else None
        event = parser.get_event() if item.is_mapping else event
        child = _compose(parser, event, anchors)
        if not child.is_reset:
            item.children += [child] if key is None else [key, child]
    return item


class _Count:
    """Counts constructed nodes: all of them, and those that are reached through an alias."""

    def __init__(self) -> None:
        self.nodes = 0
        self.aliased = 0

    def add(self, number: int, depth: int, mark: Mark) -> None:
        """Count nodes below `depth` aliases. Raises ComposeError for too large a share of them."""
        self.nodes += number
        if depth == 0:
            return
        self.aliased += number
        if self.aliased <= _FREE_ALIASES or self.nodes <= _FREE_NODES:
            return
        if self.aliased / self.nodes > allowed_share(self.nodes):
            raise ComposeError(
                f"too many aliases: {self.aliased} of {self.nodes} values come from aliases. "
                "Write the values out, or split the file",
                Node(None, mark).location,
            )

    def construct(self, item: _Item, depth: int) -> None:
        """Count what constructing `item` counts."""
        if depth > 0:
            self.add(_cost(item), depth, item.mark)
            return
        self.add(1, 0, item.mark)
        if item.target is not None:
            self.construct(item.target, 1)
        elif item.is_mapping:
            for entry in self.entries(item, 0):
                below = int(entry.is_copied)
                self.construct(entry.key, below)
                self.construct(entry.value, below)
        else:
            for child in item.children:
                self.construct(child, 0)

    def entries(self, item: _Item, depth: int) -> list[_Entry]:
        """Return the entries of a mapping with those of its merge key; count the merging."""
        own, sources = _own_entries(item)
        if not sources:
            return own
        groups = [own, *(self.source_entries(source, depth) for source in sources)]
        owners: dict[str, int] = {}
        found: list[_Entry] = []
        for number, group in enumerate(groups):
            for entry in group:
                self.add(_cost(entry.key), depth + entry.is_copied, entry.key.mark)
                if owners.setdefault(entry.key.text, number) == number:
                    found.append(entry)
        return found

    def source_entries(self, source: _Item, depth: int) -> list[_Entry]:
        """Return what a merge source brings; count an alias and its entries."""
        if source.target is None:
            return self.entries(source, depth)
        self.add(1, depth + 1, source.mark)
        found = self.entries(source.target, depth + 1)
        self.add(2 * len(found), depth + 1, source.mark)
        return [msgspec.structs.replace(entry, is_copied=True) for entry in found]


def _own_entries(item: _Item) -> tuple[list[_Entry], list[_Item]]:
    """Return the entries of a mapping, and the sources of its merge key."""
    own: list[_Entry] = []
    sources: list[_Item] = []
    for key, value in zip(item.children[::2], item.children[1::2], strict=True):
        if key.is_merge:
            target = value.target or value
            sources = [value] if target.is_mapping else target.children
        else:
            own.append(_Entry(key, value, False))
    return own, sources


def _cost(item: _Item) -> int:
    """Return the number of nodes that constructing `item` counts, below an alias."""
    if item.cost is None:
        item.cost = 1
        if item.target is not None:
            item.cost += _cost(item.target)
        elif item.is_mapping:
            count = _Uncapped()
            for entry in count.entries(item, 1):
                count.nodes += _cost(entry.key) + _cost(entry.value)
            item.cost += count.nodes
        else:
            item.cost += sum(map(_cost, item.children))
    return item.cost


class _Uncapped(_Count):
    """Counts without looking at the share."""

    def add(self, number: int, depth: int, mark: Mark) -> None:  # noqa: ARG002
        self.nodes += number
