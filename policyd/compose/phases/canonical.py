"""Expand short forms, and fill in defaults.

In: a merged tree that the schema has accepted. Out: a tree of long forms; the values of an expanded
short form have its place. The table of fields says which field has which rule. Source: compose-go
v2.16.2 transform/*.go and loader/omitEmpty.go.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from policyd.compose.effort import Effort
from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node, describe, nodes
from policyd.compose.phases.merge import as_mapping, sprint
from policyd.compose.phases.short_forms import (
    ShortFormError,
    parse_device,
    parse_ports,
    parse_volume,
)
from policyd.compose.table.field import Field, Rules, rewrite, rewrite_below
from policyd.compose.table.rules import implementing
from policyd.compose.yaml.resolver import INT64, Timestamp
from policyd.masking import in_quotes

Rule = Callable[[Node, Field], Node]


def to_long_forms(node: Node, field: Field, effort: Effort) -> Node:
    """Return `node` with every short form below it expanded. Raises ComposeError."""
    ports = functools.partial(_ports, effort=effort)
    return rewrite(node, field, "long", {**_LONG, "ports": ports})


def fill_defaults(node: Node, field: Field) -> Node:
    """Return `node` with the values that Compose supplies where they are missing."""
    return rewrite(node, field, "default", _DEFAULTS)


def with_default(node: Node, key: str, default: Any) -> Node:
    """Return the mapping `node` with `key` set, where it has none."""
    if key in node.value:
        return node
    return node.with_value({**node.value, key: nodes(default, node.mark)})


def _unexpected(node: Node, wanted: str) -> NodeError:
    return NodeError(f"expected {wanted}, found {describe(node)}", node)


def _build(node: Node, field: Field) -> Node:
    if type(node.value) is str:
        return node.with_value({"context": node})
    if type(node.value) is not dict:
        raise _unexpected(node, "a path or a mapping")
    return rewrite_below(node, field, "long", _LONG)


def _depends_on(node: Node, _field: Field) -> Node:
    default = {"condition": "service_started", "required": True}
    if type(node.value) is list:
        return node.with_value(as_mapping(node, default))
    if type(node.value) is not dict:
        raise _unexpected(node, "a list or a mapping")
    entries: dict[str, Node] = {}
    for name, entry in node.value.items():
        if type(entry.value) is not dict:
            raise _unexpected(entry, "a mapping")
        for key, value in default.items():
            entry = with_default(entry, key, value)
        entries[name] = entry
    return node.with_value(entries)


def _env_file(node: Node, _field: Field) -> Node:
    items = [node] if type(node.value) is str else node.value
    if type(items) is not list:
        raise _unexpected(node, "a path or a list")
    return node.with_value([_env_file_item(item) for item in items])


def _env_file_item(item: Node) -> Node:
    if type(item.value) is str:
        return item.with_value({"path": item, "required": nodes(True, item.mark)})
    if isinstance(item.value, Timestamp):
        return item.with_value(None)  # the schema sees a string, Compose ignores it
    if type(item.value) is not dict:
        raise _unexpected(item, "a path or a mapping")
    return with_default(item, "required", True)


def _list(node: Node, _field: Field) -> Node:
    return node.with_value([node]) if type(node.value) is str else node


def _dns(node: Node, field: Field) -> Node:
    servers = _list(node, field)
    if type(servers.value) is not list:
        return servers
    return servers.with_value([item for item in servers.value if item.value not in (None, "")])


def _gpus(node: Node, _field: Field) -> Node:
    if type(node.value) is str:
        return node.with_value([node.with_value({"count": node.with_value("all")})])
    if type(node.value) is not list:
        raise _unexpected(node, "`all` or a list")
    return node


def _keys(node: Node, _field: Field) -> Node:
    return node.with_value(as_mapping(node, None)) if type(node.value) is list else node


def _pairs(node: Node, _field: Field) -> Node:
    if type(node.value) is dict:
        return node
    if type(node.value) is not list:
        raise _unexpected(node, "a list or a mapping")
    entries: dict[str, Node] = {}
    for item in node.value:
        key, equals, value = item.value.partition("=")
        if not equals:
            raise NodeError(f"expected NAME=VALUE, found {in_quotes(item.value)}", item)
        entries[key] = item.with_value(value)
    return node.with_value(entries)


def _text(node: Node, _field: Field) -> Node:
    return node if type(node.value) is str else node.with_value(sprint(node))


def _extends(node: Node, _field: Field) -> Node:
    """Expand an `extends` that is left, because its base is null in the same file."""
    return node.with_value({"service": node}) if type(node.value) is str else node


def _include(node: Node, _field: Field) -> Node:
    if type(node.value) not in (dict, str):
        raise _unexpected(node, "a path or a mapping")
    return node


def _source(node: Node, _field: Field) -> Node:
    if type(node.value) is str:
        return node.with_value({"source": node})
    if type(node.value) is not dict:
        raise _unexpected(node, "a name or a mapping")
    return node


def _ssh(node: Node, _field: Field) -> Node:
    if type(node.value) is dict:
        return node
    if type(node.value) is not list:
        raise _unexpected(node, "a list or a mapping")
    entries: dict[str, Node] = {}
    for item in node.value:
        if type(item.value) is not str:
            raise _unexpected(item, "a string")
        name, equals, path = item.value.partition("=")
        if not equals and name != "default":
            raise NodeError(f"expected `default` or ID=PATH, found {in_quotes(item.value)}", item)
        entries[name] = item.with_value(path if equals else None)
    return node.with_value(entries)


def _limit(node: Node, _field: Field) -> Node:
    if type(node.value) is not dict and not (type(node.value) is int and node.value in INT64):
        raise _unexpected(node, "an integer or a mapping")
    return node


def _external(node: Node, _field: Field) -> Node:
    if node.value is None:
        return node
    if type(node.value) is not dict:
        raise _unexpected(node, "a mapping")
    external: Node | None = node.value.get("external")
    if external is None or type(external.value) is not dict:
        return node
    entries = {**node.value, "external": external.with_value(True)}
    name: Node | None = external.value.get("name")
    if name is not None:
        named = entries.setdefault("name", name)
        if named.value != name.value:
            raise NodeError(
                f"name {in_quotes(named.value)} and external.name {in_quotes(name.value)} differ: "
                "use `name` alone",
                named,
            )
    return node.with_value(entries)


def _short(parse: Callable[[str], Any], what: str) -> Rule:
    def rule(node: Node, _field: Field) -> Node:
        if type(node.value) is dict:
            return node
        if type(node.value) is not str:
            raise _unexpected(node, what)
        try:
            return nodes(parse(node.value), node.mark)
        except ShortFormError as problem:
            raise NodeError(problem.marked, node) from None

    return rule


def _ports(node: Node, _field: Field, effort: Effort) -> Node:
    if type(node.value) is not list:
        raise _unexpected(node, "a list")
    items: list[Node] = []
    for item in node.value:
        if type(item.value) is dict:
            items.append(item)
            continue
        if type(item.value) not in (str, int):
            raise _unexpected(item, "a port")
        try:
            long_forms = parse_ports(str(item.value))
        except ShortFormError as problem:
            raise NodeError(problem.marked, item) from None
        if len(long_forms) > 1:
            effort.spend(4 * len(long_forms), item)
        items += [nodes(long, item.mark) for long in long_forms]
    return node.with_value(items)


def _schedule(node: Node, _field: Field) -> Node:
    if type(node.value) is str:
        return node.with_value({"cron": node})
    if type(node.value) is not dict:
        raise _unexpected(node, "a cron expression or a mapping")
    return node


_LONG: Final[Rules] = {
    "build": _build,
    "depends_on": _depends_on,
    "device": _short(parse_device, "a device or a mapping"),
    "dns": _dns,
    "env_file": _env_file,
    "extends": _extends,
    "external": _external,
    "gpus": _gpus,
    "include": _include,
    "keys": _keys,
    "limit": _limit,
    "list": _list,
    "pairs": _pairs,
    "schedule": _schedule,
    "source": _source,
    "ssh": _ssh,
    "text": _text,
    "volume": _short(parse_volume, "a volume or a mapping"),
}
implementing("long", {**_LONG, "ports": _ports})


def _default_context(node: Node, _field: Field) -> Node:
    return with_default(node, "context", ".") if type(node.value) is dict else node


def _default_count(node: Node, _field: Field) -> Node:
    if type(node.value) is not dict:
        raise _unexpected(node, "a mapping")
    return node if "device_ids" in node.value else with_default(node, "count", "all")


def _default_port(node: Node, _field: Field) -> Node:
    if type(node.value) is not dict:
        return node
    return with_default(with_default(node, "protocol", "tcp"), "mode", "ingress")


def _default_secret(node: Node, _field: Field) -> Node:
    if type(node.value) is not dict:
        raise _unexpected(node, "a mapping")
    source = node.value.get("source")
    name = "%!s(<nil>)" if source is None else sprint(source)
    return with_default(node, "target", f"/run/secrets/{name}")


def _default_bind(node: Node, _field: Field) -> Node:
    if type(node.value) is not dict:
        raise _unexpected(node, "a mapping")
    return with_default(node, "create_host_path", True)


_DEFAULTS: Final[Rules] = implementing(
    "default",
    {
        "bind": _default_bind,
        "context": _default_context,
        "count": _default_count,
        "port": _default_port,
        "secret": _default_secret,
    },
)
