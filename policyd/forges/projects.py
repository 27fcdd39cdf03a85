"""The Compose projects in the files of a commit, and the decisions on them.

In: a folder with the files of a commit. Out: for each project its files' digest, and what the
policy set decides on it. The repository's own `.policyd.yaml` may group files; it cannot choose the
policy set or write reports here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import msgspec

from policyd.adoption.repository_file import (
    FILE_NAME,
    ProjectGroup,
    RepositoryFile,
    read_repository_file,
)
from policyd.bundle import directory_bundle
from policyd.discovery.search import default_files, find_projects
from policyd.errors import BundleError, ConfigError, ForgeError, NoComposeFile
from policyd.formats.report.available import REPORT
from policyd.loading import Loaded, NotLoaded, prepare
from policyd.model import Bundle, Decision, Grant, Violation
from policyd.regular_files import read_regular

MAX_PROJECTS: Final = 500
"""Projects of a repository that are reviewed. Beyond it the change is an error."""


class Found(msgspec.Struct, frozen=True):
    """A project of a commit: its label, its arguments for Compose, and its environment."""

    label: str
    folder: str
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    project_name: str = ""
    environment: str = ""


class Judged(msgspec.Struct, frozen=True):
    """A project with the decision on it.

    `problem` says why nothing was decided; then there is no decision.
    """

    label: str
    decision: Decision | None = None
    problem: str = ""

    @property
    def is_denied(self) -> bool:
        """Whether the project is denied, or could not be decided on."""
        return self.decision is None or not self.decision.allowed

    @property
    def denying(self) -> tuple[Violation, ...]:
        """The violations that deny it."""
        found = self.decision.violations if self.decision else ()
        return tuple(one for one in found if one.enforcement_action == "deny")

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Its grants, if it is allowed."""
        return self.decision.grants if self.decision and self.decision.allowed else ()


def projects_in(folder: str) -> list[Found]:
    """Return the projects in `folder`. Raises ForgeError, and ConfigError for `.policyd.yaml`."""
    found = list(_projects(os.path.realpath(folder)))
    if len(found) > MAX_PROJECTS:
        raise ForgeError(
            f"the repository has more than {MAX_PROJECTS} Compose projects; group or ignore some "
            f"in {FILE_NAME}",
            is_final=True,
        )
    return found


def _projects(folder: str) -> Iterator[Found]:
    configured = _repository_file(folder)
    groups = configured.projects if configured else ()
    for group in groups:
        yield _of_group(group, folder)
    if groups and configured and not configured.recursive:
        return
    named = {_paths(one.folder, one.files) for one in (_of_group(g, folder) for g in groups)}
    try:
        for project in find_projects(folder):
            if _paths(project.folder, project.files) not in named:
                below = os.path.relpath(project.folder, folder)
                files = project.files or default_files(project.folder)[:1]
                label = " ".join(os.path.normpath(os.path.join(below, name)) for name in files)
                yield Found(_printable(label), project.folder, project.files)
    except BundleError as error:
        raise ForgeError(f"the projects cannot be listed: {error}", is_final=True) from error


def _repository_file(folder: str) -> RepositoryFile | None:
    path = os.path.join(folder, FILE_NAME)
    if not os.path.lexists(path):
        return None
    text = read_regular(path, FILE_NAME).decode("utf-8", "replace")
    return read_repository_file(text, FILE_NAME, folder, REPORT)


def _of_group(group: ProjectGroup, folder: str) -> Found:
    return Found(
        label=_printable(" ".join(group.files)),
        folder=folder,
        files=group.files,
        env_files=group.env_files,
        project_name=group.project_name,
        environment=group.environment,
    )


def _paths(folder: str, files: tuple[str, ...]) -> tuple[str, ...]:
    names = files or default_files(folder)
    return tuple(os.path.normpath(os.path.join(folder, name)) for name in names)


def _printable(label: str) -> str:
    return os.fsencode(label).decode("utf-8", "replace")


def bundle_of(project: Found, root: str) -> Bundle:
    """Return `project` of the commit in `root`, with all profiles and no environment.

    What a repository does not contain, such as an env file, is not evaluated. Raises BundleError.
    """
    found = directory_bundle(
        project.folder,
        project.files,
        root=os.path.realpath(root),
        env_files=project.env_files,
        project_name=project.project_name,
        profiles=(),
    )
    return msgspec.structs.replace(found, missing="unknown")


def prepared(project: Found, root: str) -> Loaded | NotLoaded | str:
    """Return `project` of the commit in `root`, loaded; or why there is nothing to decide on."""
    try:
        return prepare(bundle_of(project, root))
    except (BundleError, NoComposeFile, ConfigError) as error:
        return str(error)
