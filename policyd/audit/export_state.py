"""Keep how far an export has delivered the audit log, in a file.

In: the path of a file. Out: the last event that was delivered. The file is replaced in one step, so
a killed export leaves either the old position or the new one. One export at a time uses a file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from policyd.audit.export import Position
from policyd.errors import DeliveryError
from policyd.model import to_json

_MAX_FILE: Final = 4_096


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sequence: int
    hash: str


class ExportState:
    """The position in the file `path`."""

    def __init__(self, path: str) -> None:
        self._path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other exports with this file. Raises DeliveryError if there is one."""
        try:
            descriptor = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DeliveryError(
                f"{self._path}.lock: cannot be created: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise DeliveryError(f"another export uses {self._path}") from None
        finally:
            os.close(descriptor)

    def read(self) -> Position:
        """Return the position, that before all events without a file. Raises DeliveryError."""
        try:
            with open(self._path, "rb") as file:
                state = msgspec.json.decode(file.read(_MAX_FILE), type=_State)
        except FileNotFoundError:
            return Position()
        except OSError as error:
            raise DeliveryError(f"{self._path}: cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise DeliveryError(f"{self._path}: is not the state of an export: {error}") from error
        return Position(state.sequence, state.hash)

    def write(self, position: Position) -> None:
        """Keep `position`; return when it is on disk. Raises DeliveryError."""
        temporary = f"{self._path}.new"
        try:
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            with open(descriptor, "wb") as file:
                file.write(to_json(_State(*position)) + b"\n")
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, self._path)
            _sync_folder(os.path.dirname(os.path.abspath(self._path)))
        except OSError as error:
            raise DeliveryError(f"{self._path}: cannot be written: {error.strerror}") from error


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
