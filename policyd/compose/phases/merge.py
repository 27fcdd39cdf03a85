"""Merge one tree over another, field by field.

In: trees of nodes; inputs are not changed. Out: a new tree, whose values keep the place that
decided them. The rule of each field is in the table of fields. Sources: compose-spec 13-merge.md,
compose-go v2.16.2 override/merge.go and loader/reset.go (Apply).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from policyd.compose.limits import MAX_POOL_PAIRS
from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node, Resets, describe
from policyd.compose.table.field import Field
from policyd.compose.table.rules import implementing
from policyd.compose.text.scalars import to_text
from policyd.compose.yaml.resolver import Timestamp
from policyd.model import Path

NOWHERE: Final = Field("")
"""The field of values that are not in the table: extensions and unknown keys merge plainly."""

Rule = Callable[[Node, Node, Field], Node]


def merge(base: Node, over: Node, field: Field, path: Path = ()) -> Node:
    """Return `over` merged over `base`, both values of `field`, which is at `path` of the model.

    Raises ComposeError, with the path of the value, when the two cannot be merged.
    """
    try:
        return _merge(base, over, field)
    except NodeError as error:
        raise error.located(*path) from None


def _merge(base: Node, over: Node, field: Field) -> Node:
    if field.merge:
        return MERGE_RULES[field.merge](base, over, field)
    below = base.value
    if over.value is None:
        return base
    if type(below) is dict:
        if type(over.value) is not dict:
            raise _cannot(base, over)
        return _by_key(base, over, field)
    if type(below) is list:
        if type(over.value) is not list:
            raise _cannot(base, over)
        return base.with_value(_appended(below, over.value))
    return over


def identity(node: Node) -> Any:
    """Return a hashable value that is equal for nodes with deeply equal values.

    As in Go, values of different types differ: 2, 2.0, "2" and true are four values. The order of
    the keys of a mapping does not matter.
    """
    value = node.value
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return frozenset((key, identity(child)) for key, child in value.items())
    if kind is list:
        return tuple(map(identity, value))
    if isinstance(value, Timestamp):
        return Timestamp, value.rfc3339
    return kind, (node if value != value else value)  # a NaN equals nothing


def equal(one: Node, other: Node) -> bool:
    """Return whether two nodes have deeply equal values, as `identity` tells them apart.

    This takes no more steps than the smaller of the two has values.
    """
    if one is other:
        return True
    value, against = one.value, other.value
    if type(value) is not type(against):
        return False
    if type(value) is dict:
        return len(value) == len(against) and all(
            key in against and equal(child, against[key]) for key, child in value.items()
        )
    if type(value) is list:
        return len(value) == len(against) and all(map(equal, value, against))
    return bool(value == against)


def _appended(base: list[Node], over: list[Node]) -> list[Node]:
    """Return `base` with the items of `over` that are not deeply equal to an earlier one."""
    if not over:
        return base
    known = set(map(identity, base))
    items = list(base)
    for item in over:
        key = identity(item)
        if key not in known:
            known.add(key)
            items.append(item)
    return items


def prune(node: Node, paths: Resets) -> Node:
    """Return `node` without the entries at `paths`, which `!reset` and `!override` named.

    `*` in a path matches any key. Items of lists are never removed.
    """
    if not paths:
        return node
    tree: _Paths = {}
    for path in paths:
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
        branch[_END] = {}
    return _prune(node, [tree])


def prune_one(kind: str, name: str, resource: Node, resets: Resets) -> Node:
    """Return `resource` without the entries at `resets` below it.

    A resource that is itself at one of `resets` is returned unchanged.
    """
    holder = prune(Node({kind: Node({name: resource}, None)}, None), resets).value.get(kind)
    return resource if holder is None else holder.value.get(name, resource)


_Paths = dict[str, Any]
_END: Final = "\0"
"""Marks the end of a path: no key of a YAML file holds a NUL."""


def _prune(node: Node, trees: list[_Paths]) -> Node:
    """Prune by several trees of paths, which have all led to `node`."""
    value = node.value
    if type(value) is dict:
        kept: dict[str, Node] = {}
        for key, child in value.items():
            below = [tree[part] for tree in trees for part in (key, "*") if part in tree]
            if not any(_END in tree for tree in below):
                kept[key] = _prune(child, below) if below else child
        return node.with_value(kept)
    if type(value) is list:
        below = [tree["*"] for tree in trees if "*" in tree]
        if below and not any(_END in tree for tree in below):
            return node.with_value([_prune(child, below) for child in value])
    return node


def as_sequence(node: Node) -> list[Node]:
    """Return a list, a mapping or a single text as a list of `key=value` texts."""
    value = node.value
    if type(value) is list:
        return list(value)
    if type(value) is str:
        return [node]
    if type(value) is not dict:
        return []
    items: list[Node] = []
    for key, child in value.items():
        if child.value is None:
            items.append(child.with_value(key))
        elif type(child.value) is list:
            items += [each.with_value(f"{key}={sprint(each)}") for each in child.value]
        else:
            items.append(child.with_value(f"{key}={sprint(child)}"))
    items.sort(key=lambda item: str(item.value))
    return items


def as_mapping(node: Node, default: dict[str, Any] | None) -> dict[str, Node]:
    """Return a mapping, or a list of keys or a single key as one whose values are `default`.

    Raises NodeError for a key that is not a string.
    """
    value = node.value
    if type(value) is dict:
        return dict(value)
    if value is None:
        return {}
    if type(value) not in (list, str):
        raise NodeError(f"expected a mapping, found {describe(node)}", node)
    mapping: dict[str, Node] = {}
    for item in value if type(value) is list else [node]:
        if type(item.value) is not str:
            raise NodeError(f"expected a name, found {describe(item)}", item)
        entry = default and {key: item.with_value(each) for key, each in default.items()}
        mapping[item.value] = item.with_value(entry)
    return mapping


def sprint(node: Node) -> str:
    """Return the value as Go's fmt.Sprint writes it."""
    value = node.value
    if isinstance(value, Timestamp):
        return value.go
    if value is None:
        return "<nil>"
    if type(value) is dict:
        return "map[" + " ".join(f"{key}:{sprint(value[key])}" for key in sorted(value)) + "]"
    if type(value) is list:
        return "[" + " ".join(sprint(child) for child in value) + "]"
    return to_text(value)


def _cannot(base: Node, over: Node) -> NodeError:
    where = f" at {base.location}" if base.location else ""
    return NodeError(f"cannot override {describe(base)}{where} by {describe(over)}", over)


def _by_key(base: Node, over: Node, field: Field) -> Node:
    entries = dict(base.value)
    return base.with_value(_add(entries, over.value, field))


def _add(entries: dict[str, Node], over: dict[str, Node], field: Field) -> dict[str, Node]:
    for key, child in over.items():
        if key not in entries:
            entries[key] = child
            continue
        try:
            entries[key] = _merge(entries[key], child, field.below(key) or NOWHERE)
        except NodeError as error:
            error.path.append(key)
            raise
    return entries


def _replace(_base: Node, over: Node, _field: Field) -> Node:
    return over


def _sequence(base: Node, over: Node, _field: Field) -> Node:
    """Merge lists that may be written as a mapping or as one text."""
    items = _appended(as_sequence(base), as_sequence(over))
    # Where neither side holds anything, Compose has null, which the schema refuses.
    return base.with_value(items if items or type(base.value) is list else None)


def _pairs(base: Node, over: Node, _field: Field) -> Node:
    """Merge KEY=VALUE lists by key: the last value, at the place of the first."""
    items: dict[str, Node] = {}
    for item in [*as_sequence(base), *as_sequence(over)]:
        if type(item.value) is not str:
            raise NodeError(f"expected KEY=VALUE, found {describe(item)}", item)
        items[item.value.partition("=")[0]] = item
    return base.with_value(list(items.values()))


def _ulimit(base: Node, over: Node, field: Field) -> Node:
    is_mapping = type(base.value) is dict and type(over.value) is dict
    return _by_key(base, over, field) if is_mapping else over


def _build(base: Node, over: Node, field: Field) -> Node:
    def long(node: Node) -> dict[str, Node]:
        if type(node.value) is str:
            return {"context": node}
        if type(node.value) is dict:
            return dict(node.value)
        if node is over:
            return {}
        raise _cannot(base, over)

    return base.with_value(_add(long(base), long(over), field))


def _mapping_rule(default: dict[str, Any] | None) -> Rule:
    """Return the rule of mappings that may be written as a list of keys, or as one key."""

    def rule(base: Node, over: Node, field: Field) -> Node:
        entries = as_mapping(base, default)
        return base.with_value(_add(entries, as_mapping(over, default), field))

    return rule


def _logging(base: Node, over: Node, field: Field) -> Node:
    if type(base.value) is not dict or type(over.value) is not dict:
        raise _cannot(base, over)
    ours, theirs = over.value.get("driver"), base.value.get("driver")
    if ours is None or theirs is None or ours.value == theirs.value:
        return _by_key(base, over, field)
    return over


def _subnets(base: Node, over: Node, _field: Field) -> Node:
    """Merge address pools by subnet, exactly as mergeIPAMConfig of compose-go does."""
    if type(base.value) is not list or type(over.value) is not list:
        raise _cannot(base, over)
    if len(base.value) * len(over.value) > MAX_POOL_PAIRS:
        raise NodeError("too many address pools to override", over)
    for pool in [*base.value, *over.value]:
        if pool.value is None:
            raise NodeError(f"expected a mapping, found {describe(pool)}", pool)
    # Compose changes these mappings in place, and later steps see the change; so do these copies.
    lefts = [as_mapping(_copy(pool), None) for pool in over.value]
    pools: list[dict[str, Node]] = []
    subnets: list[Any] = []
    for original in base.value:
        right = as_mapping(_copy(original), None)
        places: list[int] = []
        for left in lefts:
            if _subnet(left) != _subnet(right) and _subnet(left) not in subnets:
                pools.append(left)
                subnets.append(_subnet(left))
                continue
            _add_in_place(right, left)
            for place in places:
                subnets[place] = _subnet(right)
            if _subnet(right) in subnets:
                places.append(subnets.index(_subnet(right)))
                pools[places[-1]] = right
            else:
                places.append(len(pools))
                pools.append(right)
                subnets.append(_subnet(right))
    return base.with_value([base.with_value(pool) for pool in pools] or None)


def _copy(node: Node) -> Node:
    if type(node.value) is dict:
        return node.with_value({key: _copy(child) for key, child in node.value.items()})
    return node


def _add_in_place(entries: dict[str, Node], over: dict[str, Node]) -> None:
    for key, child in over.items():
        known = entries.get(key)
        if known is not None and type(known.value) is dict and type(child.value) is dict:
            _add_in_place(known.value, child.value)
        else:
            entries[key] = child if known is None else _merge(known, child, NOWHERE)


def _subnet(pool: dict[str, Node]) -> Any:
    return pool["subnet"].value if "subnet" in pool else None


MERGE_RULES: Final = implementing(
    "merge",
    {
        "build": _build,
        "depends_on": _mapping_rule({"condition": "service_started", "required": True}),
        "keys": _mapping_rule(None),
        "logging": _logging,
        "pairs": _pairs,
        "replace": _replace,
        "sequence": _sequence,
        "subnets": _subnets,
        "ulimit": _ulimit,
    },
)
