"""Search a project for credentials that its files contain, and tell where they are.

In: a loaded project. Out: a Credential for each, with its kind and its place, never with its value.
A value that comes from the caller's environment or from `.env` is not in a file of the project; a
default, `${NAME:-value}`, is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from policyd.compose.project import Project
from policyd.credentials import CredentialKind, Found, in_arguments, in_value
from policyd.model import Path
from policyd.workloads.containers import Container, hooks_of, services_and_jobs
from policyd.workloads.values import Tree, entries, mapping, pairs, text, texts

Place = Literal["environment", "label", "annotation", "command", "build", "logging", "resource"]

_PROJECT: Final = "the project"
_MAPPINGS: Final[tuple[tuple[Place, str], ...]] = (
    ("environment", "environment"),
    ("label", "labels"),
    ("annotation", "annotations"),
)
_COMMANDS: Final = ("command", "entrypoint")


class Credential(msgspec.Struct, frozen=True):
    """A credential in a file of the project; its value is not kept.

    `kind` is `private-key`, `token` (a format that its issuer documents), `url` (a password in a
    URL) or `name` (by the name of the variable or option), `form` the format in words. `title` is
    what messages call the container, or "the project". `origin` is the Compose file or an
    environment file. `name` is the variable, label or option, "" if there is none.
    """

    kind: CredentialKind
    form: str
    place: Place
    name: str
    service: str
    title: str
    origin: Literal["compose-file", "environment-file"]
    path: Path


class _Candidate(msgspec.Struct, frozen=True):
    place: Place
    name: str
    path: Path
    secret: str
    found: Found


def credentials(project: Project) -> tuple[Credential, ...]:
    """Return the credentials that the files of `project` contain, at most one for each path."""
    found: dict[Path, Credential] = {}
    for service in services_and_jobs(project.tree):
        own = list(_candidates(service.keys, service.path))
        for candidate in own:
            _add(found, project, candidate, service)
        inherited = {(each.path[len(service.path) :], each.secret) for each in own}
        for hook in hooks_of(service):
            for candidate in _candidates(hook.keys, hook.path):
                if (candidate.path[len(hook.path) :], candidate.secret) not in inherited:
                    _add(found, project, candidate, hook)
    for candidate in _resources(project.tree):
        _add(found, project, candidate, None)
    return tuple(found.values())


def _add(
    into: dict[Path, Credential],
    project: Project,
    candidate: _Candidate,
    container: Container | None,
) -> None:
    written = project.written(candidate.path)
    is_in_file = written is None and project.is_from_environment_file(candidate.path)
    if not is_in_file and candidate.secret not in (written or "").replace("$$", "$"):
        return
    credential = Credential(
        kind=candidate.found.kind,
        form=candidate.found.form,
        place=candidate.place,
        name=candidate.name,
        service=container.service if container else "",
        title=container.title if container else _PROJECT,
        origin="environment-file" if is_in_file else "compose-file",
        path=candidate.path,
    )
    into.setdefault(candidate.path, credential)


def _candidates(keys: Tree, path: Path) -> Iterator[_Candidate]:
    for place, key in _MAPPINGS:
        if key in keys:
            yield from _values(place, keys, path, key)
    for key in _COMMANDS:
        if keys.get(key):
            yield from _arguments(keys, path, key)
    if "logging" in keys:
        yield from _values("logging", mapping(keys, "logging"), (*path, "logging"), "options")
    if "healthcheck" in keys:
        yield from _arguments(mapping(keys, "healthcheck"), (*path, "healthcheck"), "test")
    if "build" in keys:
        yield from _of_build(mapping(keys, "build"), (*path, "build"))
    for stage in ("post_start", "pre_stop"):
        for index, hook in entries(keys, stage):
            yield from _values("environment", hook, (*path, stage, index), "environment")
            yield from _arguments(hook, (*path, stage, index), "command")


def _of_build(build: Tree, path: Path) -> Iterator[_Candidate]:
    for key in ("args", "labels", "additional_contexts"):
        yield from _values("build", build, path, key)
    for key in ("context", "dockerfile_inline"):
        yield from _value("build", "", text(build, key), (*path, key))


def _resources(tree: Tree) -> Iterator[_Candidate]:
    """Yield what could be a credential in the configs, volumes and networks of the project."""
    for name, config in mapping(tree, "configs").items():
        content = text(mapping(config), "content")
        yield from _value("resource", "", content, ("configs", name, "content"))
    for kind in ("volumes", "networks"):
        for name, resource in mapping(tree, kind).items():
            options = mapping(resource, "driver_opts")
            for option, value in pairs({"o": options}, "o").items():
                path = (kind, name, "driver_opts", option)
                for part in value.split(","):
                    key, equals, inner = part.partition("=")
                    named = (key, inner) if equals else (option, part)
                    yield from _value("resource", *named, path)


def _values(place: Place, parent: Tree, path: Path, key: str) -> Iterator[_Candidate]:
    for name, value in pairs(parent, key).items():
        yield from _value(place, name, value, (*path, key, name))


def _value(place: Place, name: str, value: str, path: Path) -> Iterator[_Candidate]:
    found = in_value(name, value) if value else None
    if found:
        yield _Candidate(place, name, path, value[found.start : found.end], found)


def _arguments(parent: Tree, path: Path, key: str) -> Iterator[_Candidate]:
    for argument in in_arguments(texts(parent, key)):
        place = (*path, key, argument.place)
        yield _Candidate("command", argument.name, place, argument.secret, argument.found)
