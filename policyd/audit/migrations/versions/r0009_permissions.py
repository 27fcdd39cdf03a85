"""What permitted a grant: entitlements, and the constraints that could have denied it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("grants", sa.Column("entitlements", sa.Text()))
    op.add_column("grants", sa.Column("constraints", sa.Text()))
