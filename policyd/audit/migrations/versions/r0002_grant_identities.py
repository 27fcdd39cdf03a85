"""Kind, certainty, identities and exceptions of grants; NULL in the grants before this."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXTS = ("kind", "schedule", "certainty", "identities", "aliases", "exceptions")


def upgrade() -> None:
    for name in _TEXTS:
        op.add_column("grants", sa.Column(name, sa.Text()))
    op.add_column("grants", sa.Column("hook", sa.Integer()))
    op.create_table(
        "grant_devices",
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "sequence", "position"),
    )
    op.create_index("grant_devices_by_grant", "grant_devices", ["sequence", "position"])
