"""Keep one item of a list for each identity: the last one, at the place of the first.

In: a tree of nodes, before or after short forms are expanded. Out: a new tree. The table of fields
says what identifies the items of a list. Source: compose-go v2.16.2 override/uncity.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from policyd.compose.limits import MAX_LIST_ITEMS
from policyd.compose.node_error import NodeError, not_a_string
from policyd.compose.nodes import Node, describe
from policyd.compose.phases.merge import sprint
from policyd.compose.phases.short_forms import ShortFormError, volume_target
from policyd.compose.table.field import Field, Rules, rewrite
from policyd.compose.table.rules import implementing
from policyd.compose.yaml.resolver import INT64
from policyd.masking import sensitive


def enforce_unicity(node: Node, field: Field) -> Node:
    """Return `node` without list items that a later item of the same identity replaces.

    Raises ComposeError for an item without an identity.
    """
    return rewrite(node, field, "unique", _UNIQUE)


def _unique(node: Node, field: Field) -> Node:
    value = node.value
    if type(value) is not list or (len(value) == 1 and type(value[0].value) is str):
        return node
    if len(value) > MAX_LIST_ITEMS and field.unique != "port":  # port ranges are counted as steps
        raise NodeError(f"more than {MAX_LIST_ITEMS} items in a list", node)
    identify = _IDENTITIES[field.unique]
    places: dict[str, int] = {}
    items: list[Node] = []
    for index, item in enumerate(value):
        try:
            identity = identify(item)
        except NodeError as error:
            error.path.append(index)
            raise
        if identity in places:
            items[places[identity]] = item
        else:
            places[identity] = len(items)
            items.append(item)
    return node if len(items) == len(value) else node.with_value(items)


def _key(item: Node) -> str:
    if type(item.value) is not str:
        raise NodeError(not_a_string(item), item)
    return item.value.partition("=")[0]


def _entry(item: Node, key: str) -> Any:
    return item.value[key].value if key in item.value else None


def _target(item: Node) -> str:
    target = _entry(item, "target")
    if type(target) is not str:
        key = next(iter(item.value), "")
        if len(item.value) == 1 and "/" in key:
            raise NodeError(
                f"found a mapping: write `{sensitive(key[:60])}:TARGET`, without a space", item
            )
        raise NodeError("a target is missing: add `target`", item)
    return target


def _volume(item: Node) -> str:
    if type(item.value) is dict:
        return _target(item)
    if type(item.value) is not str:
        return ""
    try:
        return volume_target(item.value)
    except ShortFormError as problem:
        raise NodeError(problem.marked, item) from None


def _device(item: Node) -> str:
    if type(item.value) is dict:
        return _target(item)
    if type(item.value) is not str:
        return ""
    parts: list[str] = item.value.split(":")
    return parts[0] if len(parts) == 1 else parts[1]


def _exposed(item: Node) -> str:
    if type(item.value) is str:
        return item.value
    if type(item.value) is int and item.value in INT64:
        return str(item.value)
    raise NodeError(f"expected a port, found {describe(item)}", item)


def _mounted(directory: str) -> Callable[[Node], str]:
    def identify(item: Node) -> str:
        if type(item.value) is str:
            return f"{directory}/{item.value}"
        if type(item.value) is not dict:
            raise NodeError(f"expected a name, found {describe(item)}", item)
        if "target" in item.value:
            return _target(item)
        source = item.value.get("source")
        return f"{directory}/{'%!s(<nil>)' if source is None else sprint(source)}"

    return identify


def _port(item: Node) -> str:
    """Identify a port; a number published and the same text are two ports, as in Compose."""
    value = item.value
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return value
    if type(value) is not dict:
        return ""
    if "target" not in value:
        raise NodeError("a port needs a `target`", item)
    host = sprint(value["host_ip"]) if "host_ip" in value else "0.0.0.0"  # noqa: S104
    protocol = sprint(value["protocol"]) if "protocol" in value else "tcp"
    published = _entry(item, "published")
    shown = published if type(published) is str else f"%!s({published!r})"
    target = value["target"].value
    number = str(target) if type(target) is int else f"%!d({target!r})"
    return f"{host}:{shown}:{number}/{protocol}"


def _env_file(item: Node) -> str:
    if type(item.value) is str:
        return item.value
    if type(item.value) is not dict:
        return ""
    path = _entry(item, "path")
    if type(path) is not str:
        raise NodeError("an env_file needs a `path`", item)
    return path


_IDENTITIES: Final = implementing(
    "unique",
    {
        "config": _mounted(""),
        "device": _device,
        "key": _key,
        "path": _env_file,
        "port": _port,
        "secret": _mounted("/run/secrets"),
        "value": _exposed,
        "volume": _volume,
    },
)

_UNIQUE: Final[Rules] = dict.fromkeys(_IDENTITIES, _unique)
