"""An index by which the decisions of a policy are found that is rarely violated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    reported = sa.text("policies != ' '")
    op.create_index(
        "events_by_policies",
        "events",
        ["policies", "time", "sequence"],
        sqlite_where=reported,
        postgresql_where=reported,
    )
