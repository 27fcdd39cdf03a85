"""Load a normal tree into typed values, as Compose loads it into its Go types.

In: a tree of nodes that the schema has accepted, and its field. Out: plain dicts, lists and
scalars: sizes are decimal strings of bytes, durations Go strings ("1m30s"), file modes octal
strings; a null that means "not set" is omitted. Source: compose-go v2.16.2 types/*.go
(DecodeMapstructure), loader/mapstructure.go, loader/loader.go (processExtensions).
"""

from __future__ import annotations

from typing import Any, Final

from policyd.compose.limits import MAX_LIST_ITEMS
from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node
from policyd.compose.phases.merge import sprint
from policyd.compose.phases.values import VALUES, as_json, text, unfit
from policyd.compose.table.field import Field
from policyd.compose.table.rules import implementing
from policyd.compose.text.command_line import CommandLineError
from policyd.compose.text.scalars import ScalarError
from policyd.compose.yaml.resolver import INT64
from policyd.masking import in_quotes, named

EXTENSIONS: Final = "#extensions"
"""The key under which Compose collects the `x-` keys of a mapping, free-form ones too."""


def decode_project(root: Node, field: Field) -> dict[str, Any]:
    """Return the whole model; the `x-` keys of the top level are kept unchanged.

    Raises ComposeError, with the path of the value.
    """
    model: dict[str, Any] = {}
    for key, child in root.value.items():
        below = field.children.get(key)
        if below is None:
            model[key] = as_json(child)
        elif child.value is not None:
            try:
                model[key] = decode(child, below)
            except NodeError as error:
                raise error.located(key) from None
    return model


def decode(node: Node, field: Field) -> Any:
    """Return the value of `node` as the model of `field` has it. Raises NodeError."""
    try:
        return _MODELS[field.model](node, field)
    except (ScalarError, CommandLineError) as problem:
        raise NodeError(problem.marked, node) from None


def _struct(node: Node, field: Field) -> dict[str, Any]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    model: dict[str, Any] = {}
    children = field.children
    for key, child in node.value.items():
        if child.value is None:
            continue
        below = children.get(key)
        if below is None:
            # mapstructure finds a field by its name in other letter case too
            below = children.get(key.lower())
            if below is None or below.key in node.value:
                continue
        value = child.value
        if type(value) is not below.as_is:
            try:
                value = decode(child, below)
            except NodeError as error:
                error.path.append(key)
                raise
        if value is not None:
            model[below.key] = value
    return model


def _map(node: Node, field: Field) -> dict[str, Any]:
    if type(node.value) is not dict or field.each is None:
        raise unfit(node, "a mapping")
    each = field.each
    model: dict[str, Any] = {}
    for key, child in node.value.items():
        if key.startswith("x-") and not field.user_keys:
            model[EXTENSIONS] = {}
        elif child.value is None:
            model[key] = None if each.model.endswith("?") else {}
        else:
            try:
                model[key] = decode(child, each)
            except NodeError as error:
                error.path.append(key)
                raise
    return model


def _list(node: Node, field: Field) -> list[Any]:
    if type(node.value) is not list or field.item is None:
        raise unfit(node, "a list")
    item = field.item
    values: list[Any] = []
    for index, child in enumerate(node.value):
        try:
            values.append({} if child.value is None else decode(child, item))
        except NodeError as error:
            error.path.append(index)
            raise
    return values


def _limits(node: Node, _field: Field) -> dict[str, Any]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    limits: dict[str, Any] = {}
    for key, child in node.value.items():
        if key.startswith("x-"):
            limits[EXTENSIONS] = {}
        elif type(child.value) is dict:
            parts = {part: child.value[part] for part in ("soft", "hard") if part in child.value}
            for part in parts.values():
                if type(part.value) is not int or part.value not in INT64:
                    raise unfit(part, "an integer")
            limits[key] = {name: part.value for name, part in parts.items()}
        elif type(child.value) is int:
            limits[key] = child.value
        else:
            raise unfit(child, "an integer or a mapping")
    return limits


def _free_entries(node: Node) -> dict[str, Node]:
    """Return the entries of a free-form mapping, with all `x-` keys collected under one key."""
    extensions = {key: child for key, child in node.value.items() if key[:2] == "x-"}
    if not extensions:
        entries: dict[str, Node] = node.value
        return entries
    others = {key: child for key, child in node.value.items() if key not in extensions}
    return {**others, EXTENSIONS: node.with_value(extensions)}


def _free_texts(node: Node, nothing: Any) -> dict[str, Any]:
    """Return a free-form mapping as texts, with `nothing` in place of null."""
    return {
        key: value
        if type(value := child.value) is str
        else (nothing if value is None else sprint(child))
        for key, child in _free_entries(node).items()
    }


def _mapping(node: Node, _field: Field) -> dict[str, str]:
    if type(node.value) is dict:
        return _free_texts(node, "")
    if type(node.value) is not list:
        raise unfit(node, "a mapping or a list")
    pairs = [sprint(child).partition("=") for child in node.value]
    return {key: value for key, _, value in pairs}


def _options(node: Node, field: Field) -> dict[str, str]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    return _mapping(node, field)


def _variables(node: Node, _field: Field) -> dict[str, str | None]:
    if type(node.value) is dict:
        return _free_texts(node, None)
    if type(node.value) is not list:
        raise unfit(node, "a mapping or a list")
    variables: dict[str, str | None] = {}
    for child in node.value:
        key, equals, value = sprint(child).partition("=")
        if key and key.encode("utf-8", "replace")[-1:] in _SPACES:
            raise NodeError(f"the variable name {named(key)} ends with a space", child)
        variables[key] = value if equals else None
    return variables


_SPACES: Final = frozenset(bytes([byte]) for byte in b"\t\n\v\f\r \x85\xa0")


def _lists(node: Node, _field: Field) -> dict[str, list[str]]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    lists: dict[str, list[str]] = {}
    for key, child in _free_entries(node).items():
        texts = [sprint(each) for each in child.value] if type(child.value) is list else None
        if texts is None or texts:
            lists[key] = [sprint(child)] if texts is None else texts
    return lists


def _strings_by_key(node: Node, field: Field) -> dict[str, str]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    return {
        key: "" if child.value is None else text(child, field)
        for key, child in _free_entries(node).items()
    }


def _hosts(node: Node, _field: Field) -> list[str] | None:
    """Return extra hosts as Compose prints them: sorted "host=address" texts."""
    if not node.value:
        return None
    hosts: list[tuple[str, str]] = []
    if type(node.value) is dict:
        for host, child in _free_entries(node).items():
            if type(child.value) is list:
                hosts += [(host, sprint(each)) for each in child.value]
            elif child.value is None or type(child.value) is str:
                hosts.append((host, child.value or ""))
            else:
                raise unfit(child, "an address")
            _check_host(host, child)
    elif type(node.value) is list:
        for child in node.value:
            text = sprint(child)
            host, found, addresses = text.partition("=" if "=" in text else ":")
            if not found:
                raise NodeError(f"expected HOST=ADDRESS, found {in_quotes(text)}", child)
            _check_host(host, child)
            hosts += [(host, address) for address in addresses.split(",")]
    else:
        raise unfit(node, "a mapping or a list")
    if len(hosts) > MAX_LIST_ITEMS:
        raise NodeError(f"more than {MAX_LIST_ITEMS} host addresses", node)
    return sorted(f"{host}={_unbracketed(address)}" for host, address in hosts)


def _check_host(host: str, node: Node) -> None:
    if not host or ":" in host or "=" in host:
        raise NodeError(f"{in_quotes(host)} is not a valid host name", node)


def _unbracketed(address: str) -> str:
    if len(address) > 2 and address[0] == "[" and address[-1] == "]":
        return address[1:-1]
    return address


def _ssh(node: Node, _field: Field) -> dict[str, str | None]:
    if type(node.value) is not dict:
        raise unfit(node, "a mapping")
    return _free_texts(node, None)


_MODELS: Final = implementing(
    "model",
    {
        **VALUES,
        "hosts?": _hosts,
        "labels": _mapping,
        "limits": _limits,
        "list": _list,
        "lists": _lists,
        "map": _map,
        "mapping": _mapping,
        "options": _options,
        "ssh": _ssh,
        "strings-by-key": _strings_by_key,
        "struct": _struct,
        "struct!": _struct,
        "struct?": _struct,
        "variables": _variables,
    },
)
