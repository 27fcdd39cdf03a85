"""An index by which the reviews of one commit or image are found among many kept events."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("pushes_by_digest", "pushes", ["registry", "digest"])
