"""The hash chain of the audit log.

In: payloads, or records in the order of their sequence. Out: hashes, or what is wrong with a chain.
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
    """What is wrong with the log, and at which sequence number."""

    sequence: int
    message: str

    def __str__(self) -> str:
        return f"event {self.sequence}: {self.message}"


def link(prev_hash: str, payload: bytes) -> str:
    """Return the hash (hex) of the record that holds `payload` and follows `prev_hash` (hex)."""
    return hashlib.sha256(bytes.fromhex(prev_hash) + payload).hexdigest()


def problems(records: Iterable[AuditRecord], head: tuple[int, str]) -> Iterator[Problem]:
    """Yield what breaks the chain of `records`, which come in the order of their sequence.

    `head` is the sequence number and the hash that the log says were written last: (0, GENESIS)
    for an empty log.
    """
    last, prev_hash = 0, GENESIS
    for record in records:
        if record.sequence != last + 1:
            yield Problem(record.sequence, f"follows event {last}: what was between is missing")
        elif record.prev_hash != prev_hash:
            yield Problem(record.sequence, "its prev_hash is not the hash of the event before")
        if record.hash != _expected_hash(record):
            yield Problem(record.sequence, "its hash does not match its payload")
        last, prev_hash = record.sequence, record.hash
    if (last, prev_hash) != head:
        yield Problem(last, f"is the last one, but the log says that event {head[0]} was")


def _expected_hash(record: AuditRecord) -> str:
    try:
        return link(record.prev_hash, record.payload.encode())
    except ValueError:
        return ""
