"""The temporary folder that the processes of one server share.

In: nothing. Out: a folder of this user, which is locked while a process of the server lives. A
folder whose server was killed is removed by the next one that starts. Errors: ConfigError.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from policyd.errors import ConfigError

PREFIX: Final = "policyd-serve-"


class SharedFolder:
    """A folder that exists until `close`, even if somebody removes it."""

    def __init__(self) -> None:
        """Create the folder, and remove those that killed servers left. Raises ConfigError."""
        remove_abandoned()
        try:
            self.path, self._lock = _create()
        except OSError as error:
            raise ConfigError(f"a temporary folder cannot be created: {error}") from error

    def restore(self) -> bool:
        """Create the folder again if it was removed. Return whether it was.

        Raises OSError, also if another user has created a folder of its name.
        """
        if _is_own_folder(self.path):
            return False
        self.path.mkdir(mode=0o700)
        lock = _locked(self.path)
        os.close(self._lock)
        self._lock = lock
        return True

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned() -> None:
    """Remove the folders of this user whose servers have ended without removing them."""
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    if not _is_own_folder(folder):
        return
    with contextlib.suppress(OSError):
        lock = _locked(folder, fcntl.LOCK_NB)  # fails while a process of its server lives
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _create() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = _locked(folder)
        # Before it was locked, a server that starts could take it for an abandoned one.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), os.stat(folder)):
                return folder, lock
        os.close(lock)


def _locked(folder: Path, options: int = 0) -> int:
    """Return a descriptor that locks `folder`. systemd-tmpfiles leaves locked folders alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | options)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_own_folder(folder: Path) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
