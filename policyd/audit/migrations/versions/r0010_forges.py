"""The changes that forges report, which wait as pushes do, and comments on pull requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("pushes", sa.Column("detail", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "forge_comments",
        sa.Column("forge", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("repository_id", "number", "comment")
        ),
        sa.PrimaryKeyConstraint("forge", "repository_id", "number"),
    )
