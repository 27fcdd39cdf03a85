"""The log of events, its head and the table of grants; events are append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SQLITE = (
    # OR REPLACE deletes the old row without a DELETE trigger, so the insert itself is checked.
    """CREATE TRIGGER events_append BEFORE INSERT ON events
    WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM events)
      OR EXISTS (SELECT 1 FROM events WHERE decision_id = NEW.decision_id)
    BEGIN SELECT RAISE(ABORT, 'events is append-only'); END""",
    """CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events is append-only'); END""",
    """CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events is append-only'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'events is append-only'; END $$""",
    """CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse()""",
    """CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()""",
)


def upgrade() -> None:
    _create_events()
    _create_grants()
    heads = op.create_table(
        "heads",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.bulk_insert(heads, [{"id": 1, "sequence": 0, "hash": "0" * 64}])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
        *(_text(name) for name in ("time", "kind", "payload", "prev_hash", "hash")),
        sa.Column("decision_id", sa.Text(), nullable=False, unique=True),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("enforcement_point", "repository", "commit_id", "environment")),
        *(_text(name) for name in ("project", "policies")),
    )
    op.create_index("events_by_repository", "events", ["repository", "sequence"])


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(_text(name) for name in ("decision_id", "time", "repository", "environment", "host")),
        *(_text(name) for name in ("project", "service", "vendor", "method", "devices")),
        sa.Column("replicas", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("username", "policy_set", "revision", "state", "ended")),
        sa.PrimaryKeyConstraint("sequence", "position"),
    )
    target = ["state", "repository", "project", "environment", "host"]
    op.create_index("grants_by_target", "grants", target)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
