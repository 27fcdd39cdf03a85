"""Resolve `extends` of the services and jobs of a document.

In: the tree of a document, and a loader of other files. Out: a tree whose services and jobs hold
what they extend. Source: compose-go v2.16.2 loader/extends.go.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from policyd.compose.limits import MAX_EXTENDS_DEPTH
from policyd.compose.nodes import Node, Resets, count, describe, text_of
from policyd.compose.phases.merge import merge, prune_one
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from policyd.masking import in_quotes

Entries = dict[str, Node]
"""Services, or jobs, by name."""

_SERVICE: Final = PROJECT.at("services", "*")


class Loader(Protocol):
    """The loader of the model to which the document belongs."""

    def base_services(self, file: str, extends: Node) -> tuple[Entries, Resets]:
        """Return the raw services of the file that `extends` names, and the file's resets."""

    def add(self, size: int, at: Node) -> None:
        """Count `size` more values. Raises ComposeError when there are too many."""


class _Step(msgspec.Struct, frozen=True):
    """One link of a chain: an entry that extends another one, and the file that holds it."""

    file: str
    name: str


class Extends:
    """Resolves `extends` of the services and jobs of one document.

    `file` is the path of the document's file, `shown` the path as messages show it, and `resets`
    are the paths of `!reset` and `!override` of the document.
    """

    def __init__(self, loader: Loader, shown: str, file: str, resets: Resets) -> None:
        self.loader = loader
        self.shown = shown
        self.file = file
        self.resets = resets

    def apply(self, tree: Node) -> Node:
        """Return `tree` with every `extends` resolved. Raises ComposeError."""
        changed: dict[str, Node] = {}
        for kind in ("services", "jobs"):
            holder = tree.value.get(kind)
            if holder is None:
                continue
            if type(holder.value) is not dict:
                raise ComposeError(
                    f"{kind}: expected a mapping, found {describe(holder)}", holder.location
                )
            entries: Entries = dict(holder.value)
            for name in entries:
                entries[name] = self._resolve(kind, name, entries, self.resets, ())
            changed[kind] = holder.with_value(entries)
        return tree.with_value({**tree.value, **changed}) if changed else tree

    def _resolve(
        self, kind: str, name: str, entries: Entries, resets: Resets, chain: tuple[_Step, ...]
    ) -> Node:
        """Return the entry `name` with what it extends, and store it in `entries`.

        An entry without `file` extends one of `entries`; one with `file` extends a service of that
        file, even if it is a job.
        """
        entry = entries[name]
        if entry.value is None:
            return entry
        if type(entry.value) is not dict:
            raise ComposeError(
                f"{kind}.{name}: expected a mapping, found {describe(entry)}", entry.location
            )
        extends = entry.value.get("extends")
        if extends is None:
            return entry
        reference, file = _reference(f"{kind}.{name}", extends)
        base_kind, known, base_resets = kind, entries, resets
        if file:
            base_kind = "services"
            known, base_resets = self.loader.base_services(file, extends)
        if reference not in known:
            raise ComposeError(
                f"{kind}.{name}: cannot extend {in_quotes(reference)}: {file or self.shown} has no "
                f"{base_kind.removesuffix('s')} of that name",
                extends.location,
            )
        step = _Step(file or self.file, name)
        self._check_chain(step, chain, extends)
        base = self._resolve(base_kind, reference, known, base_resets, (*chain, step))
        if base.value is None:
            return entry
        self.loader.add(count(base), extends)
        # Compose offers the base under `services`, so resets below `jobs` do not reach it.
        merged = merge(prune_one("services", name, base, resets), entry, _SERVICE, (kind, name))
        merged_entries = {key: child for key, child in merged.value.items() if key != "extends"}
        entries[name] = Node(merged_entries, entry.mark, entry.resets)
        return entries[name]

    def _check_chain(self, step: _Step, chain: tuple[_Step, ...], extends: Node) -> None:
        if step in chain:
            cycle = " extends ".join([*(link.name for link in chain), step.name])
            raise ComposeError(f"extends: {cycle} forms a cycle", extends.location)
        if len(chain) >= MAX_EXTENDS_DEPTH:
            raise ComposeError(
                f"extends: the chain has more than {MAX_EXTENDS_DEPTH} links", extends.location
            )


def _reference(path: str, extends: Node) -> tuple[str, str]:
    """Return the name that `extends` refers to, and the file that holds it ("": the same file)."""
    if type(extends.value) is str:
        return extends.value, ""
    service = extends.value.get("service") if type(extends.value) is dict else None
    if service is None or type(service.value) is not str:
        raise ComposeError(f"{path}.extends: `service` is missing", extends.location)
    file = extends.value.get("file")
    if file is None or file.value is None:
        return service.value, ""
    name = text_of(file, "extends.file")
    if not name:
        raise ComposeError("extends.file is empty, expected a path", file.location)
    return service.value, name
