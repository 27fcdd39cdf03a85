"""Replace variables in the values of a document, and read some values as another type.

In: the tree of one YAML document and a lookup of variables. Out: a new tree; keys are never
touched. The table of fields says which `cast` a field has. Source: compose-spec
12-interpolation.md, compose-go v2.16.2 interpolation/interpolation.go and loader/interpolate.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from policyd.compose.context import LoadContext
from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node
from policyd.compose.phases.merge import NOWHERE
from policyd.compose.table.field import Field
from policyd.compose.table.rules import implementing
from policyd.compose.text.scalars import (
    ScalarError,
    parse_bool,
    parse_float,
    parse_float32,
    parse_int,
    parse_umask,
)
from policyd.compose.text.template import Lookup, TemplateError, substitute
from policyd.masking import in_quotes


def interpolate(root: Node, field: Field, lookup: Lookup, context: LoadContext) -> Node:
    """Return `root` with every `${VAR}` replaced and the values of typed fields parsed.

    Variables without a value and without a default are reported in the context.

    Raises ComposeError for a malformed expression, a required variable without a value, and a text
    that is not of its field's type.
    """
    try:
        return _Interpolation(lookup, context).container(root, field)
    except NodeError as error:
        raise error.located() from None


class _Interpolation:
    def __init__(self, lookup: Lookup, context: LoadContext) -> None:
        self.lookup = context.noting(lookup)
        self.effort = context.effort
        self.missing = context.record_unresolved
        self.written = context.written
        self.is_lenient = context.is_lenient

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
            except NodeError as error:
                error.path.append(key)
                raise
            if new is not child:
                changed = value.copy() if changed is None else changed
                changed[key] = new
        return node if changed is None else Node(changed, node.mark, node.resets)

    def text(self, node: Node, field: Field) -> Node:
        self.effort.spend(node.value.count("$"), node)
        try:
            text = substitute(
                node.value,
                self.lookup,
                lambda name: self.missing(name, node),
                is_lenient=self.is_lenient,
            )
            value = _CASTS[field.cast](text) if field.cast else text
        except (TemplateError, ScalarError) as problem:
            raise NodeError(problem.marked, node) from None
        if "$" in node.value:
            self.written[node.mark] = node.value
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
            raise ScalarError(f"{in_quotes(text)} is not a finite number")
        return value

    return cast


_CASTS: Final = implementing(
    "cast",
    {
        "bool": cast_bool,
        "float": _finite(parse_float),
        "float32": _finite(parse_float32),
        "int": parse_int,
        "umask": parse_umask,
    },
)
