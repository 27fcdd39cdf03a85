"""The pushes to registries that wait for their review, or were reviewed recently."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PUSH = ("registry", "event_id", "repository", "digest", "tag", "actor", "source")


def upgrade() -> None:
    op.create_table(
        "pushes",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _PUSH),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("received", "state", "error")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Text(), nullable=False),
        sa.UniqueConstraint("registry", "event_id"),
    )
    op.create_index("pushes_by_state", "pushes", ["registry", "state", "due"])
