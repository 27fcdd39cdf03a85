"""An index for each filter of decisions and grants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_INDEXES = (
    ("events_by_project", "events", ("project", "time", "sequence")),
    ("events_by_commit", "events", ("commit_id", "time", "sequence")),
    ("events_by_environment", "events", ("environment", "time", "sequence")),
    ("events_by_point", "events", ("enforcement_point", "time", "sequence")),
    ("events_by_verdict", "events", ("allowed", "time", "sequence")),
    ("grants_by_project", "grants", ("project", "time", "sequence", "position")),
    ("grants_by_environment", "grants", ("environment", "time", "sequence", "position")),
)


def upgrade() -> None:
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))
    reported = sa.text("policies != ' '")
    op.create_index(
        "events_with_violations",
        "events",
        ["time", "sequence", "policies"],
        sqlite_where=reported,
        postgresql_where=reported,
    )
