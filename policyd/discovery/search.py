"""Find the Compose projects below a folder.

In: a folder. Out: its projects, as the Compose files to evaluate together. Links to folders are not
followed. Nothing is loaded; only a file with an unknown overlay name is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from policyd.compose.file_names import COMPOSE_FILE_NAMES, OVERRIDE_FILE_NAMES
from policyd.compose.yaml.reader import read_documents
from policyd.discovery.ignored import Ignored, ignored_in
from policyd.errors import BundleError, PolicydError
from policyd.lazy_pattern import lazy_pattern
from policyd.regular_files import read_regular

MAX_ENTRIES: Final = 1_000_000
"""Files and folders that a search looks at."""

OVERLAYS: Final = frozenset(
    (
        *("prod", "production", "live", "stage", "staging", "preprod", "preview", "qa", "uat"),
        *("dev", "devel", "development", "local", "test", "tests", "testing", "ci", "e2e"),
        *("debug", "demo", "override", "overrides", "gpu", "gpus", "cpu", "cuda", "nvidia"),
        *("amd", "rocm", "intel", "tls", "ssl", "https", "traefik"),
    )
)
"""Words in the name of a file that is merged over the base, as in compose.prod.yaml."""

_NAME: Final = lazy_pattern(r"(?:docker-)?compose[._-](?P<word>.+)\.ya?ml")
_COMPLETE: Final = frozenset(("image", "build", "extends", "provider"))
"""Keys of which a service of a complete file has one."""


class FoundProject(msgspec.Struct, frozen=True):
    """A project: its folder, and the names of its Compose files in it.

    Without `files`, Compose chooses them: the base and its override, or those of COMPOSE_FILE.
    """

    folder: str
    files: tuple[str, ...] = ()


def find_projects(folder: str, *, with_ignored: bool = False) -> Iterator[FoundProject]:
    """Yield the projects in and below the absolute `folder`, in the order of their paths.

    What Git ignores is left out, unless `with_ignored`. Raises BundleError for a folder that cannot
    be read and for a folder with more than MAX_ENTRIES entries.
    """
    entries = 0
    start = Ignored() if with_ignored else ignored_in(folder)
    waiting = [(folder, start)]
    while waiting:
        place, ignored = waiting.pop()
        files, folders = _entries(place)
        entries += len(files) + len(folders)
        if entries > MAX_ENTRIES:
            raise BundleError(
                f"{folder}: has more than {MAX_ENTRIES:,} files and folders; name a folder below it"
            )
        named = [name for name in files if is_compose_name(name)]
        yield from _projects(
            place, [name for name in named if not ignored(os.path.join(place, name), folder=False)]
        )
        below = [os.path.join(place, name) for name in folders if name != ".git"]
        waiting += [
            (path, ignored if with_ignored else ignored.inside(path))
            for path in reversed(below)
            if not ignored(path, folder=True)
        ]


def default_files(folder: str) -> tuple[str, ...]:
    """Return the names of the files that Compose takes in `folder`: a base and its override."""
    return tuple(
        found[0]
        for names in (COMPOSE_FILE_NAMES, OVERRIDE_FILE_NAMES)
        if (found := [one for one in names if os.path.lexists(os.path.join(folder, one))])
    )


def has_project(folder: str) -> bool:
    """Return whether Compose finds a Compose file in `folder` itself."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in COMPOSE_FILE_NAMES)


def is_compose_name(name: str) -> bool:
    """Return whether a file so named is a Compose file, as far as its name says."""
    return name in COMPOSE_FILE_NAMES or _NAME.fullmatch(name) is not None


def _entries(folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the files and of the folders in `folder`, sorted. A link is a file."""
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be read: {error.strerror}") from error
    return sorted(files), sorted(folders)


def _projects(folder: str, names: Sequence[str]) -> Iterator[FoundProject]:
    """Yield the projects that the Compose files `names` in `folder` make up.

    A base comes with its override, as Compose chooses them. A file with the name of an overlay is
    evaluated over the base, one with another name only if it is not complete by itself.
    """
    bases = [name for name in COMPOSE_FILE_NAMES if name in names]
    overrides = [name for name in OVERRIDE_FILE_NAMES if name in names]
    if bases:
        yield FoundProject(folder)
    for name in bases[1:]:
        yield FoundProject(folder, (name,))
    used = {*bases, *(overrides[:1] if bases else ())}
    for name in names:
        if name in used:
            continue
        over = bases and (_is_overlay(name) or not _is_complete(os.path.join(folder, name)))
        yield FoundProject(folder, (bases[0], name) if over else (name,))


def _is_overlay(name: str) -> bool:
    found = _NAME.fullmatch(name)
    return bool(found and OVERLAYS & set(re.split(r"[._-]", found["word"].lower())))


def _is_complete(path: str) -> bool:
    """Return whether each service in the file has what it is started from.

    A file that cannot be read counts as complete: evaluated alone, its own error is reported.
    """
    try:
        documents = read_documents(read_regular(os.path.realpath(path), path), path)
    except PolicydError:
        return True
    for document in documents:
        root = document.root.value
        services = root.get("services") if type(root) is dict else None
        below = services.value if services is not None else None
        for service in below.values() if type(below) is dict else ():
            keys = service.value if type(service.value) is dict else {}
            if not _COMPLETE & keys.keys():
                return False
    return True
