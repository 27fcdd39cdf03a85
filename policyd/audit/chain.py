"""The hash chain of the audit log.

In: payloads, or records in the order of their sequence. Out: hashes, or the problems of a chain.
Pure: no clock, socket, environment or randomness. `hash = SHA-256(prev_hash ‖ payload)`, where
`prev_hash` enters as its 32 bytes and the payload as the stored bytes (UTF-8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from policyd.model import AuditRecord

GENESIS = bytes(32).hex()
"""The `prev_hash` of the first record."""


class Problem(msgspec.Struct, frozen=True, rename="camel"):
    """A problem of the audit log, and the sequence number of its event."""

    sequence: int
    message: str

    def __str__(self) -> str:
        return f"event {self.sequence}: {self.message}"


def link(prev_hash: str, payload: bytes) -> str:
    """Return the hash (hex) of the record with `payload` that follows `prev_hash` (hex)."""
    return hashlib.sha256(bytes.fromhex(prev_hash) + payload).hexdigest()


class Chain:
    """Finds the problems of a chain whose records come one by one, in the order of their sequence.

    `removed_through` and `start` are those of `problems`.
    """

    def __init__(self, removed_through: int = 0, start: tuple[int, str] = (0, GENESIS)) -> None:
        self._removed_through = removed_through
        self._last, self._prev_hash = start

    def follow(self, record: AuditRecord) -> list[Problem]:
        """Return the problems of `record`, which follows the previous one."""
        found = []
        sequence, last = record.sequence, self._last
        if sequence != last + 1:
            found.append(
                Problem(sequence, f"follows event {last}: events between them are missing")
            )
        elif record.prev_hash != self._prev_hash:
            found.append(Problem(sequence, "its prev_hash is not the hash of the previous event"))
        if not record.payload and record.kind == "decision":
            if sequence > self._removed_through:
                problem = "its payload is missing, and no retention removed it"
                found.append(Problem(sequence, problem))
        elif record.hash != _expected_hash(record):
            found.append(Problem(sequence, "its hash does not match its payload"))
        self._last, self._prev_hash = sequence, record.hash
        return found

    def end(self, head: tuple[int, str]) -> list[Problem]:
        """Return the problem of the last record, if `head` is of another one."""
        if (self._last, self._prev_hash) == head:
            return []
        problem = f"is the last event, but according to the log, event {head[0]} is"
        return [Problem(self._last, problem)]


def problems(
    records: Iterable[AuditRecord],
    head: tuple[int, str] | None,
    removed_through: int = 0,
    start: tuple[int, str] = (0, GENESIS),
) -> Iterator[Problem]:
    """Yield the problems of the chain of `records`, which are in the order of their sequence.

    `head` is the sequence number and the hash of the last record according to the log: (0, GENESIS)
    for an empty log, None if it is not known. `start` are those of the event before the first of
    `records`. Up to the event `removed_through`, a payload may be empty: retention removed
    it. The hash of such an event is confirmed by the next one.
    """
    chain = Chain(removed_through, start)
    for record in records:
        yield from chain.follow(record)
    if head is not None:
        yield from chain.end(head)


def _expected_hash(record: AuditRecord) -> str:
    try:
        return link(record.prev_hash, record.payload.encode())
    except ValueError:
        return ""
