"""Summaries of past days: who held which devices for how long, and what was held at their ends."""

from __future__ import annotations

import datetime
import functools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_HIGHEST = 128
_MIDNIGHT = "T00:00:00.000000000Z"
_QUERY = """
    SELECT sequence, time, ended, repository, environment, host, project, username, vendor,
        devices, identities
    FROM grants WHERE time >= :since AND time < :until
"""


def upgrade() -> None:
    connection = op.get_bind()
    summaries = op.create_table(
        "grant_summaries",
        sa.Column("since", sa.Text(), primary_key=True),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    for row in _summaries(connection):
        connection.execute(summaries.insert(), row)
    op.create_index("grant_summaries_by_end", "grant_summaries", ["until"])


def _summaries(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield a summary for each day that is over, or for several days without a new grant."""
    last = _day(connection.execute(sa.text("SELECT max(time) FROM events")).scalar() or "")
    following = sa.text("SELECT min(time) FROM grants WHERE time >= :since")
    since = _day(connection.execute(following, {"since": ""}).scalar() or "")
    held: list[Any] = []
    while since and since < last:
        next_grant = connection.execute(following, {"since": since}).scalar()
        until = min(max(_after(since), _day(next_grant or last)), last)
        period = {"since": since, "until": until}
        rows = [*held, *connection.execute(sa.text(_QUERY), period)]
        held = [row for row in rows if not row.ended or row.ended > until]
        sequences = sorted({row.sequence for row in held})
        yield {**period, "held": _packed(sequences), "content": _packed(_entries(rows, **period))}
        since = until


def _entries(rows: Sequence[Any], since: str, until: str) -> list[Any]:
    found: dict[str, tuple[list[int], list[tuple[int, int]]]] = {}
    origin = _nanoseconds(since)
    for row in rows:
        counts, spans = found.setdefault(_holder(*row[3:]), ([0, 0], []))
        counts[row.time < since] += 1
        start, end = max(row.time, since), min(row.ended or until, until)
        if start < end:
            spans.append((_nanoseconds(start) - origin, _nanoseconds(end) - origin))
    return [(key, *counts, _joined(spans)) for key, (counts, spans) in sorted(found.items())]


@functools.lru_cache(65_536)
def _holder(*columns: Any) -> str:
    *named, devices, identities = columns
    known = msgspec.json.decode(identities) if identities else None
    names = _names(msgspec.json.decode(devices), known)
    return msgspec.json.encode((*named, names)).decode()


def _names(written: Any, identities: Any) -> Any:
    if isinstance(written, str):
        return None
    if identities:
        return identities
    if isinstance(written, dict):
        return [str(number) for number in range(min(written["count"], _HIGHEST + 1))]
    return written


def _joined(spans: list[tuple[int, int]]) -> list[int]:
    found: list[int] = []
    for start, end in sorted(spans):
        if found and start <= found[-1]:
            found[-1] = max(found[-1], end)
        else:
            found += (start, end)
    return found


def _packed(content: Any) -> bytes:
    return zlib.compress(msgspec.json.encode(content))


def _day(time: str) -> str:
    return f"{time[:10]}{_MIDNIGHT}" if time else ""


def _after(day: str) -> str:
    following = datetime.date.fromisoformat(day[:10]) + datetime.timedelta(days=1)
    return f"{following.isoformat()}{_MIDNIGHT}"


@functools.lru_cache(4096)
def _nanoseconds(time: str) -> int:
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return int(datetime.datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * 10**9 + int(
        fraction.ljust(9, "0")
    )
