"""Load Compose files into one tree: documents, includes, extends, merge, schema, long forms.

In: paths of files, read through a bundle. Out: a tree of nodes with long forms and absolute paths.
The order of the steps decides what wins; it is that of compose-go v2.14.0 loader/loader.go
(loadYamlModel, loadYamlFile), loader/include.go and loader/extends.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from policyd.compose.effort import Effort
from policyd.compose.limits import MAX_INCLUDE_DEPTH, MAX_LOADED_FILES
from policyd.compose.nodes import Node, Resets, describe, text_of
from policyd.compose.phases.canonical import fill_defaults, to_long_forms
from policyd.compose.phases.extends import Extends, Services
from policyd.compose.phases.interpolate import interpolate
from policyd.compose.phases.invocation import read_env_files
from policyd.compose.phases.merge import as_mapping, merge, prune, prune_one
from policyd.compose.phases.normalize import resolve_environment
from policyd.compose.phases.paths import Home, resolve_paths
from policyd.compose.phases.remote import is_remote
from policyd.compose.phases.unicity import enforce_unicity
from policyd.compose.phases.validation import validate
from policyd.compose.table.check import check
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.posix_paths import below, dirname, join, relative
from policyd.compose.yaml.composer import Document
from policyd.compose.yaml.reader import read_documents
from policyd.compose.yaml.resolver import Timestamp
from policyd.errors import BundleError, ComposeError
from policyd.model import Bundle, NotEvaluated, Unresolved

_IMPORTED = ("services", "volumes", "networks", "secrets", "configs", "models")


class Scope(NamedTuple):
    """What holds for the files of one model.

    `directory` is what relative paths in values are joined to, and may itself be relative (to the
    including file's directory); `base` is where the files that it names are looked for.
    """

    directory: str
    base: str
    environment: Mapping[str, str]
    included: tuple[str, ...] = ()
    depth: int = 0


class ModelLoader:
    """Loads models for one project, and remembers what it could not resolve or look at."""

    def __init__(self, bundle: Bundle, home: Home, effort: Effort) -> None:
        self.bundle = bundle
        self.home = home
        self.effort = effort
        self.unresolved: list[tuple[str, Node]] = []
        self.unresolved_in_files: list[Unresolved] = []
        self.not_evaluated: list[NotEvaluated] = []
        self.warnings: list[str] = []
        self.size = 0
        self.parsed: dict[str, list[Document]] = {}
        self.loaded = 0
        self.models: dict[Any, tuple[Node, int]] = {}
        self.bases: dict[tuple[str, str, int], tuple[Services, Resets, Scope]] = {}

    def documents(self, path: str) -> list[Document]:
        """Return the documents of the file at `path` ("-": standard input), each parsed once."""
        if path not in self.parsed:
            name = self.display(path)
            self.parsed[path] = read_documents(self.read(path, name), name)
        return self.parsed[path]

    def read(self, path: str, name: str) -> bytes:
        if path == "-":
            return self.bundle.stdin or b""
        try:
            return self.bundle.files.read(self.absolute(path))
        except FileNotFoundError:
            raise ComposeError(f"there is no file {name}") from None
        except IsADirectoryError:
            raise ComposeError(f"{name} is a folder, expected a file") from None

    def absolute(self, path: str) -> str:
        """Return where `path` really is: relative ones are, as in Compose, the caller's."""
        return path if path.startswith("/") else join(self.bundle.working_directory, path)

    def display(self, path: str) -> str:
        return "-" if path == "-" else self.bundle.files.display(self.absolute(path))

    def load(self, files: tuple[str, ...], scope: Scope) -> Node:
        """Return the model of `files`, each merged over the one before it.

        Raises ComposeError.
        """
        root = Node({}, None)
        for path in files:
            root, _ = self.load_file(path, scope, root)
        root = fill_defaults(root, PROJECT)
        validate(root)
        root = resolve_paths(root, PROJECT, scope.directory, self.home)
        return resolve_environment(root, scope.environment)

    def load_file(
        self, path: str, scope: Scope, root: Node, *, base_only: bool = False
    ) -> tuple[Node, Resets]:
        """Return `root` with the documents of `path` merged over it, and the last one's resets.

        `base_only` loads a file for the services that others extend: nothing in it is followed or
        checked.
        """
        self.loaded += 1
        if self.loaded > MAX_LOADED_FILES:
            raise ComposeError(f"more than {MAX_LOADED_FILES} files are included or extended")
        resets: Resets = []
        for document in self.documents(path):
            resets = document.root.resets or []
            self.size += document.size
            self.effort.spend(self.size, document.root)
            tree = interpolate(
                document.root, PROJECT, scope.environment.get, self.record_unresolved, self.effort
            )
            if not base_only:
                scope = scope._replace(included=(*scope.included, path))
                tree = self.include(tree, scope, resets)
            root = prune(root, resets)
            if not base_only:
                tree = Extends(self, path, partial(self.base_services, scope), resets).apply(tree)
            root = enforce_unicity(merge(root, tree, PROJECT), PROJECT)
            if not base_only:
                root = self.checked(root, path)
            before = self.effort.steps
            root = enforce_unicity(to_long_forms(root, PROJECT, self.effort), PROJECT)
            self.size += self.effort.steps - before
        return root, resets

    def checked(self, root: Node, path: str) -> Node:
        check(root, PROJECT)
        if "version" not in root.value:
            return root
        self.warnings.append(f"{self.display(path)}: `version` is obsolete and ignored, remove it")
        return root.with_value({k: v for k, v in root.value.items() if k != "version"})

    def record_unresolved(self, variable: str, node: Node) -> None:
        self.unresolved.append((variable, node))

    def include(self, tree: Node, scope: Scope, resets: Resets) -> Node:
        """Return `tree` with the resources of the files that it includes, without `include`."""
        entries = tree.value.get("include")
        if entries is None:
            return tree
        if entries.value is not None and type(entries.value) is not list:
            raise ComposeError(
                f"include: expected a list, found {describe(entries)}", entries.location
            )
        for entry in entries.value or []:
            tree = self.include_entry(tree, entry, scope, resets)
        return tree.with_value({k: v for k, v in tree.value.items() if k != "include"})

    def include_entry(self, tree: Node, entry: Node, scope: Scope, resets: Resets) -> Node:
        if scope.depth >= MAX_INCLUDE_DEPTH:
            raise ComposeError(
                f"includes are nested more than {MAX_INCLUDE_DEPTH} deep", entry.location
            )
        options = {"path": entry} if type(entry.value) is str else entry.value
        if options is None or isinstance(options, Timestamp):
            options = {}
        if type(options) is not dict:
            raise ComposeError(
                f"include: expected a path or a mapping, found {describe(entry)}", entry.location
            )
        paths = _texts(options.get("path"), "include.path")
        for path in paths:
            if is_remote(path):
                self.skip_remote(path, entry)
                return tree
        if not paths:
            directory, project = "", ""
        else:
            directory, project = self.include_directory(options, paths[0], scope)
        files = tuple(below(scope.base, path) for path in paths)
        for path in files[:1]:
            if path in scope.included:
                circle = " includes ".join(map(self.display, (*scope.included, path)))
                raise ComposeError(f"include: files include each other: {circle}", entry.location)
        environment = self.include_environment(options, project, scope, entry)
        key = (files, directory, project, tuple(sorted(environment.items())))
        if key not in self.models:
            inner = Scope(directory, project, environment, scope.included, scope.depth + 1)
            outer, self.size = self.size, 0
            self.models[key] = self.load(files, inner), self.size
            self.size = outer
        model, size = self.models[key]
        self.add(size, entry)
        return _import_resources(tree, model, resets)

    def add(self, size: int, at: Node) -> None:
        """Count `size` values more of the model that is loaded, brought in at `at`."""
        self.size += size
        self.effort.spend(size, at)

    def skip_remote(self, path: str, entry: Node) -> None:
        kind = is_remote(path)
        switch = f"COMPOSE_EXPERIMENTAL_{kind.upper()}_REMOTE"
        if self.bundle.environment.get(switch, "").lower() in ("false", "0", "f"):
            raise ComposeError(f"{path}: {switch} turns remote files off", entry.location)
        self.not_evaluated.append(
            NotEvaluated(
                "remote-include", path, "a remote include is never fetched", entry.location
            )
        )

    def include_directory(
        self, options: dict[str, Node], path: str, scope: Scope
    ) -> tuple[str, str]:
        """Return the directory of an included model: as values see it, and where its files are."""
        project = options.get("project_directory")
        if project is not None and type(project.value) is int:
            project = project.with_value(str(project.value))
        folder = text_of(project, "include.project_directory")
        if not folder:
            file = below(scope.base, path)
            return self.folder_of(file, scope.base), dirname(file)
        if folder.startswith("/"):
            return folder, folder
        return self.folder_of(folder, scope.base), join(scope.directory, folder)

    def folder_of(self, path: str, base: str) -> str:
        """Return the folder of `path`, or `path` if it is one, relative to `base`."""
        target = below(base, path)
        if self.bundle.files.kind(self.absolute(target)) != "directory":
            target = below(base, dirname(path))
        return relative(base, target)

    def include_environment(
        self, options: dict[str, Node], project: str, scope: Scope, entry: Node
    ) -> dict[str, str]:
        names = _texts(options.get("env_file"), "include.env_file")
        if names:
            paths = [below(scope.directory, name) for name in names if name != "/dev/null"]
        else:
            paths = [join(project, ".env")]
            if self.bundle.files.kind(self.absolute(paths[0])) != "file":
                paths = []
        absolute = tuple(self.absolute(path) for path in paths)
        try:
            values = read_env_files(
                self.bundle, absolute, scope.environment, self.effort, self.unresolved_in_files
            )
        except ComposeError as error:
            raise ComposeError(f"include: {error.message}", error.where or entry.location) from None
        return {**values, **scope.environment}

    def base_services(self, scope: Scope, file: str, extends: Node) -> tuple[Services, Resets]:
        """Return the raw services of the file that `extends` names, and its resets."""
        if is_remote(file):
            raise ComposeError(f"extends.file {file!r} is remote: never fetched", extends.location)
        local = below(scope.base, file)
        folder = self.folder_of(file, scope.base)
        key = (local, folder, id(scope.environment))
        if key not in self.bases:
            outer, self.size = self.size, 0
            try:
                root, resets = self.load_file(local, scope, Node({}, None), base_only=True)
            except BundleError as error:
                raise ComposeError(str(error), extends.location) from None
            except ComposeError as error:
                raise ComposeError(error.message, error.where or extends.location) from None
            self.size = outer
            holder = root.value.get("services")
            if holder is None or type(holder.value) is not dict:
                raise ComposeError(
                    f"extends.file {file!r} has no mapping of services", extends.location
                )
            root = resolve_paths(root, PROJECT, folder, self.home)
            self.bases[key] = (root.value["services"].value, resets, scope)
        services, resets, _ = self.bases[key]
        return dict(services), resets


def _texts(node: Node | None, what: str) -> list[str]:
    if node is None or node.value is None:
        return []
    return [text_of(item, what) for item in (node.value if type(node.value) is list else [node])]


def _import_resources(tree: Node, imported: Node, resets: Resets) -> Node:
    """Return `tree` merged over the resources of `imported`, kind by kind and name by name."""
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
        field = PROJECT.children[kind].each or PROJECT
        for name, resource in as_mapping(source, None).items():
            if name not in known:
                known[name] = resource
                continue
            known[name] = merge(prune_one(kind, name, resource, resets), known[name], field)
        entries[kind] = (holder or source).with_value(known)
    return Node(entries, tree.mark, tree.resets)
