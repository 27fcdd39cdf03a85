"""Find the value at a place of a YAML file, and where its text begins and ends.

In: the text of a file, a line and a column. Out: a Place, which knows the mappings and lists around
it. Pure. Errors: NotEditable.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import msgspec
import yaml

from policyd.compose.limits import MAX_DEPTH

MAX_CHARACTERS: Final = 1_000_000
"""Characters of a file that can be edited: PyYAML needs seconds for as many."""


class NotEditable(Exception):
    """The text is not written in a way that can be edited. The message says why."""


class Place(msgspec.Struct, frozen=True, eq=False):
    """A value of a YAML file.

    `key` is its key in the mapping `parent`, None in a list; `index` its position in `parent`.
    """

    node: yaml.Node
    parent: Place | None = None
    key: yaml.Node | None = None
    index: int = 0

    @property
    def name(self) -> str:
        """The key of the value, "" for an item of a list."""
        return self.key.value if isinstance(self.key, yaml.ScalarNode) else ""

    @property
    def start(self) -> int:
        """The offset of the entry: of its key, or of the item of a list."""
        return offset(self.key or self.node)

    @property
    def siblings(self) -> list[Place]:
        """All entries of the collection around this one."""
        return list(entries(self.parent)) if self.parent else [self]

    def ancestors(self) -> Iterator[Place]:
        """Yield this value and everything around it, the innermost first."""
        here: Place | None = self
        while here is not None:
            yield here
            here = here.parent


def find(text: str, line: int, column: int) -> Place:
    """Return the value at `line` and `column`, which count from 1.

    Raises NotEditable when no value begins there, and for a file that cannot be parsed.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotEditable(f"the file has more than {MAX_CHARACTERS:,} characters")
    waiting = [Place(root) for root in _roots(text) if root is not None]
    seen: set[int] = set()
    while waiting:
        place = waiting.pop()
        if id(place.node) in seen:  # an alias: its value is at the place of the anchor
            continue
        seen.add(id(place.node))
        mark = place.node.start_mark
        if place.parent is not None and (mark.line + 1, mark.column + 1) == (line, column):
            return place
        waiting += reversed(list(entries(place)))
    raise NotEditable("no value begins at this place")


@functools.lru_cache(maxsize=4)
def _roots(text: str) -> list[yaml.Node]:
    """Return the documents of `text`. Several places of a file are usually asked for."""
    try:
        _check_depth(text)
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise NotEditable("the file cannot be parsed for editing") from error


def _check_depth(text: str) -> None:
    """Raise NotEditable for a file that is nested deeper than Compose files may be.

    PyYAML needs seconds for a few kilobytes of brackets, libyaml does not.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise NotEditable(f"the file has more than {MAX_DEPTH} levels of nesting")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def entries(place: Place) -> Iterator[Place]:
    """Yield the values of the mapping or list at `place`, in order."""
    node = place.node
    if isinstance(node, yaml.MappingNode):
        for index, (key, value) in enumerate(node.value):
            yield Place(value, place, key, index)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield Place(value, place, None, index)


def is_flow(place: Place) -> bool:
    """Return whether a collection is written with brackets or braces."""
    return isinstance(place.node, yaml.CollectionNode) and bool(place.node.flow_style)


def offset(node: yaml.Node) -> int:
    """Return the offset at which the text of `node` begins, an anchor or a tag included."""
    return int(node.start_mark.index)


def end(node: yaml.Node) -> int:
    """Return the offset after the text of `node`: PyYAML ends a block where the next token is."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)
