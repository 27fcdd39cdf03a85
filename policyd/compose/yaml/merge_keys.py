"""Say what a merge key `<<` brings to a mapping.

In: the mappings of a file as they are composed. Out: their entries with those of `<<`. Source:
go-yaml v4 constructor.go (mapping, merge).
"""

from __future__ import annotations

from typing import Any, Final

from policyd.compose.nodes import Mark, Node
from policyd.errors import ComposeError

NOT_MAPPINGS: Final = "the merge key << takes a mapping or a list of mappings"

Entries = dict[str, Node]


class LooseEntries:
    """The entries of a mapping whose keys are not strings; `key`, at `mark`, is the first such."""

    def __init__(self, mark: Mark, key: Any) -> None:
        self.mark = mark
        self.key = key
        self.by_text: Entries = {}

    def add(self, key: Any, text: str, child: Node) -> None:
        if key is not None:
            self.by_text.setdefault(text, child)


class LooseMapping(Node, eq=False, gc=False, kw_only=True):
    """A mapping with keys that are not strings: good only as the source of a merge key."""

    loose: LooseEntries


class MergeKeys:
    """Merges mappings of one file, and remembers what is not to be seen in them."""

    def __init__(self) -> None:
        self.firsts: dict[int, Entries] = {}
        self.blocked: dict[int, set[str]] = {}

    def repeat(self, entries: Entries, key: str) -> None:
        """Take note that an alias sets `key` again: that wins in `entries`, not where merged."""
        self.firsts.setdefault(id(entries), {}).setdefault(key, entries[key])

    def block(self, entries: Entries, keys: set[str]) -> None:
        """Take note of keys that `entries` lacks because their value is `<<`: nor is one merged."""
        self.blocked[id(entries)] = keys

    def merge(self, entries: Entries, source: Node, blocked: set[str], *, judge: bool) -> None:
        """Add to `entries` what `source` has; its own keys win, those in `blocked` stay away.

        Raises ComposeError for a source that is no mapping, unless nobody is to `judge` it.
        """
        for each in source.value if type(source.value) is list else [source]:
            if type(each.value) is not dict:
                if not judge:
                    continue
                raise ComposeError(NOT_MAPPINGS, each.location)
            brought: Entries = each.value
            if id(brought) in self.firsts:
                brought = {**brought, **self.firsts[id(brought)]}
            if isinstance(each, LooseMapping):
                brought = {**brought, **each.loose.by_text}
            for key, child in brought.items():
                if key not in entries and key not in blocked:
                    entries[key] = child
            blocked |= self.blocked.get(id(each.value), set())
