"""One event of an export of the audit log: a line of JSON.

In: a record, or a line. Out: the line, or the record with its payload byte for byte. Pure. In a
line, characters that control a terminal are escaped, which the payload does not do: reading undoes
that, so that hashes can be verified.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from policyd.errors import AuditError
from policyd.model import AuditRecord

MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line. A decision with 10,000 violations has a tenth of that."""
REMOVED: Final = "null"
"""Stands for a payload that retention removed."""
_ESCAPE: Final = re.compile(r"\\\\|\\u(00[789][0-9a-f]|[2f][0-9a-f]{3})")


class ExportedEvent(NamedTuple):
    """A record, and the id of its event. The payload is "" if retention removed it."""

    record: AuditRecord
    event_id: str


class _Line(msgspec.Struct, rename="camel"):
    sequence: int
    time: str
    type: str
    id: str
    prev_hash: str
    hash: str
    event: msgspec.Raw


class _Identity(msgspec.Struct):
    timestamp: str
    decision_id: str = ""
    event_id: str = ""
    kind: str = ""


def read_line(line: bytes) -> ExportedEvent:
    """Return the event in `line`. Raises AuditError if it is not a line of an export."""
    try:
        found = msgspec.json.decode(line, type=_Line)
        payload = _ESCAPE.sub(_unescaped, bytes(found.event).decode())
    except (ValueError, RecursionError) as error:
        raise AuditError(f"it is not an event of an export: {error}") from error
    record = AuditRecord(
        sequence=found.sequence,
        time=found.time,
        kind=found.type,
        payload="" if payload == REMOVED else payload,
        prev_hash=found.prev_hash,
        hash=found.hash,
    )
    return ExportedEvent(record, found.id)


def identity_in(payload: str, decision: str) -> tuple[str, str, str]:
    """Return id, time and kind that the event in `payload` states; `decision` is a kind.

    Raises AuditError if it is not an event.
    """
    try:
        found = msgspec.json.decode(payload, type=_Identity)
    except (ValueError, RecursionError) as error:
        raise AuditError(f"its payload is not an event: {error}") from error
    if found.decision_id:
        return found.decision_id, found.timestamp, decision
    return found.event_id, found.timestamp, found.kind


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[0]
