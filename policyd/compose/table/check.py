"""Check a tree against the table of fields, as Compose checks it against its JSON schema.

In: a merged tree. Out: nothing, or a ComposeError with the path, what was found and what would be
right. The schema sees values as JSON does: a timestamp is a string, 2.0 an integer, and a float
that is not finite is refused anywhere. Source: compose-go v2.16.2 schema/schema.go.
"""

from __future__ import annotations

import math
from typing import Any, Final

from policyd.compose.node_error import NodeError, not_a_string
from policyd.compose.nodes import Node, describe
from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT
from policyd.compose.yaml.resolver import Timestamp
from policyd.compose_version import COMPOSE_VERSION
from policyd.errors import ComposeError
from policyd.masking import in_quotes, named, sensitive
from policyd.suggestion import did_you_mean

_SERVICE: Final = PROJECT.at("services", "*")

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


def check(root: Node, field: Field) -> None:
    """Check the tree `root` against `field`. Raises ComposeError for the first mismatch."""
    try:
        _check(root, field)
    except NodeError as mismatch:
        if mismatch.path:
            raise mismatch.located() from None
        raise ComposeError(_top_level(root, mismatch), mismatch.node.location) from None


def _top_level(root: Node, mismatch: NodeError) -> str:
    """Return the message for a key at the top level, which may belong to another kind of file."""
    if "apiVersion" in root.value and "kind" in root.value:
        return "this is a Kubernetes manifest, not a Compose file: it has `apiVersion` and `kind`"
    if "services" not in root.value and _is_service(mismatch.node):
        return (
            f"{mismatch.marked}; define services below `services:`, only version 1 of the format "
            "had them at the top level"
        )
    return mismatch.marked


def _is_service(node: Node) -> bool:
    return type(node.value) is dict and ("image" in node.value or "build" in node.value)


def _check(node: Node, field: Field) -> None:
    value = node.value
    kind = _KINDS[type(value)]
    accepts = field.accepts
    if kind == "num" and not math.isfinite(value):
        raise NodeError(_infinite(value), node)
    if kind not in accepts and not _also(value, kind, accepts):
        raise NodeError(_expected(field, node), node)
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
    return f"{value} is not a finite number"


def _expected(field: Field, node: Node) -> str:
    if node.value and type(node.value) is dict and field.key == "[]" and "map" not in field.accepts:
        return not_a_string(node)
    if field.enum and "list" in field.accepts:
        return _enum_or_list(field, node)
    wanted = " or ".join(_NAMES[kind] for kind in _NAMES if kind in field.accepts)
    return f"expected {wanted}, found {_shown(node)}"


def _enum_or_list(field: Field, node: Node) -> str:
    """Return the message for `gpus`, which is a word or a list, with an example of a list."""
    count = str(node.value) if type(node.value) in (str, int) else ""
    example = (
        f"[{{count: {sensitive(count)}}}]"
        if count.isascii() and count.isdigit()
        else "[{count: 1}]"
    )
    return f"expected {' or '.join(field.enum)}, or a list such as {example}, found {_shown(node)}"


def _shown(node: Node) -> str:
    value = node.value
    if isinstance(value, str):
        return f"the string {in_quotes(value[:60])}"
    if isinstance(value, bool):
        return sensitive("true" if value else "false")
    if isinstance(value, int | float):
        return f"the number {sensitive(str(value))}"
    return describe(node)


def _check_text(node: Node, field: Field) -> None:
    value = node.value if type(node.value) is str else node.value.rfc3339
    if field.enum and value not in field.enum and "list" in field.accepts:
        raise NodeError(_enum_or_list(field, node), node)
    if field.enum and value not in field.enum:
        raise NodeError(f"expected {' or '.join(field.enum)}, found {in_quotes(value[:60])}", node)
    if field.pattern is not None and not field.pattern.search(value):
        pattern = field.pattern.pattern.replace(r"\Z", "$")
        raise NodeError(f"{in_quotes(value[:60])} does not match the pattern {pattern}", node)


def _check_range(node: Node, field: Field) -> None:
    if field.min is not None and node.value < field.min:
        raise NodeError(f"expected at least {field.min}, found {sensitive(str(node.value))}", node)
    if field.max is not None and node.value > field.max:
        raise NodeError(f"expected at most {field.max}, found {sensitive(str(node.value))}", node)


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
        except NodeError as mismatch:
            mismatch.path.append(key)
            raise
    for key in field.required:
        if key not in node.value:
            raise NodeError(f"`{key}` is missing", node)
    if field.any_of and node.value.keys().isdisjoint(field.any_of):
        wanted = " or ".join(f"`{key}`" for key in field.any_of)
        raise NodeError(f"{wanted} is missing", node)


def _require_unnamed(key: str, child: Node, field: Field) -> None:
    """Refuse a key that has no field, except where the schema accepts any JSON value."""
    is_open = field.others == "open" or (field.others == "x" and key.startswith("x-"))
    if is_open or "any" in field.accepts:
        _require_finite(child)
        return
    if field.each is not None:
        raise NodeError(
            f"{named(key)} is not a valid name: use letters, digits, '.', '_' and '-'", child
        )
    unknown = (
        f"the key {named(key)} is not known to Compose {COMPOSE_VERSION}, which this version of "
        "policyd follows"
    )
    if "image" in field.children and key in _SERVICE.children:
        what = "job" if "triggers" in field.children else "pre_start hook"
        unknown = f"a {what} cannot have the key {named(key)}, which only services have"
    raise NodeError(f"{unknown}{did_you_mean(key, field.children)}", child)


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
        except NodeError as mismatch:
            mismatch.path.append(index)
            raise
    if field.unique_items and len(node.value) > 1:
        _check_unique(node)


def _check_unique(node: Node) -> None:
    seen: dict[Any, int] = {}
    for index, child in enumerate(node.value):
        identity = _json_identity(child)
        if identity in seen:
            raise NodeError(f"items {seen[identity]} and {index} are equal", child)
        seen[identity] = index


def _json_identity(node: Node) -> Any:
    """Return a hashable value that is equal for equal JSON values."""
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
            raise NodeError(_infinite(value), node)
    elif type(value) is dict:
        for child in value.values():
            _require_finite(child)
    elif type(value) is list:
        for child in value:
            _require_finite(child)
