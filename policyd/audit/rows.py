"""Convert between rows of the tables and records."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select

from policyd.audit.event import DecisionEvent, GrantRecord, lookup_columns, used_exceptions
from policyd.audit.log_event import LogEvent, columns_of
from policyd.audit.tables import grants
from policyd.errors import AuditError
from policyd.model import AuditRecord, to_json

_ROWS_AT_ONCE: Final = 500
_JSON: Final = (
    *("devices", "schedule", "identities", "aliases"),
    *("exceptions", "entitlements", "constraints"),
)
"""The columns of `tables.grants` that hold JSON."""
_JSON_PLACES: Final = tuple(map(GrantRecord.__struct_fields__.index, _JSON))
_ENDED: Final = GrantRecord.__struct_fields__.index("ended")
_CAMEL: Final = {field.name: field.encode_name for field in msgspec.structs.fields(GrantRecord)}
_GRANT_COLUMNS: Final = tuple(_CAMEL[column.name] for column in grants.c)
"""The fields of a grant, in the order of the columns of its table."""


def event_row(record: AuditRecord, event: DecisionEvent | LogEvent) -> dict[str, Any]:
    """Return `record`, which holds `event`, as a row of `tables.events`."""
    columns = columns_of(event) if isinstance(event, LogEvent) else lookup_columns(event)
    return msgspec.structs.asdict(record) | columns


def exception_rows(event: DecisionEvent, sequence: int) -> list[dict[str, Any]]:
    """Return the rows of `tables.exception_uses` for `event`, stored as `sequence`."""
    policy_set = next(iter(event.bundles), "")
    return [
        {"exception": name, "policy_set": policy_set, "sequence": sequence}
        for name in used_exceptions(event)
    ]


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


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of `query`, of which few are in memory."""
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    with closing(streamed.execute(query)) as rows:
        for some in rows.partitions():
            yield from some


def grant_values(record: GrantRecord) -> tuple[Any, ...]:
    """Return the columns of `record` in `tables.grants`, in the order of its fields."""
    values = list(msgspec.structs.astuple(record))
    for place in _JSON_PLACES:
        if values[place] is not None:
            values[place] = to_json(values[place]).decode()
    if record.state == "active":
        values[_ENDED] = record.expires or ""
    return tuple(values)


def grant_row(record: GrantRecord) -> dict[str, Any]:
    """Return `record` as a row of `tables.grants`."""
    return dict(zip(GrantRecord.__struct_fields__, grant_values(record), strict=True))


def device_rows(record: GrantRecord) -> list[dict[str, Any]]:
    """Return the rows of `tables.grant_devices` for `record`."""
    return [
        {"sequence": record.sequence, "position": record.position, "name": name}
        for name in record.names
    ]


def grant_of(row: Sequence[Any], now: str) -> GrantRecord:
    """Return a row of `tables.grants` as a record of what is known at `now`, RFC 3339.

    Raises AuditError if it is not valid.
    """
    values: dict[str, Any] = dict(zip(_GRANT_COLUMNS, row, strict=True))
    if values["state"] == "active" and values["ended"]:
        is_over = values["ended"] <= now
        values |= {"state": "expired"} if is_over else {"ended": ""}
    try:
        for name in _JSON:
            if values[name] is not None:
                values[name] = _decoded(values[name])
        return msgspec.convert(values, GrantRecord)
    except msgspec.MsgspecError as error:
        where = f"grant {values['position']} of event {values['sequence']}"
        raise AuditError(f"{where}: {error}") from error


@functools.lru_cache(16_384)
def _decoded(text: str) -> Any:
    """Return the JSON `text`; many grants have the same devices and reasons."""
    return msgspec.json.decode(text)
