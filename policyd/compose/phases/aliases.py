"""Give legacy `x-` keys the names that Compose has given them since.

In: the tree of one document, after interpolation. Out: a tree in which `x-develop` of a service is
`develop`, and `x-initialSync` of a watch rule is `initial_sync`. Source: compose-go v2.16.2
loader/aliases.go (promoteAliases), loader/reset.go (addAliasPaths).
"""

from __future__ import annotations

from typing import Final

from policyd.compose.nodes import Node, Resets
from policyd.compose.phases.merge import NOWHERE, merge
from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT

_DEVELOP: Final = ("x-develop", "develop")
_INITIAL_SYNC: Final = ("x-initialSync", "initial_sync")
_SERVICE: Final = PROJECT.at("services", "*")


def promote_aliases(tree: Node) -> Node:
    """Return `tree` with legacy keys renamed. Raises ComposeError where they cannot be merged."""
    services = tree.value.get("services")
    if services is None or type(services.value) is not dict:
        return tree
    changed = {
        name: new
        for name, service in services.value.items()
        if (new := _promoted(service)) is not service
    }
    if not changed:
        return tree
    services = services.with_value({**services.value, **changed})
    return Node({**tree.value, "services": services}, tree.mark, tree.resets)


def with_alias_paths(resets: Resets) -> Resets:
    """Return `resets` and, for each path through `x-develop`, the path through `develop`."""
    return resets + [
        (*path[:2], "develop", *path[3:])
        for path in resets
        if path[:1] == ("services",) and path[2:3] == ("x-develop",)
    ]


def _promoted(service: Node) -> Node:
    service = _renamed(service, _DEVELOP, _SERVICE)
    develop = service.value.get("develop") if type(service.value) is dict else None
    rules = develop.value.get("watch") if develop and type(develop.value) is dict else None
    if develop is None or rules is None or type(rules.value) is not list:
        return service
    items = [_renamed(rule, _INITIAL_SYNC, NOWHERE) for rule in rules.value]
    if all(new is old for new, old in zip(items, rules.value, strict=True)):
        return service
    develop = develop.with_value({**develop.value, "watch": rules.with_value(items)})
    return Node({**service.value, "develop": develop}, service.mark, service.resets)


def _renamed(holder: Node, alias: tuple[str, str], field: Field) -> Node:
    """Return `holder` with the value of a legacy key merged under that of the real key."""
    legacy, real = alias
    if type(holder.value) is not dict or legacy not in holder.value:
        return holder
    entries = dict(holder.value)
    value = entries.pop(legacy)
    known = entries.get(real)
    if known is None or known.value is None:
        entries[real] = value
    else:
        entries[real] = merge(value, known, field.below(real) or NOWHERE)
    return Node(entries, holder.mark, holder.resets)
