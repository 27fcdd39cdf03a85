"""Tell which projects a change touches.

In: what Git reports as changed, and the bundle of a project. Out: whether its decision may differ.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from policyd.adoption.repository_file import FILE_NAME
from policyd.bundle import DirectoryFiles
from policyd.compose.file_names import COMPOSE_FILE_NAMES
from policyd.config import Settings
from policyd.loading import prepare
from policyd.model import Bundle

if TYPE_CHECKING:
    from policyd.discovery.changes import Changes


class Untouched(msgspec.Struct, frozen=True):
    """A project that no change touches. It is not evaluated."""

    source: str


def touches(changes: Changes, bundle: Bundle, settings: Settings) -> bool:
    """Return whether a file changed that the load of `bundle` reads or looks for.

    These are Compose files, overrides, includes, files of `extends`, environment files, and
    Dockerfiles. So does a base that was added or removed. A changed policy set or `.policyd.yaml`
    touches every project. Raises NoComposeFile and BundleError.
    """
    if settings.policy_set and changes.touch_below(os.path.realpath(settings.policy_set)):
        return True
    if changes.touch([os.path.join(changes.root, FILE_NAME)]):
        return True
    prepare(bundle)
    assert isinstance(bundle.files, DirectoryFiles)
    folder = os.path.realpath(bundle.working_directory)
    bases = [os.path.join(folder, name) for name in COMPOSE_FILE_NAMES]
    return changes.touch((*bases, *_examined(bundle.files)))


def _examined(files: DirectoryFiles) -> Iterator[str]:
    for name in files.examined():
        path = os.path.join(files.root, name)
        yield os.path.realpath(path)
        yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
