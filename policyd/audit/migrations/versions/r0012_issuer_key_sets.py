"""The last public keys of the issuers of CI jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "issuer_key_sets",
        sa.Column("issuer", sa.Text(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
    )
