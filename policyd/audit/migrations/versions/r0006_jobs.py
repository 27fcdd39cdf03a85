"""The CI jobs that were accepted: ids of their repositories, and tokens that granted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "job_repositories",
        *(_text(name) for name in ("issuer", "repository", "repository_id", "owner_id")),
        sa.PrimaryKeyConstraint("issuer", "repository"),
    )
    op.create_table(
        "job_tokens",
        *(_text(name) for name in ("issuer", "token_id")),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        _text("uid"),
        sa.PrimaryKeyConstraint("issuer", "token_id"),
    )
    op.create_index("job_tokens_by_expiry", "job_tokens", ["expires"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
