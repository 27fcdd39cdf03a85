"""Read `.policyd.yaml`, by which a repository says how `policyd check` evaluates it.

In: a folder in a repository. Out: RepositoryFile. It is written by the authors of projects, so it
cannot name a file outside the repository. Errors: PolicySetError with file, line and column.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from policyd.errors import ConfigError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import API_VERSION, Location
from policyd.policies.levels import LEVELS, level_file
from policyd.policies.yaml_documents import Value, documents, required
from policyd.regular_files import read_regular

FILE_NAME: Final = ".policyd.yaml"
OTHER_NAME: Final = ".policyd.yml"
KEYS: Final = ("apiVersion", "policySet", "level", "recursive", "projects", "reports")
PROJECT_KEYS: Final = ("files", "envFiles", "projectName", "environment")
MAX_PROJECTS: Final = 1_000
_PROJECT_NAME: Final = lazy_pattern("[a-z0-9][a-z0-9_-]*")


class ProjectGroup(msgspec.Struct, frozen=True):
    """Compose files that are evaluated together, relative to the root of the repository."""

    files: tuple[str, ...]
    env_files: tuple[str, ...] = ()
    project_name: str = ""
    environment: str = ""


class RepositoryFile(msgspec.Struct, frozen=True):
    """The content of `.policyd.yaml` in the folder `root`, usually that of a repository.

    `policy_set` is the absolute path of the policy set or the level, "" for none. `reports` are
    files below `root` by format.
    """

    root: str
    policy_set: str = ""
    recursive: bool = False
    projects: tuple[ProjectGroup, ...] = ()
    reports: dict[str, str] = {}

    @property
    def path(self) -> str:
        """The path of the file."""
        return os.path.join(self.root, FILE_NAME)


def repository_root(folder: str) -> str:
    """Return the root of the repository around the absolute `folder`, or `folder` itself."""
    here = folder
    while not os.path.exists(os.path.join(here, ".git")):
        parent = os.path.dirname(here)
        if parent == here:
            return folder
        here = parent
    return here


def find_repository_file(folder: str, formats: Collection[str]) -> RepositoryFile | None:
    """Return the nearest `.policyd.yaml` from the absolute `folder` up to the repository's root.

    `formats` are the known formats of reports. Returns None where there is no such file. Raises
    PolicySetError and BundleError for one that is not valid, and ConfigError for another spelling
    of its name.
    """
    top = repository_root(folder)
    here = folder
    while True:
        path, other = os.path.join(here, FILE_NAME), os.path.join(here, OTHER_NAME)
        if os.path.lexists(other):
            raise ConfigError(f"{other}: is not read; rename it to {FILE_NAME}")
        if os.path.lexists(path):
            shown = os.path.relpath(path)
            try:
                text = read_regular(path, shown).decode()
            except UnicodeDecodeError:
                raise ConfigError("the file is not UTF-8", Location(shown)) from None
            return read_repository_file(text, shown, here, formats)
        if here == top:
            return None
        here = os.path.dirname(here)


def read_repository_file(
    text: str, name: str, root: str, formats: Collection[str]
) -> RepositoryFile:
    """Return the content of a repository file. Raises PolicySetError."""
    found = documents(text, name)
    if len(found) != 1:
        raise ConfigError("the file must have exactly one YAML document", Location(name))
    keys = found[0].mapping(KEYS)
    if "apiVersion" in keys:
        keys["apiVersion"].one_of((API_VERSION,))
    groups = keys["projects"].items() if "projects" in keys else []
    if len(groups) > MAX_PROJECTS:
        raise keys["projects"].error(f"has more than {MAX_PROJECTS:,} entries")
    return RepositoryFile(
        root=root,
        policy_set=_policy_set(keys, root),
        recursive="recursive" in keys and _flag(keys["recursive"]),
        projects=tuple(_group(group) for group in groups),
        reports=_reports(keys["reports"], formats) if "reports" in keys else {},
    )


def _policy_set(keys: Mapping[str, Value], root: str) -> str:
    """Return the path of the policy set or of the level, "" for none."""
    if "level" not in keys:
        return os.path.join(root, _path(keys["policySet"])) if "policySet" in keys else ""
    if "policySet" in keys:
        raise keys["level"].error("must not be set together with policySet")
    return str(level_file(keys["level"].one_of(LEVELS)))


def _group(value: Value) -> ProjectGroup:
    keys = value.mapping(PROJECT_KEYS)
    files = required(keys, "files", value)
    if not files.items():
        raise files.error("is empty: name at least one Compose file")
    name = keys["projectName"].text() if "projectName" in keys else ""
    if name and not _PROJECT_NAME.fullmatch(name):
        raise keys["projectName"].error(
            f"is {name!r}: it may have a-z, 0-9, - and _, and must begin with a letter or a digit"
        )
    return ProjectGroup(
        files=tuple(_path(one) for one in files.items()),
        env_files=tuple(_path(one) for one in keys["envFiles"].items())
        if "envFiles" in keys
        else (),
        project_name=name,
        environment=keys["environment"].text() if "environment" in keys else "",
    )


def _reports(value: Value, formats: Collection[str]) -> dict[str, str]:
    reports = {form: _path(file) for form, file in value.mapping(formats).items()}
    for form, file in value.mapping(formats).items():
        if ".git" in reports[form].split("/"):
            raise file.error(f"is {file.text()!r}: the report must not lie in .git")
    return reports


def _path(value: Value) -> str:
    text = value.text()
    if os.path.isabs(text) or ".." in text.split("/") or "\0" in text:
        raise value.error(
            f"is {text!r}: a path must be relative to the repository and stay inside it"
        )
    return os.path.normpath(text)


def _flag(value: Value) -> bool:
    if value.kind() != "a boolean":
        raise value.error(f"must be a boolean, not {value.kind()}")
    return bool(value.plain())
