"""Resolve `extends` of the services of a document.

In: the tree of a document, and what loads other files. Out: a tree whose services have what they
extend. Source: compose-go v2.14.0 loader/extends.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyd.compose.fields import PROJECT
from policyd.compose.gopath import below
from policyd.compose.limits import MAX_EXTENDS_DEPTH
from policyd.compose.merge import merge, prune_one
from policyd.compose.nodes import Node, Resets, count, describe, text_of
from policyd.compose.paths import resolve_paths
from policyd.compose.remote import is_remote
from policyd.errors import BundleError, ComposeError

if TYPE_CHECKING:
    from policyd.compose.model import ModelLoader, Scope

Services = dict[str, Node]

_SERVICE = PROJECT.children["services"].each or PROJECT


class Extends:
    """Resolves `extends` of the services of one document."""

    def __init__(self, loader: ModelLoader, path: str, scope: Scope, resets: Resets) -> None:
        self.loader = loader
        self.file = path
        self.scope = scope
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
            known, base_resets = self.base_services(file, extends)
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

    def base_services(self, file: str, extends: Node) -> tuple[Services, Resets]:
        """Return the raw services of the file that `extends` names, and its resets."""
        loader, scope = self.loader, self.scope
        if is_remote(file):
            raise ComposeError(f"extends.file {file!r} is remote: never fetched", extends.location)
        local = below(scope.base, file)
        folder = loader.folder_of(file, scope.base)
        key = (local, folder, id(scope.environment))
        if key not in loader.bases:
            outer, loader.size = loader.size, 0
            try:
                root, resets = loader.load_file(local, scope, Node({}, None), base_only=True)
            except BundleError as error:
                raise ComposeError(str(error), extends.location) from None
            except ComposeError as error:
                raise ComposeError(error.message, error.where or extends.location) from None
            loader.size = outer
            holder = root.value.get("services")
            if holder is None or type(holder.value) is not dict:
                raise ComposeError(
                    f"extends.file {file!r} has no mapping of services", extends.location
                )
            root = resolve_paths(root, PROJECT, folder, loader.home)
            loader.bases[key] = (root.value["services"].value, resets, scope)
        services, resets, _ = loader.bases[key]
        return dict(services), resets
