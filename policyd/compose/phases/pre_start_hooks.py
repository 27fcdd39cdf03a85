"""Complete the containers of `pre_start` hooks with what they inherit from their services.

In: a normal tree. Out: a tree whose hooks hold the container keys of their services, and their own
keys merged over them. Source: compose-go v2.16.2 loader/normalize.go (resolvePreStartHooks).
"""

from __future__ import annotations

from typing import Final

from policyd.compose.effort import Effort
from policyd.compose.nodes import Node, count
from policyd.compose.phases.merge import merge
from policyd.compose.table.containers import CONTAINER
from policyd.compose.table.fields import PROJECT

_SERVICE: Final = PROJECT.at("services", "*")

_INHERITED: Final = frozenset(
    row.split()[0] for row in CONTAINER.strip().split("\n") if not row.startswith(" ")
) - {"volumes"}
"""The keys that a hook inherits. It gets the volumes of its service when it runs, not before."""


def with_inherited_hooks(root: Node, effort: Effort) -> Node:
    """Return `root` with complete hooks.

    Each value that a hook inherits counts as a step of `effort`. Raises ComposeError when there are
    too many, and where a hook cannot be merged over its service.
    """
    services = root.value.get("services")
    if services is None:
        return root
    changed = {
        name: _with_hooks(name, service, effort)
        for name, service in services.value.items()
        if "pre_start" in service.value
    }
    if not changed:
        return root
    holder = services.with_value({**services.value, **changed})
    return root.with_value({**root.value, "services": holder})


def _with_hooks(name: str, service: Node, effort: Effort) -> Node:
    hooks = service.value["pre_start"]
    inherited = {key: child for key, child in service.value.items() if key in _INHERITED}
    base = service.with_value(inherited)
    size = count(base)
    completed: list[Node] = []
    for index, hook in enumerate(hooks.value):
        effort.spend(size + count(hook), hook)
        merged = merge(base, hook, _SERVICE, ("services", name, "pre_start", index))
        completed.append(hook.with_value(merged.value))
    entries = {**service.value, "pre_start": hooks.with_value(completed)}
    return service.with_value(entries)
