"""The tokens that are made by `policyd token`, as digests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXTS = ("name", "digest", "token", "created", "created_by", "expires", "revoked")


def upgrade() -> None:
    op.create_table(
        "tokens",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("digest"),
    )
