"""Who held which devices for how long: summaries of past days, and the same for any period.

In: a connection to the log. Out: holders with the number of their grants and the times at which
these were held. Times never run backwards in the log, so a day is over for good once the log has an
event of a later day. The transaction that appends this event stores a summary of the time since the
previous summary, in whole days of UTC, with the grants that were held at its end. Therefore a month
is read from thirty rows, and who held what at any time is found among the grants of one day.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Text, bindparam, func, insert, select

from policyd.audit.chain import Problem
from policyd.audit.event import GrantRecord
from policyd.audit.grant_queries import ends_after
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.prepared import Prepared
from policyd.audit.rows import grant_of
from policyd.audit.tables import events, grant_summaries, grants
from policyd.audit.usage import Held, Holder, Interval, granted_devices, join
from policyd.errors import AuditError
from policyd.model import GrantedDevices, to_json

_GRANTS_AT_ONCE: Final = 500
_SUMMARIZED: Final = tuple(
    grants.c[name]
    for name in (
        *("sequence", "time", "ended", "repository", "environment", "host", "project"),
        *("username", "vendor", "devices", "identities"),
    )
)

_SINCE: Final[Any] = bindparam("since", type_=Text)
_BEGUN: Final = Prepared(
    select(*_SUMMARIZED).where(
        grants.c.time >= bindparam("begins"),
        grants.c.time < bindparam("until"),
        ends_after(grants, _SINCE),
    )
)
_CARRIED: Final = select(*_SUMMARIZED).where(
    grants.c.sequence.in_(bindparam("held", expanding=True)), ends_after(grants, _SINCE)
)
_LAST: Final = Prepared(
    select(grant_summaries.c.until, grant_summaries.c.held)
    .where(grant_summaries.c.until <= bindparam("begins"))
    .order_by(grant_summaries.c.until.desc())
    .limit(1)
)

_Entry = tuple[str, int, int, list[int]]
"""A holder as JSON, its grants that began in the period and before, and when they were held.

The times are beginnings and ends in turn, in nanoseconds since the beginning of the summary.
"""
_ENTRIES: Final = msgspec.json.Decoder(list[_Entry])
_HELD: Final = msgspec.json.Decoder(list[int])
_DEVICES: Final = msgspec.json.Decoder(GrantedDevices)
_HOLDER: Final = msgspec.json.Decoder(Holder)


class Summary(NamedTuple):
    """A period, who held what in it, and the events of the grants that were held at its end."""

    period: Period
    entries: list[_Entry]
    held: list[int]

    def row(self) -> dict[str, Any]:
        """Return the row of `tables.grant_summaries`."""
        return {
            "since": self.period.since,
            "until": self.period.until,
            "held": zlib.compress(to_json(self.held)),
            "content": zlib.compress(to_json(self.entries)),
        }


def summarize_finished_days(connection: Connection, newest: str) -> None:
    """Store a summary of the days that are over before `newest`, the time of the last event."""
    until = _midnight(newest)
    last = connection.execute(select(func.max(grant_summaries.c.until))).scalar()
    since = last or _first_day(connection)
    if "" < since < until:
        found = summary(connection, Period(since, until))
        connection.execute(insert(grant_summaries), found.row())


def summary(connection: Connection, period: Period) -> Summary:
    """Return the summary of `period`, which has an end, from the table of grants."""
    origin = nanoseconds(period.since) if period.since else 0
    length = nanoseconds(period.until) - origin
    begun: dict[str, int] = {}
    carried: dict[str, int] = {}
    spans: dict[str, list[Interval]] = {}
    held = set[int]()
    begins, before = _held_before(connection, period.since)
    limits = {"begins": begins, "since": period.since, "until": period.until}
    rows = [*_BEGUN.all(connection, limits)]
    for some in _in_parts(before):
        rows += connection.execute(_CARRIED, {"since": period.since, "held": some}).all()
    for sequence, time, ended, *written in rows:
        key = _holder(*written)
        counted = carried if time < period.since else begun
        counted[key] = counted.get(key, 0) + 1
        start = nanoseconds(time) - origin if time > period.since else 0
        end = nanoseconds(ended) - origin if ended and ended < period.until else length
        spans.setdefault(key, []).append((start, max(start, end)))
        if not ended or ended > period.until:
            held.add(sequence)
    entries = [
        (key, begun.get(key, 0), carried.get(key, 0), join(own))
        for key, own in sorted(spans.items())
    ]
    return Summary(period, entries, sorted(held))


def holders(connection: Connection, period: Period) -> dict[Holder, Held]:
    """Return who held what in `period`, which has an end. Raises AuditError."""
    grants: dict[str, int] = {}
    times: dict[str, list[int]] = {}
    for number, (since, entries) in enumerate(_summaries(connection, period)):
        origin = nanoseconds(since) if since else 0
        for key, begun, carried, held in entries:
            own = times.setdefault(key, [])
            grants[key] = grants.get(key, 0) + (begun if number else begun + carried)
            if own and held and own[-1] == held[0] + origin:
                own.pop()
                del held[0]
            own += [one + origin for one in held]
    return {_HOLDER.decode(key): Held(grants[key], own) for key, own in times.items()}


def held_grants(
    connection: Connection,
    period: Period,
    now: str,
    *,
    hosts: Collection[str] | None = None,
    most: int,
) -> list[GrantRecord]:
    """Return the newest grants that were held in `period`, `most` at most, newest first.

    They are described as they are known at `now`, RFC 3339. `hosts` is None for all hosts.
    """
    begins, before = _held_before(connection, period.since)
    held = select(grants).where(ends_after(grants, period.since))
    newer = held.where(grants.c.time >= begins, grants.c.time < period.until)
    if hosts is not None:
        newer = newer.where(grants.c.host.in_(hosts))
        # With the bare column, SQLite might read all grants of the hosts.
        held = held.where(func.coalesce(grants.c.host, "").in_(hosts))
    newest_first = (grants.c.time.desc(), grants.c.sequence.desc(), grants.c.position.desc())
    rows = [*connection.execute(newer.order_by(*newest_first).limit(most))]
    for some in _in_parts(before):
        rows += connection.execute(held.where(grants.c.sequence.in_(some)))
    records = [grant_of(row, now) for row in rows]
    records.sort(key=lambda one: (one.time, one.sequence, one.position), reverse=True)
    return records[:most]


def problems(connection: Connection) -> Iterator[Problem]:
    """Yield what is wrong with the stored summaries, given that the table of grants is right."""
    last = select(events.c.sequence, events.c.time).order_by(events.c.sequence.desc()).limit(1)
    newest = connection.execute(last).first()
    if newest is None:
        return
    number, end = int(newest.sequence), _midnight(newest.time)
    since = _first_day(connection)
    for row in connection.execute(select(grant_summaries).order_by(grant_summaries.c.since)).all():
        period = Period(row.since, row.until)
        named = f"the summary of grants from {row.since[:10]} until {row.until[:10]}"
        if period.since != since or not period.since < period.until <= end:
            yield Problem(number, f"{named} does not follow the previous one")
            return
        try:
            if _stored(row) != summary(connection, period):
                yield Problem(number, f"{named} differs from the table of grants")
        except AuditError as error:
            yield Problem(number, f"{named}: {error}")
        since = row.until
    if "" < since < end:
        yield Problem(
            number, f"the summary of grants from {since[:10]} until {end[:10]} is missing"
        )


def _stored(row: Row[Any]) -> Summary:
    entries = [tuple(entry) for entry in _decoded(_ENTRIES, row.content)]
    return Summary(Period(row.since, row.until), entries, _decoded(_HELD, row.held))


@functools.lru_cache(4096)
def _holder(
    repository: str,
    environment: str,
    host: str,
    project: str,
    username: str,
    vendor: str,
    devices: str,
    identities: str | None,
) -> str:
    """Return the holder of a grant as JSON. The arguments are columns of `tables.grants`."""
    known = msgspec.json.decode(identities) if identities else None
    names = granted_devices(_DEVICES.decode(devices), known)
    return to_json(Holder(repository, environment, host, project, username, vendor, names)).decode()


def _first_day(connection: Connection) -> str:
    first = connection.execute(select(func.min(grants.c.time))).scalar()
    return _midnight(first) if first else ""


def _midnight(time: str) -> str:
    """Return the beginning of the day of `time`."""
    return f"{time[:10]}T00:00:00.000000000Z"


def _summaries(connection: Connection, period: Period) -> Iterator[tuple[str, list[_Entry]]]:
    """Yield the entries of `period`: stored ones, and those of the times between, in order."""
    columns = grant_summaries.c
    query = select(columns.since, columns.until, columns.content).where(
        columns.since >= period.since, columns.until <= period.until
    )
    since = period.since
    for row in connection.execute(query.order_by(columns.since)).all():
        if since < row.since:
            yield since, summary(connection, Period(since, row.since)).entries
        yield row.since, _decoded(_ENTRIES, row.content)
        since = row.until
    if since < period.until:
        yield since, summary(connection, Period(since, period.until)).entries


def _held_before(connection: Connection, since: str) -> tuple[str, list[int]]:
    """Return the end of the last summary until `since`, and the events of what was held then."""
    row = _LAST.first(connection, {"begins": since})
    return (row[0], _decoded(_HELD, row[1])) if row else ("", [])


def _in_parts(held: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(held), _GRANTS_AT_ONCE):
        yield held[start : start + _GRANTS_AT_ONCE]


def _decoded(decoder: msgspec.json.Decoder[Any], content: bytes) -> Any:
    try:
        return decoder.decode(zlib.decompress(content))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise AuditError(f"a summary of grants in the audit log is damaged: {error}") from error
