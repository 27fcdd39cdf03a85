"""Load Compose files into one tree: documents, includes, extends, merge, schema, long forms.

In: paths of files, read through a bundle. Out: a tree of nodes with long forms and absolute paths.
The order of the steps decides which value wins. It follows compose-go v2.16.2 loader/loader.go
(loadYamlModel, loadYamlFile).
"""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.compose.context import LoadContext, Scope
from policyd.compose.limits import MAX_LOADED_FILES
from policyd.compose.nodes import Node, Resets
from policyd.compose.phases.aliases import promote_aliases, with_alias_paths
from policyd.compose.phases.canonical import fill_defaults, to_long_forms
from policyd.compose.phases.extends import Entries, Extends
from policyd.compose.phases.include import (
    Include,
    directory_of,
    import_resources,
    include_entries,
    resolve_include,
)
from policyd.compose.phases.interpolate import interpolate
from policyd.compose.phases.merge import merge, prune
from policyd.compose.phases.normalize import resolve_environment
from policyd.compose.phases.paths import resolve_paths
from policyd.compose.phases.remote import is_remote
from policyd.compose.phases.unicity import enforce_unicity
from policyd.compose.phases.validation import validate
from policyd.compose.table.check import check
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.posix_paths import below
from policyd.compose.yaml.document import Document
from policyd.compose.yaml.reader import read_documents
from policyd.errors import BundleError, ComposeError, PayloadTooLarge
from policyd.masking import in_quotes
from policyd.model import Location


class LoadedFiles:
    """The documents and included models of a project, each of them loaded once."""

    def __init__(self, context: LoadContext) -> None:
        self.context = context
        self.models: dict[Any, tuple[Node, int]] = {}
        self._documents: dict[str, list[Document]] = {}
        self._count = 0

    def documents(self, path: str) -> list[Document]:
        """Return the documents of the file at `path` ("-": standard input). Raises ComposeError."""
        if path not in self._documents:
            name = self.context.display(path)
            self._documents[path] = read_documents(self._read(path, name), name)
        return self._documents[path]

    def count(self, path: str) -> None:
        """Count one more use of the file at `path`. Raises ComposeError for too many."""
        self._count += 1
        if self._count > MAX_LOADED_FILES:
            raise ComposeError(
                f"more than {MAX_LOADED_FILES} files are included or extended",
                Location(self.context.display(path)),
            )

    def _read(self, path: str, name: str) -> bytes:
        if is_remote(path):
            raise ComposeError(f"{in_quotes(path)} is remote; remote files are never fetched")
        try:
            return self.context.bundle.files.read(self.context.absolute(path))
        except PayloadTooLarge as error:  # a project beyond a limit is denied, as for other limits
            raise ComposeError(error.marked) from None
        except FileNotFoundError:
            raise ComposeError(f"the file {name} does not exist") from None
        except IsADirectoryError:
            raise ComposeError(f"{name} is a directory, expected a file") from None


class ModelLoader:
    """Loads one model: that of the project, or that of an `include`.

    `size` counts the values of the model, each time that they are brought in.
    """

    def __init__(self, context: LoadContext, files: LoadedFiles, scope: Scope) -> None:
        self.context = context
        self.files = files
        self.scope = scope
        self.size = 0
        self._bases: dict[tuple[str, str], tuple[Entries, Resets]] = {}

    def load(self, paths: tuple[str, ...]) -> Node:
        """Return the model of the files at `paths`, each merged over the one before it.

        Raises ComposeError.
        """
        root = Node({}, None)
        for path in paths:
            root = self._load_file(path, root)
        root = fill_defaults(root, PROJECT)
        validate(root)
        root = resolve_paths(root, PROJECT, self.scope.directory, self.context)
        return resolve_environment(root, self.scope.environment, self.context.written)

    def add(self, size: int, at: Node) -> None:
        """Count `size` more values, brought in at `at`. Raises ComposeError when too many."""
        self.size += size
        self.context.effort.spend(size, at)

    def base_services(self, file: str, extends: Node) -> tuple[Entries, Resets]:
        """Return the raw services of the file that `extends` names, and the file's resets.

        Raises ComposeError, for a remote file too.
        """
        if is_remote(file):
            raise ComposeError(
                f"extends.file {in_quotes(file)} is remote; remote files are never fetched",
                extends.location,
            )
        try:
            directory = directory_of(self.context, file, self.scope.base)
        except BundleError as error:
            raise ComposeError(error.marked, extends.location) from None
        key = (below(self.scope.base, file), directory)
        if key not in self._bases:
            loader = ModelLoader(self.context, self.files, self.scope)
            self._bases[key] = loader._load_bases(*key, file, extends)
        services, resets = self._bases[key]
        return dict(services), resets

    def _load_bases(
        self, path: str, directory: str, file: str, extends: Node
    ) -> tuple[Entries, Resets]:
        root, resets = Node({}, None), Resets()
        try:
            self.files.count(path)
            for document in self.files.documents(path):
                resets = with_alias_paths(document.root.resets or [])
                tree = promote_aliases(self._interpolated(document))
                root = self._to_long_forms(self._merged(prune(root, resets), tree))
        except BundleError as error:
            raise ComposeError(error.marked, extends.location) from None
        except ComposeError as error:
            raise ComposeError(error.marked, error.where or extends.location) from None
        holder = root.value.get("services")
        if holder is None or type(holder.value) is not dict:
            raise ComposeError(
                f"extends.file {in_quotes(file)} has no mapping of services", extends.location
            )
        root = resolve_paths(root, PROJECT, directory, self.context)
        return root.value["services"].value, resets

    def _load_file(self, path: str, root: Node) -> Node:
        """Return `root` with the documents of the file at `path` merged over it."""
        self.files.count(path)
        scope = self.scope
        for document in self.files.documents(path):
            resets = with_alias_paths(document.root.resets or [])
            tree = promote_aliases(self._interpolated(document))
            scope = msgspec.structs.replace(scope, included=(*scope.included, path))
            tree = self._with_includes(tree, scope, resets)
            root = prune(root, resets)
            tree = Extends(self, self.context.display(path), path, resets).apply(tree)
            root = self._checked(self._merged(root, tree), path)
            root = self._to_long_forms(root)
        return root

    def _interpolated(self, document: Document) -> Node:
        self.size += document.size
        self.context.effort.spend(self.size, document.root)
        return interpolate(document.root, PROJECT, self.scope.environment.get, self.context)

    def _merged(self, root: Node, tree: Node) -> Node:
        return enforce_unicity(merge(root, tree, PROJECT), PROJECT)

    def _to_long_forms(self, root: Node) -> Node:
        effort = self.context.effort
        before = effort.steps
        root = enforce_unicity(to_long_forms(root, PROJECT, effort), PROJECT)
        self.size += effort.steps - before
        return root

    def _checked(self, root: Node, path: str) -> Node:
        check(root, PROJECT)
        if "version" not in root.value:
            return root
        name = self.context.display(path)
        self.context.warnings.append(f"{name}: `version` is obsolete and ignored; remove it")
        return root.with_value({k: v for k, v in root.value.items() if k != "version"})

    def _with_includes(self, tree: Node, scope: Scope, resets: Resets) -> Node:
        """Return `tree` with the resources of the files that it includes, without `include`."""
        if "include" not in tree.value:
            return tree
        for entry in include_entries(tree):
            try:
                include = resolve_include(self.context, entry, scope)
                found = None if include is None else self._included(include, entry)
            except BundleError as error:
                raise ComposeError(error.marked, entry.location) from None
            if found is not None:
                model, size = found
                self.add(size, entry)
                tree = import_resources(tree, model, resets, self.context.effort)
        entries = {key: child for key, child in tree.value.items() if key != "include"}
        return tree.with_value(entries)

    def _included(self, include: Include, entry: Node) -> tuple[Node, int]:
        models = self.files.models
        key = include.identity
        if key not in models:
            loader = ModelLoader(self.context, self.files, include.scope)
            try:
                model = loader.load(include.files)
            except ComposeError as error:
                raise ComposeError(error.marked, error.where or entry.location) from None
            models[key] = model, loader.size
        return models[key]
