"""Convert YAML text to nodes and back; plain scalars keep their text.

No scalar is resolved: a plain `22:22`, `yes` or `0o17` stays plain text with its own spelling, and
a tag such as `!reset` stays on its node. A node that is in two places is written as an
anchor and an alias.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Iterator

import yaml

Node = yaml.Node
Scalar = yaml.ScalarNode
Sequence = yaml.SequenceNode
Mapping = yaml.MappingNode

STRING = "tag:yaml.org,2002:str"
TAGS: dict[type[Node], str] = {
    Scalar: STRING,
    Sequence: "tag:yaml.org,2002:seq",
    Mapping: "tag:yaml.org,2002:map",
}


def parse(text: str | bytes) -> list[Node]:
    """Return the root nodes of the documents in `text`, without empty documents.

    Raises yaml.YAMLError.
    """
    return [node for node in yaml.compose_all(text, yaml.CBaseLoader) if node is not None]


def render(documents: Iterable[Node]) -> str:
    """Return the YAML text of `documents`."""
    text: str = yaml.serialize_all(
        list(documents), Dumper=yaml.CBaseDumper, allow_unicode=True, width=10_000
    )
    return text


@functools.cache
def _snippet(text: str) -> Node:
    node = yaml.compose(text, yaml.CBaseLoader)
    return Scalar(STRING, "", style=None) if node is None else node


def snippet(text: str) -> Node:
    """Return a new node of a short YAML text, in block style."""
    node = copy.deepcopy(_snippet(text))
    for inner in walk(node):
        if isinstance(inner, Mapping | Sequence):
            inner.flow_style = False
    return node


def plain(text: str) -> Scalar:
    """Return `text` as a plain scalar."""
    return Scalar(STRING, text, style=None)


def mapping(pairs: Iterable[tuple[str, Node]]) -> Mapping:
    """Return a block mapping with plain keys."""
    return Mapping("tag:yaml.org,2002:map", [(plain(k), v) for k, v in pairs], flow_style=False)


def sequence(items: Iterable[Node]) -> Sequence:
    """Return a block sequence."""
    return Sequence("tag:yaml.org,2002:seq", list(items), flow_style=False)


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and every value below it, without keys; each shared node once."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, Sequence):
            stack.extend(reversed(current.value))
        elif isinstance(current, Mapping):
            stack.extend(value for _, value in reversed(current.value))
