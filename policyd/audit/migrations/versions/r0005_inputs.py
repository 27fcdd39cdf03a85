"""The projects of decisions, without values, so that they can be evaluated again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "inputs",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("used", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
