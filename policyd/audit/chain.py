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
    last, prev_hash = start
    for record in records:
        if record.sequence != last + 1:
            yield Problem(record.sequence, f"follows event {last}: events between them are missing")
        elif record.prev_hash != prev_hash:
            yield Problem(record.sequence, "its prev_hash is not the hash of the previous event")
        if not record.payload and record.kind == "decision":
            if record.sequence > removed_through:
                yield Problem(
                    record.sequence, "its payload is missing, and no retention removed it"
                )
        elif record.hash != _expected_hash(record):
            yield Problem(record.sequence, "its hash does not match its payload")
        last, prev_hash = record.sequence, record.hash
    if head is not None and (last, prev_hash) != head:
        yield Problem(last, f"is the last event, but according to the log, event {head[0]} is")


def _expected_hash(record: AuditRecord) -> str:
    try:
        return link(record.prev_hash, record.payload.encode())
    except ValueError:
        return ""
