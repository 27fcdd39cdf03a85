"""Resolve the entries of `include`, and import what the included models define.

In: an entry of `include`. Out: the files that it names with their scope; the including tree with
the imported resources. Source: compose-go v2.16.2 loader/include.go.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from policyd.compose.context import LoadContext, Scope
from policyd.compose.effort import Effort
from policyd.compose.limits import MAX_INCLUDE_DEPTH
from policyd.compose.nodes import Node, Resets, count, describe, text_of
from policyd.compose.phases.invocation import read_env_files
from policyd.compose.phases.merge import equal, merge, prune_one
from policyd.compose.phases.remote import is_remote
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.posix_paths import below, dirname, join, relative
from policyd.compose.yaml.resolver import Timestamp
from policyd.errors import ComposeError

_IMPORTED: Final = ("services", "jobs", "volumes", "networks", "secrets", "configs", "models")


class Include(msgspec.Struct, frozen=True):
    """The files of an included model and their scope."""

    files: tuple[str, ...]
    scope: Scope

    @property
    def identity(self) -> Any:
        """All that determines the included model: equal for entries that give the same model."""
        scope = self.scope
        return (self.files, scope.directory, scope.base, tuple(sorted(scope.environment.items())))


def include_entries(tree: Node) -> list[Node]:
    """Return the entries of `include` of the document `tree`. Raises ComposeError."""
    entries = tree.value.get("include")
    if entries is None or entries.value is None:
        return []
    if type(entries.value) is not list:
        raise ComposeError(f"include: expected a list, found {describe(entries)}", entries.location)
    return list(entries.value)


def resolve_include(context: LoadContext, entry: Node, scope: Scope) -> Include | None:
    """Return what the `entry` of a file in `scope` includes.

    A remote file is never fetched: the entry is then reported as not evaluated, and the result is
    None. Raises ComposeError for a malformed entry and for files that include each other.
    """
    if scope.depth >= MAX_INCLUDE_DEPTH:
        raise ComposeError(
            f"includes are nested more than {MAX_INCLUDE_DEPTH} deep", entry.location
        )
    options = _options(entry)
    paths = _texts(options.get("path"), "include.path")
    for path in paths:
        if is_remote(path):
            _report_remote(context, path, entry)
            return None
    directory, project = _directories(context, options, paths[0], scope) if paths else ("", "")
    files = tuple(below(scope.base, path) for path in paths)
    if files and files[0] in scope.included:
        cycle = " includes ".join(map(context.display, (*scope.included, files[0])))
        raise ComposeError(f"include: files include each other: {cycle}", entry.location)
    environment = _environment(context, options, project, scope, entry)
    return Include(files, Scope(directory, project, environment, scope.included, scope.depth + 1))


def import_resources(tree: Node, imported: Node, resets: Resets, effort: Effort) -> Node:
    """Return `tree` merged over the resources of `imported`, kind by kind and name by name.

    A resource that is equal to the one in `tree` is not merged: the same file may be included in
    more than one way. `resets` are those of the including document. Raises ComposeError when
    merging takes too many steps of `effort`.
    """
    entries = dict(tree.value)
    for kind in _IMPORTED:
        source = imported.value.get(kind)
        if source is None or source.value is None:
            continue
        holder = entries.get(kind)
        if holder is not None and type(holder.value) is not dict:
            raise ComposeError(
                f"{kind}: expected a mapping, found {describe(holder)}", holder.location
            )
        known = {} if holder is None else dict(holder.value)
        field = PROJECT.at(kind, "*")
        for name, resource in source.value.items():
            if name not in known:
                known[name] = resource
            elif not equal(known[name], resource):
                effort.spend(count(known[name]), resource)
                pruned = prune_one(kind, name, resource, resets)
                known[name] = merge(pruned, known[name], field, (kind, name))
        entries[kind] = (holder or source).with_value(known)
    return Node(entries, tree.mark, tree.resets)


def directory_of(context: LoadContext, path: str, base: str) -> str:
    """Return the directory of `path`, or `path` if it is a directory, relative to `base`."""
    target = below(base, path)
    if context.bundle.files.kind(context.absolute(target)) != "directory":
        target = below(base, dirname(path))
    return relative(base, target)


def _options(entry: Node) -> dict[str, Node]:
    if type(entry.value) is str:
        return {"path": entry}
    if entry.value is None or isinstance(entry.value, Timestamp):
        return {}
    if type(entry.value) is not dict:
        raise ComposeError(
            f"include: expected a path or a mapping, found {describe(entry)}", entry.location
        )
    return entry.value


def _texts(node: Node | None, what: str) -> list[str]:
    if node is None or node.value is None:
        return []
    return [text_of(item, what) for item in (node.value if type(node.value) is list else [node])]


def _report_remote(context: LoadContext, path: str, entry: Node) -> None:
    switch = f"COMPOSE_EXPERIMENTAL_{is_remote(path).upper()}_REMOTE"
    if context.bundle.environment.get(switch, "").lower() in ("false", "0", "f"):
        raise ComposeError(f"include: {path} is remote, and {switch} disables it", entry.location)
    reason = "remote includes are never fetched"
    context.report_not_evaluated("remote-include", path, reason, entry.location)


def _directories(
    context: LoadContext, options: dict[str, Node], path: str, scope: Scope
) -> tuple[str, str]:
    """Return `directory` and `base` of the scope of the included model."""
    project = options.get("project_directory")
    if project is not None and type(project.value) is int:
        project = project.with_value(str(project.value))
    directory = text_of(project, "include.project_directory")
    if not directory:
        file = below(scope.base, path)
        return directory_of(context, file, scope.base), dirname(file)
    if directory.startswith("/"):
        return directory, directory
    return directory_of(context, directory, scope.base), join(scope.directory, directory)


def _environment(
    context: LoadContext, options: dict[str, Node], project: str, scope: Scope, entry: Node
) -> dict[str, str]:
    names = _texts(options.get("env_file"), "include.env_file")
    if names:
        paths = [below(scope.directory, name) for name in names if name != "/dev/null"]
    else:
        paths = [join(project, ".env")]
        if context.bundle.files.kind(context.absolute(paths[0])) != "file":
            paths = []
    try:
        values = read_env_files(context, tuple(map(context.absolute, paths)), scope.environment)
    except ComposeError as error:
        raise ComposeError(f"include: {error.marked}", error.where or entry.location) from None
    return {**values, **scope.environment}
