"""Read regular files, without following links and up to a limit.

In: the path of a file with links resolved, and its name for messages. Out: its content. Errors:
BundleError for anything but a regular file, PayloadTooLarge for one that is too large.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Literal

from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_FILE, MIB


def check_size(name: str, size: int) -> None:
    """Raise PayloadTooLarge when the file `name` has more than MAX_FILE bytes."""
    if size > MAX_FILE:
        raise PayloadTooLarge(
            f"{name}: the file has {size:,} bytes; the limit is {MAX_FILE // MIB} MiB"
        )


def kind_on_disk(real: str) -> Literal["file", "directory", ""]:
    """Return what is at `real`: "" for nothing. What cannot be looked at counts as a file."""
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return ""
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "file"


def read_regular(real: str, shown: str) -> bytes:
    """Return the content of the regular file `real`, not a link. Raises BundleError."""
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BundleError(f"{shown}: cannot be read: {error.strerror}") from error
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{shown}: is not a regular file")
        check_size(shown, status.st_size)
        try:
            content = file.read(status.st_size + 1)
            if len(content) > status.st_size:  # it has grown, or is in /proc
                content += file.read(MAX_FILE + 1 - len(content))
        except OSError as error:
            raise BundleError(f"{shown}: cannot be read: {error.strerror}") from error
    check_size(shown, len(content))
    return content
