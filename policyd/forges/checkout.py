"""Unpack the archive of a commit into a folder.

In: a tar archive on disk, which may be hostile, and an empty folder. Out: its regular files and
links in the folder, without the one top folder of the archive. Nothing is written outside of it:
links are made last, and no member is written through one. A link out of the folder is made too: the
loader refuses to follow it, as in a working copy. Files that the loader would refuse for their
size have their size, and no content. Errors: ForgeError. Source: POSIX pax and ustar, GNU tar.
"""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import tarfile
from typing import BinaryIO, Final

from policyd.bundle import relative_name
from policyd.errors import BundleError, ForgeError
from policyd.limits import MAX_FILE

MAX_MEMBERS: Final = 300_000
MAX_RECORDS: Final = 2 * MAX_MEMBERS
"""Members of an archive, and records of their pax headers."""


class _Headers(io.BufferedReader):
    """An archive whose headers are read. Raises ForgeError for too many pax records."""

    records = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.records += data.count(b"=")  # each record has one
        if self.records > MAX_RECORDS:
            raise ForgeError("the headers of the archive have too many records", is_final=True)
        return data


def unpack(archive: BinaryIO, folder: str) -> None:
    """Unpack the tar `archive` into the empty `folder`. Raises ForgeError."""
    links: list[tuple[str, str]] = []
    archive.flush()
    descriptor = archive.fileno()
    os.lseek(descriptor, 0, os.SEEK_SET)
    headers = _Headers(io.FileIO(os.dup(descriptor)))
    try:
        with headers, tarfile.open(fileobj=headers, mode="r:") as members:
            for number, member in enumerate(members):
                if number >= MAX_MEMBERS:
                    raise ForgeError(
                        f"the archive has more than {MAX_MEMBERS:,} members", is_final=True
                    )
                name = _below_top(member.name)
                if member.issym() and name:
                    links.append((name, member.linkname))
                elif member.isreg() and not member.issparse() and name:
                    _write(descriptor, member, os.path.join(folder, name))
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise ForgeError(f"the archive cannot be unpacked: {error}", is_final=True) from error
    for name, target in links:
        _link(os.path.join(os.path.realpath(folder), name), target)


def _below_top(name: str) -> str:
    """Return the name of a member below the top folder, "" for none."""
    try:
        below = relative_name(name).partition("/")[2]
    except BundleError as error:
        raise ForgeError(
            f"the archive has a member outside of it: {error}", is_final=True
        ) from error
    return "" if below == ".git" or below.startswith(".git/") else below


def _link(path: str, target: str) -> None:
    """Make a link, unless its place is only reached through another link."""
    parent = os.path.dirname(path)
    with contextlib.suppress(OSError, ValueError):
        if os.path.realpath(parent) == parent:
            os.makedirs(parent, exist_ok=True)
            os.symlink(target, path)


def _write(descriptor: int, member: tarfile.TarInfo, path: str) -> None:
    os.makedirs(posixpath.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        if member.size > MAX_FILE:
            file.truncate(member.size)
            return
        content = os.pread(descriptor, member.size, member.offset_data)
        if len(content) < member.size:
            raise ForgeError("the archive is incomplete", is_final=True)
        file.write(content)
