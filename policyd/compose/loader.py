"""Bundle in, effective model out: the whole way of `docker compose config`.

Source: compose-go v2.14.0 loader/loader.go (load, ModelToProject), types/project.go; docker/compose
v5 pkg/compose/loader.go.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from policyd.compose.effort import Effort
from policyd.compose.limits import MAX_PROFILES_APART, MAX_SERVICES
from policyd.compose.nodes import Node
from policyd.compose.phases.assemble import ModelLoader, Scope
from policyd.compose.phases.consistency import inconsistencies, shared_container_names
from policyd.compose.phases.decode import decode_project
from policyd.compose.phases.invocation import Call, prepare
from policyd.compose.phases.normalize import normalize
from policyd.compose.phases.paths import Home
from policyd.compose.phases.validation import long_texts
from policyd.compose.positions import locate, paths_of
from policyd.compose.project import Project
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.dotenv import DotenvError, Variable, parse, parse_raw
from policyd.compose.text.template import TemplateError, substitute
from policyd.compose.yaml.resolver import Timestamp
from policyd.errors import BundleError, ComposeError
from policyd.model import Bundle, Location, NotEvaluated, Path, Unresolved

PROJECT_NAME: Final = "COMPOSE_PROJECT_NAME"
_MANY_NAMES: Final = 5
"""Variables that an error may name; more would hide what it says."""
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9_-]")

Service = dict[str, Any]
Profiles = tuple[str, ...]


def load(bundle: Bundle) -> Project:
    """Return the effective model of `bundle`, as Compose v5 loads it.

    Later files override earlier ones. `${VAR}` comes from `bundle.environment` and the environment
    files of the project: neither the process environment nor any other file is read, and nothing is
    fetched. Sizes in the model are strings of bytes ("536870912"), durations Go strings ("1m30s").

    Raises ComposeError, with a Location, for anything that Compose would refuse and for what passes
    a limit; NoComposeFile when there is nothing to load; BundleError for a Compose file that lies
    outside the bundle.
    """
    with _without_collector():
        return _load(bundle)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Spare the garbage collector a tree that grows and has no cycles: it would look in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(bundle: Bundle) -> Project:
    unresolved: list[Unresolved] = []
    effort = Effort()
    call = prepare(bundle, effort, unresolved)
    loader = ModelLoader(bundle, Home(call.environment.get("HOME", "")), effort)
    loader.unresolved_in_files += unresolved
    name = _project_name(bundle, call, loader)
    environment = {**call.environment, PROJECT_NAME: name}
    scope = Scope(call.directory, call.directory, environment)
    with _naming_variables(loader):
        return _assembled(bundle, loader, call, name, scope)


@contextmanager
def _naming_variables(loader: ModelLoader) -> Iterator[None]:
    """Let an error at a text say which variables had no value there: they may be why."""
    try:
        yield
    except ComposeError as error:
        names = {name for name, node in loader.unresolved if node.location == error.where}
        if error.where is None or not 0 < len(names) <= _MANY_NAMES:
            raise
        hint = f"{', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} no value here"
        raise ComposeError(f"{error.message} ({hint})", error.where) from None


def _assembled(bundle: Bundle, loader: ModelLoader, call: Call, name: str, scope: Scope) -> Project:
    root = loader.load(call.files, scope)
    if not root.value:
        raise ComposeError("the Compose file is empty", _first_file(call, loader))
    if not name:
        raise ComposeError(
            "the project has no name: set `name`, or use a folder name with letters or digits",
            _first_file(call, loader),
        )
    root = normalize(root, name, scope.environment)
    return _Assembly(bundle, loader, root, scope.environment).project(name, call)


def _first_file(call: Call, loader: ModelLoader) -> Location:
    return Location(loader.display(call.files[0]))


def _project_name(bundle: Bundle, call: Call, loader: ModelLoader) -> str:
    """Return the project's name, normalized; names that are given outside files must be so."""
    given = bundle.project_name or call.environment.get(PROJECT_NAME, "")
    if given:
        if _normal_name(given) != given:
            raise ComposeError(
                f"the project name {given!r} must be lower-case letters, digits, '-' and '_', and "
                "start with a letter or digit"
            )
        return given
    files = [loader.documents(path) for path in call.files]
    for documents in files:
        name = documents[0].root.value.get("name") if documents else None
        if name is not None and isinstance(name.value, Timestamp):
            raise ComposeError("name: expected a string, found a timestamp", name.location)
    names = [document.name for documents in files for document in documents if document.name]
    is_named = any(documents and documents[0].name for documents in files)
    pattern = names[-1] if names else ""
    loader.effort.spend(pattern.count("$"), _first_file(call, loader))
    try:
        written = substitute(pattern, call.environment.get, _ignore)
    except TemplateError as problem:
        raise ComposeError(f"name: {problem}", _first_file(call, loader)) from None
    default = "" if is_named else _normal_name(call.directory.rpartition("/")[2])
    return _normal_name(written) or default


def _ignore(_variable: str) -> None:
    """A variable without a value in `name` is reported when the file is interpolated."""


def _normal_name(text: str) -> str:
    return _NOT_IN_NAMES.sub("", text.lower()).lstrip("_-")


class _Assembly:
    """Turns a normal tree into a project: typed values, profiles, environment files, checks."""

    def __init__(
        self, bundle: Bundle, loader: ModelLoader, root: Node, environment: Mapping[str, str]
    ) -> None:
        self.bundle = bundle
        self.loader = loader
        self.root = root
        self.environment = environment
        self.places: dict[Path, Location] = {}

    def locate(self, path: Path) -> Location | None:
        return locate(self.root, path, self.places)

    def project(self, name: str, call: Call) -> Project:
        for text, steps in long_texts(self.root):
            self.loader.effort.spend(steps, text)
        model = decode_project(self.root, PROJECT)
        services = model.setdefault("services", {})
        if len(services) > MAX_SERVICES:
            raise ComposeError(f"the project has more than {MAX_SERVICES} services")
        enabled = _enabled(services, call.profiles)
        self.check(model, enabled, call.profiles)
        for key in enabled:
            _fill_replicas(services[key])
            self.add_environment(key, services[key])
            self.add_labels(key, services[key])
        model["services"] = {key: services[key] for key in sorted(enabled)}
        model.pop("name", None)
        _drop_unused(model)
        project = Project(name, call.directory, model, self.root, self.places)
        project.unresolved = tuple(self.unresolved())
        project.not_evaluated = (*self.loader.not_evaluated, *self.without_home())
        project.warnings = (*call.warnings, *self.loader.warnings)
        return project

    def unresolved(self) -> list[Unresolved]:
        """Return the variables without a value, at the paths of the model that use them."""
        used = {
            (name, id(node.mark)): (name, node) for name, node in self.loader.unresolved
        }.values()
        found: dict[Unresolved, None] = {}
        if used:
            marks: dict[int, list[Path]] = {id(node.mark): [] for _, node in used}
            for path, mark in paths_of(self.root, PROJECT, set(marks)):
                marks[id(mark)].append(path)
            for variable, node in used:
                where = node.location or Location("")
                paths = marks[id(node.mark)] or [()]
                self.loader.effort.spend(4 * len(paths), where)
                found.update(dict.fromkeys(Unresolved(variable, path, where) for path in paths))
        found.update(dict.fromkeys(self.loader.unresolved_in_files))
        return list(found)

    def check(self, model: dict[str, Any], enabled: list[str], profiles: Profiles) -> None:
        """Refuse services that do not fit together.

        Where every profile is on for the sake of judging it (`profiles` is empty), what goes wrong
        only because several are on together is reported as not evaluated.
        """
        errors = self.errors(model, enabled)
        first = next(errors, None)
        if first is None:
            return
        if profiles:
            raise first
        alone = self.messages_of_one_profile(model)
        for error in (first, *errors):
            if alone is None or error.message in alone:
                raise error
            self.loader.not_evaluated.append(
                NotEvaluated("profiles", "all profiles together", error.message, error.where)
            )

    def errors(self, model: dict[str, Any], enabled: list[str]) -> Iterator[ComposeError]:
        yield from inconsistencies(model, enabled, self.locate)
        yield from shared_container_names(model, enabled, self.locate)

    def messages_of_one_profile(self, model: dict[str, Any]) -> set[str] | None:
        """Return what goes wrong with no profile or a single one; None where they are too many."""
        services = model["services"]
        names = {name for service in services.values() for name in service.get("profiles", [])}
        if len(names) > MAX_PROFILES_APART:
            return None
        return {
            error.message
            for name in ("", *names)
            for error in self.errors(model, _enabled(services, (name,)))
        }

    def without_home(self) -> list[NotEvaluated]:
        reason = "~ stands for the home folder of whoever deploys, which is not known here"
        return [
            NotEvaluated("home", str(node.value), reason, node.location)
            for node in self.loader.home.missed
        ]

    def add_environment(self, name: str, service: Service) -> None:
        """Add what the env files of a service set to its `environment`, which wins."""
        files = service.get("env_file", [])
        own: dict[str, str | None] = {
            key: self.environment.get(key) if value is None else value
            for key, value in service.get("environment", {}).items()
        }
        if not files:
            if own:
                service["environment"] = own
            return
        values = {key: value for key, value in own.items() if value is not None}

        def lookup(key: str) -> str | None:
            return self.environment.get(key, own.get(key))

        for index, entry in enumerate(files):
            path: Path = ("services", name, "env_file", index)
            found = self.variables(entry, path, lookup, values)
            self.remember(("services", name, "environment"), entry.get("path", ""), found, own)
            values.update({key: variable.value for key, variable in found.items()})
        service["environment"] = {**values, **own}

    def add_labels(self, name: str, service: Service) -> None:
        """Add what the label files of a service set to its `labels`, which win."""
        labels: dict[str, str] = {}
        own = service.get("labels", {})
        for index, file in enumerate(service.get("label_file", [])):
            path: Path = ("services", name, "label_file", index)
            entry = {"path": file, "required": True}
            found = self.variables(entry, path, dict(labels).get, {})
            self.remember(("services", name, "labels"), file, found, own)
            labels.update({key: variable.value for key, variable in found.items()})
        if labels:
            service["labels"] = {**labels, **own}

    def remember(
        self, path: Path, file: str, found: Mapping[str, Variable], own: Mapping[str, Any]
    ) -> None:
        name = self.loader.display(file)
        for key, variable in found.items():
            where = Location(name, variable.line, 1)
            self.loader.unresolved_in_files += [
                Unresolved(missing, (*path, key), where) for missing in variable.unresolved
            ]
            if key not in own:
                self.places[(*path, key)] = where

    def read(self, file: str) -> bytes:
        """Return the content of an env or label file; an empty path is that of no file."""
        if not file:
            raise FileNotFoundError
        return self.bundle.files.read(self.loader.absolute(file))

    def variables(
        self,
        entry: dict[str, Any],
        path: Path,
        lookup: Callable[[str], str | None],
        known: Mapping[str, str],
    ) -> dict[str, Variable]:
        """Return what the env or label file of `entry`, named at `path`, sets."""
        file, kind = entry.get("path", ""), entry.get("format") or ""
        name, where = self.loader.display(file), self.locate(path)
        try:
            content = self.read(file)
        except FileNotFoundError:
            if entry.get("required", False):
                raise ComposeError(f"the {path[2]} {name} is not there", where) from None
            reason = "the file is optional, and is not there"
            self.loader.not_evaluated.append(NotEvaluated("env-file", name, reason, where))
            return {}
        except IsADirectoryError:
            raise ComposeError(f"{name} is a folder, expected a file", where) from None
        except BundleError as error:
            if entry.get("required", False):
                raise ComposeError(str(error), where) from None
            self.loader.not_evaluated.append(NotEvaluated("env-file", name, str(error), where))
            return {}
        self.loader.effort.read(content, where)
        if kind not in ("", "raw"):
            raise ComposeError(f"the format {kind!r} of {name} is unknown: use `raw`", where)
        try:
            if kind:
                return parse_raw(content, lookup)
            return parse(content, lookup, known)
        except DotenvError as problem:
            raise ComposeError(str(problem), Location(name, problem.line, 1)) from None


def _enabled(services: Mapping[str, Service], profiles: Profiles) -> list[str]:
    """Return the services that `profiles` turn on; without any, all of them."""
    chosen = frozenset(profiles)
    if not chosen or "*" in chosen:
        return list(services)
    return [
        name
        for name, service in services.items()
        if not (own := service.get("profiles")) or not chosen.isdisjoint(own)
    ]


def _fill_replicas(service: Service) -> None:
    if "scale" in service and "deploy" in service:
        service["deploy"]["replicas"] = service["scale"]


def _drop_unused(model: dict[str, Any]) -> None:
    """Leave out networks, volumes, secrets, configs and models that no service uses."""
    used: dict[str, set[str]] = {
        kind: set() for kind in ("networks", "volumes", "secrets", "configs", "models")
    }
    for service in model["services"].values():
        used["networks"].update(service.get("networks", ()))
        used["models"].update(service.get("models", ()))
        for volume in service.get("volumes", ()):
            if volume.get("type") == "volume":
                used["volumes"].add(volume.get("source", ""))
        for secret in (*service.get("secrets", ()), *service.get("build", {}).get("secrets", ())):
            used["secrets"].add(secret.get("source", ""))
        for config in service.get("configs", ()):
            used["configs"].add(config.get("source", ""))
    for kind, names in used.items():
        if kind in model:
            model[kind] = {key: value for key, value in model[kind].items() if key in names}
            if not model[kind]:
                del model[kind]
