"""Copy checkpoints to places outside of the audit log: files and URLs.

In: signed checkpoints. Out: notes at the end of a file, or in requests. A file has one checkpoint
after the other: its text, a blank line, its signatures. Source: C2SP tlog-checkpoint. Errors:
DeliveryError.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from policyd.errors import DeliveryError
from policyd.http_endpoint import Endpoint
from policyd.transparency.checkpoint import Checkpoint

_TAIL: Final = 65_536
"""Bytes at the end of a file in which its last checkpoint is looked for."""
_SIGNATURE: Final = "— "
_CUT_OFF: Final = "# the checkpoint above was cut off"
"""Follows what a crash left of a checkpoint."""


class SignedCheckpoint(NamedTuple):
    """A checkpoint, and the note with its signatures."""

    checkpoint: Checkpoint
    note: str


class FileCopy:
    """Appends checkpoints to the file `path`."""

    def __init__(self, name: str, path: str) -> None:
        """`name` is that of the setting."""
        self.name = name
        self._path = path

    def deliver(self, signed: SignedCheckpoint, _seconds: float) -> None:
        """Append the checkpoint unless it is the last in the file; return when it is on disk.

        It is written at once. What a crash left of the one before is marked as cut off.
        """
        try:
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._append(descriptor, signed)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DeliveryError(f"{self._path}: cannot be written: {error.strerror}") from error

    def _append(self, descriptor: int, signed: SignedCheckpoint) -> None:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL, max(size - _TAIL, 0)).decode(errors="replace")
        if tail.endswith(signed.note):
            return
        last = tail.removesuffix("\n").rpartition("\n")[2]
        mark = ""
        if tail and not (tail.endswith("\n") and last.startswith(_SIGNATURE)):
            mark = f"\n{_CUT_OFF}\n"
        content = (mark + signed.note).encode()
        if os.write(descriptor, content) != len(content):
            raise DeliveryError(f"{self._path}: the disk is full")
        os.fsync(descriptor)


class UrlCopy:
    """Sends checkpoints to an endpoint; `{size}` in `url` stands for the number of events."""

    def __init__(
        self, name: str, url: str, method: str, token_file: str, ca_file: str, *, insecure: bool
    ) -> None:
        """`name` is that of the setting. Raises ConfigError."""
        self.name = name
        self._url = url
        self._method = method
        self._token_file = token_file
        self._ca_file = ca_file
        self._insecure = insecure
        self._endpoint(0)

    def _endpoint(self, size: int) -> Endpoint:
        return Endpoint(
            self._url.replace("{size}", str(size)),
            f"{self.name}.url",
            token_file=self._token_file,
            ca_file=self._ca_file,
            insecure=self._insecure,
        )

    def deliver(self, signed: SignedCheckpoint, seconds: float) -> None:
        """Send the checkpoint within `seconds`."""
        endpoint = self._endpoint(signed.checkpoint.size)
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        answer = endpoint.send(self._method, signed.note.encode(), headers, seconds)
        if not answer.is_success:
            raise DeliveryError(f"{endpoint.name} answered with status {answer.status}")


def checkpoints_in(text: str, origin: str) -> Iterator[str]:
    """Yield the notes of the log `origin` in the text of a file, in their order.

    What a crash left of a note is left out. Other text is yielded too: it is not a valid note.
    """
    whole, newline, _ = text.rpartition("\n")
    notes: list[list[str]] = [[]]
    for line in (whole + newline).split("\n"):
        if line == origin:
            notes.append([])
        notes[-1].append(line)
    if not _is_signed(notes[-1]):
        notes.pop()
    for note in notes:
        if _CUT_OFF in note:
            del note[note.index(_CUT_OFF) - 1 :]
            if not _is_signed(note):
                continue
        if content := "\n".join(note).strip("\n"):
            yield f"{content}\n"


def _is_signed(note: Sequence[str]) -> bool:
    lines = [line for line in note if line]
    return bool(lines) and lines[-1].startswith(_SIGNATURE)
