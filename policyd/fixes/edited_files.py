"""The files of a project with edits that are not on disk yet, and writing them.

In: the files of a bundle. Out: the same files with other content; on request, on disk. Only regular
files below the root change, never through a link. Errors: BundleError.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from typing import Literal

from policyd.bundle import DirectoryFiles
from policyd.errors import BundleError
from policyd.regular_files import read_regular


class EditedFiles:
    """Files below one folder, some of them edited. See `policyd.model.Files`."""

    def __init__(self, files: DirectoryFiles, edits: dict[str, str]) -> None:
        """`edits` are new texts by the name of the file in messages."""
        self._files = files
        self._edits = edits

    def read(self, path: str) -> bytes:
        """Return the content of the file at `path`, edited or as it is on disk."""
        edited = self._edits.get(self._files.display(path))
        return self._files.read(path) if edited is None else edited.encode()

    def kind(self, path: str) -> Literal["file", "directory", ""]:
        """Return what is at `path`."""
        return self._files.kind(path)

    def display(self, path: str) -> str:
        """Return `path` as messages show it."""
        return self._files.display(path)

    def digest(self) -> str:
        """Return the digest of the files on disk."""
        return self._files.digest()

    def names(self) -> tuple[str, ...]:
        """Return the names of all files that were read."""
        return self._files.names()

    def shown(self, name: str) -> bytes | None:
        """Return the content of the file that messages call `name`."""
        edited = self._edits.get(name)
        return self._files.shown(name) if edited is None else edited.encode()


def editable_path(files: DirectoryFiles, name: str) -> str:
    """Return the path of the file `name` if it may be edited. Raises BundleError."""
    root = os.path.realpath(files.root)
    path = os.path.normpath(os.path.join(root, name))
    if name == "-":
        raise BundleError("standard input cannot be changed")
    if os.path.isabs(name) or not path.startswith(root.rstrip(os.sep) + os.sep):
        raise BundleError(f"{name}: is outside the project, so it is not changed")
    if os.path.realpath(path) != path:
        raise BundleError(f"{name}: is reached through a symbolic link, so it is not changed")
    return path


def write(files: DirectoryFiles, name: str, text: str) -> None:
    """Replace the content of the file `name`, which keeps its mode.

    Raises BundleError for a file that may not be edited, that changed since it was read, or that
    cannot be written; it is unchanged then.
    """
    path = editable_path(files, name)
    if read_regular(path, name) != files.shown(name):
        raise BundleError(f"{name}: changed while it was being evaluated; try again")
    try:
        handle, temporary = tempfile.mkstemp(prefix=".policyd-", dir=os.path.dirname(path))
        try:
            with open(handle, "wb") as file:
                file.write(text.encode())
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise BundleError(f"{name}: cannot be written: {error.strerror}") from error
