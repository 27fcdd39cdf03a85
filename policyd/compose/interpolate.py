"""Replace variables in the values of a document, and read some values as another type.

In: the tree of one YAML document and a lookup of variables. Out: a new tree; keys are never
touched. What `cast` a field has is in `fields.py`. Source: compose-spec 12-interpolation.md,
compose-go v2.14.0 interpolation/interpolation.go and loader/interpolate.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from policyd.compose.field import Field
from policyd.compose.limits import MAX_TEXT_GROWTH
from policyd.compose.merge import NOWHERE
from policyd.compose.nodes import Node
from policyd.compose.scalars import ScalarError, parse_bool, parse_float, parse_float32, parse_int
from policyd.compose.template import Lookup, TemplateError, substitute
from policyd.errors import ComposeError

Missing = Callable[[str, Node], None]
"""Called with a variable that has no value and no default, and the text that uses it."""


class Growth:
    """How many characters variables have added to the texts of a project."""

    def __init__(self) -> None:
        self.characters = 0

    def add(self, characters: int, node: Node) -> None:
        """Count `characters` more. Raises ComposeError when they are too many."""
        self.characters += max(characters, 0)
        if self.characters > MAX_TEXT_GROWTH:
            raise ComposeError(
                f"variables add more than {MAX_TEXT_GROWTH} characters to the project",
                node.location,
            )


def interpolate(root: Node, field: Field, lookup: Lookup, missing: Missing, growth: Growth) -> Node:
    """Return `root` with every `${VAR}` replaced and the values of typed fields read.

    Raises ComposeError for a malformed expression, a required variable without a value, and a text
    that is not of its field's type.
    """
    return _Interpolation(lookup, missing, growth).container(root, field)


class _Interpolation:
    def __init__(self, lookup: Lookup, missing: Missing, growth: Growth) -> None:
        self.lookup = lookup
        self.growth = growth
        self.missing = missing
        self.path: list[str | int] = []

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
            if kind is str:
                if "$" not in inner and not below.cast:
                    continue
                new = self.text(key, child, below)
            elif kind is dict or kind is list:
                self.path.append(key)
                new = self.container(child, below)
                self.path.pop()
            else:
                continue
            if new is not child:
                changed = value.copy() if changed is None else changed
                changed[key] = new
        return node if changed is None else Node(changed, node.mark, node.resets)

    def text(self, key: str | int, node: Node, field: Field) -> Node:
        try:
            text = substitute(node.value, self.lookup, lambda name: self.missing(name, node))
            value = _CASTS[field.cast](text) if field.cast else text
        except TemplateError as problem:
            raise ComposeError(f"{self.dotted(key)}: {problem}", node.location) from None
        except ScalarError as problem:
            raise ComposeError(f"{self.dotted(key)}: {problem}", node.location) from None
        self.growth.add(len(text) - len(node.value), node)
        return Node(value, node.mark, node.resets)

    def dotted(self, key: str | int) -> str:
        return ".".join(map(str, (*self.path, key)))


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
