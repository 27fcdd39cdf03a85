"""Collect the unusual entries of one mapping: merge keys, `!reset`, other keys than strings.

In: entries, in the order of the file. Out: the node of the mapping. Source: go-yaml v4
constructor.go (mapping), compose-go loader/reset.go. Usual entries go from the composer straight
into `entries`: going through this class would make reading slower by a fifth.
"""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.compose.nodes import Mark, Node, Resets
from policyd.compose.yaml.merge_keys import Entries, OddKey, SourceMapping, add_merged
from policyd.compose.yaml.reset_tags import Dropped
from policyd.compose.yaml.resolver import MERGE
from policyd.errors import ComposeError
from policyd.masking import in_quotes, named, sensitive


class Key(msgspec.Struct, frozen=True):
    """A key of a mapping.

    `value` is what it means, `identity` the text by which duplicate keys are found, and `text` the
    text of the scalar. They differ for an alias: its identity is the name of the anchor.
    """

    value: Any
    identity: str
    text: str
    mark: Mark

    @property
    def is_merge(self) -> bool:
        return self.value is MERGE

    def duplicate(self, first: Mark) -> ComposeError:
        """Return the error of a key that the mapping has at `first`, too."""
        hint = ": write <<: [*a, *b] once" if self.identity == "<<" else ""
        return ComposeError(
            f"duplicate key {named(self.identity)}, first defined at line {first.line + 1}{hint}",
            Node(None, self.mark).location,
        )


class MappingEntries:
    """The entries of one mapping. `entries` are those that it has as a value.

    Where a key is not a string, `needs_order` is set: from then on, all entries come here. As a
    merge source the mapping then has more entries than as a value, and the last of them wins.
    """

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.resets: Resets | None = None
        self._source: Node | None = None
        self._blocked: set[str] = set()
        self._blocked_by_odd_keys: set[str] = set()
        self._merged: Entries = {}
        self._odd_key: OddKey | None = None

    @property
    def needs_order(self) -> bool:
        return self._odd_key is not None

    def add(self, key: Key, child: Node) -> None:
        """Add `child` at `key`. An entry whose value is a `<<` disappears, as in Docker."""
        if key.is_merge:
            self._source = child
        elif type(key.value) is not str:
            self._add_odd(key, child)
        elif child.value is MERGE:
            self._blocked.add(key.value)
        else:
            self.entries[key.value] = child
            if self.needs_order:
                self._merged[key.value] = child

    def _add_odd(self, key: Key, child: Node) -> None:
        if child.value is MERGE:
            if key.value is not None:
                self._blocked_by_odd_keys.add(key.text)
            return
        if self._odd_key is None:
            self._odd_key = OddKey(key.value, key.mark)
            self._merged = dict(self.entries)
        if key.value is not None:
            self._merged[key.text] = child

    def node(self, mark: Mark, *, tolerant: bool) -> Node:
        """Return the mapping at `mark`, with the entries of its merge key.

        Raises ComposeError for a merge source that is not a mapping, unless `tolerant`.
        """
        withheld = frozenset(self._blocked)
        own = set(self.entries)
        if self._source is not None:
            withheld = add_merged(self.entries, self._source, self._blocked, tolerant=tolerant)
        hidden = self._blocked_by_odd_keys
        if not (withheld or hidden) and self._odd_key is None:
            return Node(self.entries, mark, self.resets)
        visible = {
            key: child for key, child in self.entries.items() if key in own or key not in hidden
        }
        return SourceMapping(
            self.entries,
            mark,
            self.resets,
            merged={**visible, **self._merged},
            withheld=withheld | hidden,
            odd_key=self._odd_key,
        )


def require_string_keys(root: Node) -> None:
    """Raise ComposeError for a mapping at or below `root` that has a key that is not a string.

    Compose looks for them in what is left of a document after `!reset` and merge keys.
    """
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if type(node) is Dropped:
            node = node.tagged
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SourceMapping) and node.odd_key is not None:
            raise _odd_key(node, node.odd_key)
        value = node.value
        below = value.values() if type(value) is dict else value if type(value) is list else ()
        waiting.extend(reversed(list(below)))


def _odd_key(node: SourceMapping, odd: OddKey) -> ComposeError:
    advice = ""
    if (child := node.merged.get(str(odd.key))) and type(child.value) is int:
        pair = f'"{odd.key}:{child.value}"'
        advice = f", or write {sensitive(pair)} without the space"
    found = "null" if odd.key is None else in_quotes(odd.key)
    return ComposeError(
        f"a key must be a string, found {found}: quote it{advice}",
        Node(None, odd.mark).location,
    )
