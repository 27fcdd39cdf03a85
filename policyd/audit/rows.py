"""Convert between rows of the tables and records."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from policyd.audit.event import DecisionEvent, GrantRecord, lookup_columns
from policyd.errors import AuditError
from policyd.model import AuditRecord, to_json


def event_row(record: AuditRecord, event: DecisionEvent) -> dict[str, Any]:
    """Return `record`, which holds `event`, as a row of `tables.events`."""
    return msgspec.structs.asdict(record) | lookup_columns(event)


def record_of(row: Row[Any]) -> AuditRecord:
    """Return a row of `tables.events` as a record."""
    return AuditRecord(
        sequence=int(row.sequence),
        time=str(row.time),
        kind=str(row.kind),
        payload=str(row.payload),
        prev_hash=str(row.prev_hash),
        hash=str(row.hash),
    )


def grant_row(record: GrantRecord) -> dict[str, Any]:
    """Return `record` as a row of `tables.grants`."""
    return msgspec.structs.asdict(record) | {"devices": to_json(record.devices).decode()}


def grant_of(row: Row[Any]) -> GrantRecord:
    """Return a row of `tables.grants` as a record.

    Raises AuditError if its devices are not valid JSON.
    """
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    try:
        devices = msgspec.json.decode(row.devices, type=str | tuple[str, ...] | dict[str, int])
    except msgspec.MsgspecError as error:
        raise AuditError(f"grant {row.position} of event {row.sequence}: {error}") from error
    return GrantRecord(**{**values, "devices": devices})
