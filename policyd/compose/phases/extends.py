"""Resolve `extends` of the services of a document.

In: the tree of a document, and what loads other files. Out: a tree whose services have what they
extend. Source: compose-go v2.14.0 loader/extends.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from policyd.compose.limits import MAX_EXTENDS_DEPTH
from policyd.compose.nodes import Node, Resets, count, describe, text_of
from policyd.compose.phases.merge import merge, prune_one
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError

Services = dict[str, Node]
OtherFile = Callable[[str, Node], tuple[Services, Resets]]
"""Gives the raw services of the file that `extends` (a node) names, and its resets."""

_SERVICE = PROJECT.children["services"].each or PROJECT


class Loader(Protocol):
    """What loads the model that the document is part of."""

    def display(self, path: str) -> str:
        """Return `path` as messages show it."""

    def add(self, size: int, at: Node) -> None:
        """Count `size` values more. Raises ComposeError when they are too many."""


class Extends:
    """Resolves `extends` of the services of one document, that of the file at `path`."""

    def __init__(self, loader: Loader, path: str, other: OtherFile, resets: Resets) -> None:
        self.loader = loader
        self.file = path
        self.other = other
        self.resets = resets

    def apply(self, tree: Node) -> Node:
        holder = tree.value.get("services")
        if holder is None:
            return tree
        if type(holder.value) is not dict:
            raise ComposeError(
                f"services: expected a mapping, found {describe(holder)}", holder.location
            )
        services: Services = dict(holder.value)
        for name in services:
            services[name] = self.resolve(name, services, self.resets, ())
        return tree.with_value({**tree.value, "services": holder.with_value(services)})

    def resolve(
        self, name: str, services: Services, resets: Resets, seen: tuple[tuple[str, str], ...]
    ) -> Node:
        """Return the service `name` with what it extends; `services` remembers it."""
        service = services[name]
        if service.value is None:
            return service
        if type(service.value) is not dict:
            raise ComposeError(
                f"services.{name}: expected a mapping, found {describe(service)}", service.location
            )
        extends = service.value.get("extends")
        if extends is None:
            return service
        reference, file = self.reference(name, extends)
        base_resets, known, where = resets, services, self.file
        if file:
            known, base_resets = self.other(file, extends)
            where = file
        if reference not in known:
            raise ComposeError(
                f"services.{name}: cannot extend {reference!r}, there is no such service in "
                f"{file or self.loader.display(where)}",
                extends.location,
            )
        step = (where, name)
        if step in seen:
            circle = " extends ".join([*(service for _, service in seen), name])
            raise ComposeError(f"services extend each other: {circle}", extends.location)
        if len(seen) >= MAX_EXTENDS_DEPTH:
            raise ComposeError(
                f"services extend each other more than {MAX_EXTENDS_DEPTH} deep", extends.location
            )
        base = self.resolve(reference, known, base_resets, (*seen, step))
        if base.value is None:
            return service
        self.loader.add(count(base), extends)
        merged = merge(prune_one("services", name, base, resets), service, _SERVICE)
        entries = {key: child for key, child in merged.value.items() if key != "extends"}
        services[name] = Node(entries, service.mark, service.resets)
        return services[name]

    def reference(self, name: str, extends: Node) -> tuple[str, str]:
        if type(extends.value) is str:
            return extends.value, ""
        service = extends.value.get("service") if type(extends.value) is dict else None
        if service is None or type(service.value) is not str:
            raise ComposeError(f"services.{name}.extends: `service` is missing", extends.location)
        file = extends.value.get("file")
        if file is None or file.value is None:
            return service.value, ""
        path = text_of(file, "extends.file")
        if not path:
            raise ComposeError("extends.file is empty, expected a path", file.location)
        return service.value, path
