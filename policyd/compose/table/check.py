"""Check a tree against the table of fields, as Compose checks it against its JSON schema.

In: a merged tree. Out: nothing, or a ComposeError that names the path, what was found and what
would be right. The schema sees values as JSON does: a timestamp is a string, 2.0 an integer, and a
float that is not finite is refused anywhere. Source: compose-go v2.14.0 schema/schema.go.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from policyd.compose.nodes import Node, describe
from policyd.compose.table.field import Field
from policyd.compose.yaml.resolver import Timestamp
from policyd.errors import ComposeError
from policyd.suggestion import did_you_mean

_SIMPLE: Final = re.compile(r"[A-Za-z0-9_.\-]+\Z")

_KINDS: Final[dict[type, str]] = {
    str: "str",
    bool: "bool",
    int: "int",
    float: "num",
    dict: "map",
    list: "list",
    type(None): "null",
    Timestamp: "str",
}
_NAMES: Final = {
    "str": "a string",
    "bool": "true or false",
    "int": "an integer",
    "num": "a number",
    "map": "a mapping",
    "list": "a list",
    "null": "null",
}


class _MismatchError(Exception):
    """What is wrong with a value; the path grows as it passes the levels above."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.path: list[str] = []


def check(root: Node, field: Field) -> None:
    """Check the tree `root` against `field`. Raises ComposeError for the first mismatch."""
    try:
        _check(root, field)
    except _MismatchError as mismatch:
        message = mismatch.message
        if not mismatch.path and "services" not in root.value and _is_service(mismatch.node):
            message += "; services stand below `services:`, no more at the top as in version 1"
        if mismatch.path:
            message = f"{_dotted(mismatch.path)}: {message}"
        raise ComposeError(message, mismatch.node.location) from None


def _is_service(node: Node) -> bool:
    return type(node.value) is dict and ("image" in node.value or "build" in node.value)


def _dotted(path: list[str]) -> str:
    text = ""
    for part in reversed(path):
        if part.startswith("["):
            text += part
        elif _SIMPLE.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text


def _check(node: Node, field: Field) -> None:
    value = node.value
    kind = _KINDS[type(value)]
    accepts = field.accepts
    if kind == "num" and not math.isfinite(value):
        raise _MismatchError(_infinite(value), node)
    if kind not in accepts and not _also(value, kind, accepts):
        raise _MismatchError(_expected(field, node), node)
    if kind == "map":
        _check_mapping(node, field)
    elif kind == "list":
        _check_list(node, field)
    elif kind == "str":
        if field.enum or field.pattern is not None:
            _check_text(node, field)
    elif field.min is not None and kind in ("int", "num"):
        _check_range(node, field)


def _also(value: Any, kind: str, accepts: frozenset[str]) -> bool:
    if kind == "num":
        return "any" in accepts or ("int" in accepts and value.is_integer())
    return "any" in accepts or (kind == "int" and "num" in accepts)


def _infinite(value: float) -> str:
    return f"{value} is no number that Compose takes"


def _expected(field: Field, node: Node) -> str:
    wanted = " or ".join(_NAMES[kind] for kind in _NAMES if kind in field.accepts)
    return f"expected {wanted}, found {_shown(node)}"


def _shown(node: Node) -> str:
    value = node.value
    if isinstance(value, str):
        return f"the string {value[:60]!r}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    return describe(node)


def _check_text(node: Node, field: Field) -> None:
    value = node.value if type(node.value) is str else node.value.rfc3339
    if field.enum and value not in field.enum:
        raise _MismatchError(f"expected {' or '.join(field.enum)}, found {value[:60]!r}", node)
    if field.pattern is not None and not field.pattern.search(value):
        raise _MismatchError(f"{value[:60]!r} does not look like {field.pattern.pattern}", node)


def _check_range(node: Node, field: Field) -> None:
    if field.min is not None and node.value < field.min:
        raise _MismatchError(f"expected at least {field.min}, found {node.value}", node)
    if field.max is not None and node.value > field.max:
        raise _MismatchError(f"expected at most {field.max}, found {node.value}", node)


def _check_mapping(node: Node, field: Field) -> None:
    children, each, keys = field.children, field.each, field.keys
    for key, child in node.value.items():
        below = children.get(key)
        if below is None and each is not None and (keys is None or keys.search(key)):
            below = each
        if below is None:
            _require_unnamed(key, child, field)
            continue
        if type(child.value) in below.free:
            continue
        try:
            _check(child, below)
        except _MismatchError as mismatch:
            mismatch.path.append(key)
            raise
    for key in field.required:
        if key not in node.value:
            raise _MismatchError(f"`{key}` is missing", node)
    if field.any_of and node.value.keys().isdisjoint(field.any_of):
        wanted = " or ".join(f"`{key}`" for key in field.any_of)
        raise _MismatchError(f"{wanted} is missing", node)


def _require_unnamed(key: str, child: Node, field: Field) -> None:
    """Refuse a key that has no field, unless anything goes there that is JSON."""
    is_open = field.others == "open" or (field.others == "x" and key.startswith("x-"))
    if is_open or "any" in field.accepts:
        _require_finite(child)
        return
    if field.each is not None:
        raise _MismatchError(
            f"{key!r} is not a valid name: use letters, digits, '.', '_' and '-'", child
        )
    raise _MismatchError(f"unknown key {key!r}{did_you_mean(key, field.children)}", child)


def _check_list(node: Node, field: Field) -> None:
    item = field.item
    for index, child in enumerate(node.value):
        if item is None:
            _require_finite(child)
            continue
        if type(child.value) in item.free:
            continue
        try:
            _check(child, item)
        except _MismatchError as mismatch:
            mismatch.path.append(f"[{index}]")
            raise
    if field.unique_items and len(node.value) > 1:
        _check_unique(node)


def _check_unique(node: Node) -> None:
    seen: dict[Any, int] = {}
    for index, child in enumerate(node.value):
        identity = _json_identity(child)
        if identity in seen:
            raise _MismatchError(f"items {seen[identity]} and {index} are equal", child)
        seen[identity] = index


def _json_identity(node: Node) -> Any:
    """Return something that is equal for values that are the same JSON value."""
    value = node.value
    if type(value) is bool:
        return ("bool", value)
    if type(value) is dict:
        return ("map", frozenset((key, _json_identity(child)) for key, child in value.items()))
    if type(value) is list:
        return ("list", tuple(_json_identity(child) for child in value))
    return value.rfc3339 if isinstance(value, Timestamp) else value


def _require_finite(node: Node) -> None:
    """Refuse infinite numbers anywhere below `node`: they cannot be written as JSON."""
    value = node.value
    if type(value) is float:
        if not math.isfinite(value):
            raise _MismatchError(_infinite(value), node)
    elif type(value) is dict:
        for child in value.values():
            _require_finite(child)
    elif type(value) is list:
        for child in value:
            _require_finite(child)
