"""Replace variables in the values of a document, and read some values as another type.

In: the tree of one YAML document and a lookup of variables. Out: a new tree; keys are never
touched. What `cast` a field has is in `fields.py`. Source: compose-spec 12-interpolation.md,
compose-go v2.14.0 interpolation/interpolation.go and loader/interpolate.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from policyd.compose.effort import Effort
from policyd.compose.nodes import Node
from policyd.compose.phases.merge import NOWHERE
from policyd.compose.table.field import Field
from policyd.compose.text.scalars import (
    ScalarError,
    parse_bool,
    parse_float,
    parse_float32,
    parse_int,
)
from policyd.compose.text.template import Lookup, TemplateError, substitute
from policyd.errors import ComposeError

Missing = Callable[[str, Node], None]
"""Called with a variable that has no value and no default, and the text that uses it."""


def interpolate(root: Node, field: Field, lookup: Lookup, missing: Missing, effort: Effort) -> Node:
    """Return `root` with every `${VAR}` replaced and the values of typed fields read.

    Raises ComposeError for a malformed expression, a required variable without a value, and a text
    that is not of its field's type.
    """
    try:
        return _Interpolation(lookup, missing, effort).container(root, field)
    except _UnreadableError as error:
        path = ".".join(map(str, reversed(error.path)))
        raise ComposeError(f"{path}: {error.problem}", error.node.location) from None


class _UnreadableError(Exception):
    """What is wrong with a text; the path grows as it passes the levels above."""

    def __init__(self, problem: ValueError, node: Node) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.node = node
        self.path: list[str | int] = []


class _Interpolation:
    def __init__(self, lookup: Lookup, missing: Missing, effort: Effort) -> None:
        self.lookup = lookup
        self.effort = effort
        self.missing = missing

    def container(self, node: Node, field: Field) -> Node:
        """Return the mapping or list `node` with the texts below it replaced."""
        value = node.value
        entries: Any
        if type(value) is dict:
            entries, children, others = value.items(), field.children, field.each or NOWHERE
        else:
            entries, children, others = enumerate(value), {}, field.item or NOWHERE
        changed: Any = None
        for key, child in entries:
            inner = child.value
            kind = type(inner)
            below = children.get(key, others)
            try:
                if kind is str:
                    if "$" not in inner and not below.cast:
                        continue
                    new = self.text(child, below)
                elif kind is dict or kind is list:
                    new = self.container(child, below)
                else:
                    continue
            except _UnreadableError as error:
                error.path.append(key)
                raise
            if new is not child:
                changed = value.copy() if changed is None else changed
                changed[key] = new
        return node if changed is None else Node(changed, node.mark, node.resets)

    def text(self, node: Node, field: Field) -> Node:
        self.effort.spend(node.value.count("$"), node)
        try:
            text = substitute(node.value, self.lookup, lambda name: self.missing(name, node))
            value = _CASTS[field.cast](text) if field.cast else text
        except (TemplateError, ScalarError) as problem:
            raise _UnreadableError(problem, node) from None
        if len(text) > len(node.value):
            self.effort.grow(len(text) - len(node.value), node)
        return Node(value, node.mark, node.resets)


def cast_bool(text: str) -> bool:
    """Return the boolean that `text` means to Compose. Raises ScalarError."""
    return parse_bool(text)[0]


def _finite(parse: Callable[[str], float]) -> Callable[[str], float]:
    def cast(text: str) -> float:
        value = parse(text)
        if not math.isfinite(value):
            raise ScalarError(f"{text!r} is not a finite number")
        return value

    return cast


_CASTS: Final[dict[str, Callable[[str], Any]]] = {
    "bool": cast_bool,
    "float": _finite(parse_float),
    "float32": _finite(parse_float32),
    "int": parse_int,
}
