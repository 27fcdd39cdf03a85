"""An index of the grants of all devices, by which those of a device that few got are found."""

from __future__ import annotations

import sqlalchemy
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    of_all = sqlalchemy.text("devices = '\"all\"'")
    op.create_index(
        "grants_of_all_devices",
        "grants",
        ["sequence"],
        sqlite_where=of_all,
        postgresql_where=of_all,
        if_not_exists=True,
    )
