"""Turn the paths of a command line into the projects to evaluate.

In: paths and the flags of Compose. Out: targets, and the paths without a project with the reason.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click
import msgspec

from policyd.adoption.repository_file import RepositoryFile
from policyd.cli import complain
from policyd.cli.options import ComposeFlags, Target, stdin
from policyd.discovery.search import FoundProject, default_files, find_projects, has_project
from policyd.errors import BundleError, NoComposeFile, PolicydError
from policyd.limits import MAX_FILE
from policyd.model import Undecided

COMPOSE_FILE: Final = "COMPOSE_FILE"
OCI: Final = "oci://"
"""What precedes the reference of a project in a registry."""
HINTED: Final = 3
"""Projects below a folder that a hint names."""
LOOKED_AT: Final = 9
"""Projects that are searched for a hint: several can be in one folder."""


class Search(msgspec.Struct, frozen=True):
    """Whether to look for projects below the paths too, and in what Git ignores."""

    recursive: bool = False
    with_ignored: bool = False


def find_targets(
    paths: Sequence[str],
    flags: ComposeFlags,
    folder: str,
    search: Search,
    environment: Mapping[str, str],
    repository: RepositoryFile | None = None,
) -> tuple[list[Target], list[Undecided]]:
    """Return the projects that `paths`, relative to `folder`, name.

    Without any, it is the project in `folder`, or in the root of a repository those that its file
    names. Raises UsageError for flags that exclude each other.
    """
    _check_usage(paths, flags, search, environment)
    if repository and names_projects(repository, paths, flags, folder, search):
        return _of_repository(repository, flags, search, environment)
    if flags.files:
        text = stdin() if "-" in flags.files else None
        return [Target(" ".join(flags.files), folder, flags, text)], []
    if not paths and not search.recursive:
        if not flags.project_directory:
            _announce(folder, flags, environment)
        return [target(".", flags, folder)], []
    found: list[Target] = []
    missing: list[Undecided] = []
    for path in paths or (".",):
        try:
            found += _targets(path, flags, folder, search, environment)
        except PolicydError as error:
            missing.append(Undecided(path, str(error)))
    first: dict[tuple[str, tuple[str, ...]], Target] = {}
    for one in found:
        first.setdefault((one.directory, one.flags.files), one)
    return list(first.values()), missing


def find_target(
    path: str | None, flags: ComposeFlags, folder: str, environment: Mapping[str, str]
) -> Target:
    """Return the one project that `path` names, by default that in `folder`.

    Raises NoComposeFile if there is none, and UsageError for flags that exclude each other.
    """
    if path and path.startswith(OCI):
        raise click.UsageError(f"{path}: only `policyd check` reads projects in registries")
    paths = () if path is None else (path,)
    found, missing = find_targets(paths, flags, folder, Search(), environment)
    for one in missing:
        raise NoComposeFile(one.reason)
    return found[0]


def names_projects(
    repository: RepositoryFile,
    paths: Sequence[str],
    flags: ComposeFlags,
    folder: str,
    search: Search,
) -> bool:
    """Return whether the file of the repository, not the command line, names the projects."""
    explicit = paths or flags.files or flags.project_directory or search.recursive
    named = repository.projects or repository.recursive
    return bool(named and not explicit and os.path.samefile(folder, repository.root))


def _of_repository(
    repository: RepositoryFile,
    flags: ComposeFlags,
    search: Search,
    environment: Mapping[str, str],
) -> tuple[list[Target], list[Undecided]]:
    """Return the groups that `repository` names, then the other projects if it says so."""
    base = target(".", flags, repository.root)
    groups = []
    for group in repository.projects:
        own = msgspec.structs.replace(
            base.flags,
            files=group.files,
            env_files=base.flags.env_files or group.env_files,
            project_name=flags.project_name or group.project_name,
        )
        groups.append(
            Target(" ".join(group.files), repository.root, own, environment=group.environment)
        )
    if not repository.recursive:
        return groups, []
    everything = msgspec.structs.replace(search, recursive=True)
    found, missing = find_targets((".",), flags, repository.root, everything, environment)
    named = {_files(one) for one in groups}
    return [*groups, *(one for one in found if _files(one) not in named)], missing


def _files(one: Target) -> tuple[str, ...]:
    names = one.flags.files or default_files(one.directory)
    return tuple(os.path.normpath(os.path.join(one.directory, name)) for name in names)


def target(path: str, flags: ComposeFlags, directory: str) -> Target:
    """Return the project at `path`: a folder, a Compose file or "-".

    Raises BundleError when there is nothing at `path`, or `path` is empty.
    """
    if not path:
        raise BundleError("a path is empty; write . for this folder")
    place = os.path.join(directory, path)
    absolute = msgspec.structs.replace(
        flags,
        env_files=tuple(os.path.join(directory, name) for name in flags.env_files),
        project_directory=flags.project_directory
        and os.path.join(directory, flags.project_directory),
        root=flags.root and os.path.join(directory, flags.root),
        image_configs=flags.image_configs and os.path.join(directory, flags.image_configs),
    )
    if path == "-":
        return Target(path, directory, msgspec.structs.replace(absolute, files=("-",)), stdin())
    try:
        is_folder = stat.S_ISDIR(os.stat(place).st_mode)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BundleError(f"{path}: {reason}") from error
    if is_folder:
        return Target(path, place, absolute)
    return Target(path, directory, msgspec.structs.replace(absolute, files=(path,)))


def _check_usage(
    paths: Sequence[str], flags: ComposeFlags, search: Search, environment: Mapping[str, str]
) -> None:
    if flags.files and (paths or search.recursive):
        other = "--recursive or --changed-since" if search.recursive else "PATH"
        raise click.UsageError(f"--file cannot be used together with {other}")
    if not search.recursive:
        return
    if flags.project_directory:
        raise click.UsageError("--recursive and --project-directory cannot be used together")
    if COMPOSE_FILE in environment:
        raise click.UsageError(
            f"--recursive cannot be used while {COMPOSE_FILE} is set: it names the files of one "
            f"project; unset {COMPOSE_FILE}"
        )


def _targets(
    path: str,
    flags: ComposeFlags,
    folder: str,
    search: Search,
    environment: Mapping[str, str],
) -> Iterator[Target]:
    """Yield the project at `path`, or with a recursive search all projects below it."""
    if path.startswith(OCI):
        yield Target(path, path, flags)
        return
    one = target(path, flags, folder)
    if one.flags.files:
        yield one
    elif not search.recursive:
        if not flags.project_directory and not _is_project(one.directory, flags, environment):
            if not os.access(one.directory, os.R_OK | os.X_OK):
                raise BundleError(f"{path}: cannot be read: Permission denied")
            reasons = [f"{path}: no Compose file in this folder", _hint(one.directory)]
            raise NoComposeFile("; ".join(filter(None, reasons)))
        yield one
    else:
        projects = find_projects(os.path.abspath(one.directory), with_ignored=search.with_ignored)
        first = next(projects, None)
        if first is None:
            raise NoComposeFile(f"{path}: no Compose file in this folder or below it")
        for project in itertools.chain((first,), projects):
            yield _found(project, one)


def _found(project: FoundProject, searched: Target) -> Target:
    """Return the target for `project`, named relative to the path as typed."""
    below = os.path.relpath(project.folder, os.path.abspath(searched.directory))
    folder = os.path.normpath(os.path.join(searched.source, below))
    shown = " ".join(os.path.normpath(os.path.join(folder, name)) for name in project.files)
    flags = msgspec.structs.replace(searched.flags, files=project.files)
    # A name that is not UTF-8 cannot be printed; the project itself is reported as undecided.
    source = os.fsencode(shown or folder).decode("utf-8", "replace")
    return Target(source, project.folder, flags)


def _announce(folder: str, flags: ComposeFlags, environment: Mapping[str, str]) -> None:
    """Say it when there is no project in `folder`, but in a parent, as for Compose, or below."""
    if _is_project(folder, flags, environment):
        return
    parent = folder
    while parent != os.path.dirname(parent):
        parent = os.path.dirname(parent)
        if has_project(parent):
            complain(f"no Compose file in {folder}: evaluating the project in {parent}", "note")
            return
    if hint := _hint(folder):
        complain(hint, "note")


def _is_project(folder: str, flags: ComposeFlags, environment: Mapping[str, str]) -> bool:
    """Return whether Compose takes the project in `folder`, not that of a parent."""
    if has_project(folder) or COMPOSE_FILE in environment or "COMPOSE_ENV_FILES" in environment:
        return True
    # Imported here, because few folders are asked about their environment files.
    from policyd.compose.text.dotenv import DotenvError, parse

    for name in flags.env_files or (".env",):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read(MAX_FILE)
            if COMPOSE_FILE in parse(content, environment.get):
                return True
        except (OSError, ValueError, DotenvError):
            continue
    return False


def _hint(folder: str) -> str:
    """Return what to name instead of `folder`: a file in it or projects below, "" for nothing."""
    try:
        projects = list(itertools.islice(find_projects(os.path.abspath(folder)), LOOKED_AT))
    except PolicydError:
        return ""
    here = [one.files[0] for one in projects if os.path.samefile(one.folder, folder)]
    if here:
        return f"there is {here[0]}: name the file"
    names = {os.path.relpath(one.folder, folder) for one in projects}
    if not names:
        return ""
    shown = sorted(names)[:HINTED]
    more = ", …" if len(names) > HINTED else ""
    return f"--recursive evaluates the projects below it: {', '.join(shown)}{more}"
