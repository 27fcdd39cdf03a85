"""Every shape is used by a row, and names no other shape that does not exist."""

from __future__ import annotations

import re

from policyd.compose.table.containers import CONTAINER, WORKLOAD
from policyd.compose.table.fields import TABLE
from policyd.compose.table.shapes import SHAPES


def test_every_shape_is_used() -> None:
    rows = "\n".join((TABLE, CONTAINER, WORKLOAD, *SHAPES.values()))

    assert set(re.findall(r"@([a-z-]+)", rows)) == {*SHAPES, "container", "workload"}
