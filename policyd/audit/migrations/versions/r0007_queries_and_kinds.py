"""Columns and indexes for queries by time, host, user and exception; leases; documents; retention.

`events` stays append-only, except that a payload may be removed (`policyd audit prune`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ROWS_AT_ONCE = 500
_KEPT = (
    *("sequence", "time", "kind", "prev_hash", "hash", "decision_id", "allowed"),
    *("enforcement_point", "repository", "commit_id", "environment", "project", "policies"),
    *("host", "username"),
)
"""The columns of events that never change."""

_INDEXES = (
    ("events_by_kind", "events", ("kind", "time", "sequence")),
    ("events_by_repository", "events", ("repository", "time", "sequence")),
    ("events_by_host", "events", ("host", "time", "sequence")),
    ("events_by_user", "events", ("username", "time", "sequence")),
    ("grants_by_time", "grants", ("time", "sequence", "position", "ended")),
    ("grants_by_state", "grants", ("state", "time", "sequence", "position")),
    ("grants_by_host", "grants", ("host", "time", "sequence", "position", "ended")),
    ("grants_by_host_and_state", "grants", ("host", "state", "time", "sequence", "position")),
    ("grants_by_user", "grants", ("username", "time", "sequence", "position")),
    ("grants_by_repository", "grants", ("repository", "time", "sequence", "position")),
)


def upgrade() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    for name in ("host", "username"):
        op.add_column("events", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("grants", sa.Column("expires", sa.Text()))
    _create_tables()
    _allow_changes(is_sqlite)
    _fill(connection)
    _allow_only_removal_of_payloads(is_sqlite)
    op.drop_index("events_by_repository", "events")
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def _create_tables() -> None:
    op.create_table(
        "exception_uses",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("exception", "policy_set")),
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.PrimaryKeyConstraint("exception", "sequence"),
    )
    op.create_table(
        "documents",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )


def _fill(connection: sa.Connection) -> None:
    """Write the new columns of the events that the log has."""
    change = sa.text("UPDATE events SET host = :host, username = :username WHERE sequence = :at")
    used = sa.text("INSERT INTO exception_uses VALUES (:exception, :policy_set, :at)")
    for rows in _pages(connection):
        found = [(row.sequence, _read(row.payload)) for row in rows]
        connection.execute(
            change,
            [
                {
                    "at": sequence,
                    "host": str(_find(event, "input", "review", "source", "host") or ""),
                    "username": str(_find(event, "input", "review", "userInfo", "username") or ""),
                }
                for sequence, event in found
            ],
        )
        uses = [
            {"at": sequence, "exception": name, "policy_set": policy_set}
            for sequence, event in found
            for policy_set in list(_find(event, "bundles") or [""])[:1]
            for name in sorted(_exceptions(_find(event, "result", "exempted")))
        ]
        if uses:
            connection.execute(used, uses)


def _pages(connection: sa.Connection) -> Iterator[Any]:
    query = sa.text(
        "SELECT sequence, payload FROM events WHERE sequence > :last ORDER BY sequence LIMIT :most"
    )
    last = 0
    while rows := connection.execute(query, {"last": last, "most": _ROWS_AT_ONCE}).all():
        yield rows
        last = rows[-1].sequence


def _read(payload: str) -> Any:
    """Return the event of a payload. One that was changed is left for `verify`."""
    try:
        return msgspec.json.decode(payload)
    except msgspec.MsgspecError:
        return None


def _find(event: Any, *path: str) -> Any:
    for key in path:
        event = event.get(key) if isinstance(event, dict) else None
    return event


def _exceptions(exempted: Any) -> set[str]:
    listed = exempted if isinstance(exempted, list) else []
    return {str(name) for one in listed if (name := _find(one, "exception"))}


def _allow_changes(is_sqlite: bool) -> None:
    if is_sqlite:
        op.execute("DROP TRIGGER events_no_update")
    else:
        op.execute("DROP TRIGGER events_no_change ON events")


def _allow_only_removal_of_payloads(is_sqlite: bool) -> None:
    if is_sqlite:
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)
        op.execute(
            "CREATE TRIGGER events_no_update BEFORE UPDATE ON events "
            f"WHEN NOT (NEW.payload = '' AND {same}) "
            "BEGIN SELECT RAISE(ABORT, 'events is append-only'); END"
        )
        return
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _KEPT)
    op.execute(
        "CREATE TRIGGER events_no_update BEFORE UPDATE ON events FOR EACH ROW "
        f"WHEN (NOT (NEW.payload = '' AND {same})) EXECUTE FUNCTION events_refuse()"
    )
    op.execute(
        "CREATE TRIGGER events_no_change BEFORE DELETE ON events "
        "FOR EACH ROW EXECUTE FUNCTION events_refuse()"
    )
