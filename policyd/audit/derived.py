"""Compare the columns and tables that repeat parts of the events with the events.

In: a connection that reads a snapshot of the log, its events one by one in the order of their
sequence. Out: problems. Memory grows with the number of grants that are held, not with the log.
Events whose payload retention removed are not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, select

from policyd.audit.chain import Problem
from policyd.audit.event import (
    DecisionEvent,
    GrantRecord,
    GrantState,
    Target,
    grant_records,
    lookup_columns,
)
from policyd.audit.log_event import LogEvent, columns_of
from policyd.audit.rows import exception_rows, grant_values, stream
from policyd.audit.tables import events, exception_uses, grant_devices, grants

Known = Mapping[Table, Collection[str]]
"""The columns that the log has: one that an earlier version wrote has fewer tables and columns."""
LOOKUPS: Final = (
    *("decision_id", "allowed", "enforcement_point", "repository", "commit_id", "environment"),
    *("project", "policies", "host", "username"),
)
"""The columns of `tables.events` that repeat the payload, besides kind and time."""
_MAX_WRONG: Final = 1_000
"""Limit of the grants that are remembered as wrong: the first ones are reported."""

Event = DecisionEvent | LogEvent
_Row = Sequence[Any]
"""A row of a table, which begins with the sequence number of its event."""


class Columns:
    """Compares the columns of events with their payloads."""

    def __init__(self, known: Known) -> None:
        self.names = tuple(name for name in LOOKUPS if name in known[events])

    def compare(
        self, sequence: int, time: str, stored: Sequence[Any], event: Event
    ) -> list[Problem]:
        """Return a problem for each column of `stored`, in the order of `names`, and for `time`."""
        columns = columns_of(event) if isinstance(event, LogEvent) else lookup_columns(event)
        expected = [columns[name] for name in self.names]
        if time == event.timestamp and stored == expected:
            return []
        pairs = zip((time, *stored), (event.timestamp, *expected), strict=True)
        return [
            Problem(sequence, f"its column {name} differs from its payload")
            for name, (found, right) in zip(("time", *self.names), pairs, strict=True)
            if found != right
        ]


class _Following:
    """Rows of a table, in the order of the events that they belong to.

    `stray` receives each row of an event that does not exist.
    """

    def __init__(
        self, connection: Connection, query: Select[Any], stray: Callable[[_Row], None]
    ) -> None:
        self._rows = stream(connection, query)
        self._stray = stray
        self._next: _Row | None = next(self._rows, None)

    def take(self, sequence: int) -> list[_Row]:
        """Return the rows of the event `sequence`, which follows the previous one."""
        found: list[_Row] = []
        row = self._next
        while row is not None and row[0] <= sequence:
            if row[0] == sequence:
                found.append(row)
            else:
                self._stray(row)
            row = next(self._rows, None)
        self._next = row
        return found

    def end(self) -> None:
        """Give the rows after those of the last event to `stray`."""
        if self._next is not None:
            self._stray(self._next)
        for row in self._rows:
            self._stray(row)


class ExceptionUses:
    """Compares the table of exception uses with events."""

    def __init__(self, connection: Connection) -> None:
        columns = (exception_uses.c.sequence, exception_uses.c.exception)
        query = select(*columns, exception_uses.c.policy_set).order_by(*columns)
        self._wrong = _Wrong()
        self._stored = _Following(connection, query, lambda row: self._wrong.add((row[0], 0)))

    def compare(self, sequence: int, event: Event | None, *, is_removed: bool) -> None:
        """Compare the uses in the event `sequence`.

        `event` is None if it cannot be read; `is_removed` says whether retention removed it.
        """
        stored = self._stored.take(sequence)
        if event is None or is_removed:
            return
        rows = exception_rows(event, sequence) if isinstance(event, DecisionEvent) else []
        if not rows and not stored:
            return
        found = {(row[1], row[2]) for row in stored}
        if found != {(one["exception"], one["policy_set"]) for one in rows}:
            self._wrong.add((sequence, 0))

    def end(self) -> list[Problem]:
        """Return the problems of all uses, in the order of their events."""
        self._stored.end()
        problem = "its exceptions differ in the table of exception uses"
        return [Problem(sequence, problem) for sequence, _ in self._wrong.first]


class _Wrong:
    """The first events, and the positions in them, that differ."""

    def __init__(self) -> None:
        self._found: set[tuple[int, int]] = set()

    def add(self, place: tuple[int, int]) -> None:
        """Remember `place`, unless many that precede it differ too."""
        self._found.add(place)
        if len(self._found) > 2 * _MAX_WRONG:
            self._found = set(self.first)

    @property
    def first(self) -> list[tuple[int, int]]:
        """The first places that were added, in order."""
        return sorted(self._found)[:_MAX_WRONG]


class _Ending(NamedTuple):
    """What a grant becomes, and when."""

    state: GrantState
    time: str


class _Held(NamedTuple):
    """A grant that no event has ended, its stored rows, and the stored names of its devices."""

    record: GrantRecord
    rows: list[_Row]
    names: list[str]


class Grants:
    """Compares the tables of grants and of their devices with what events say."""

    def __init__(self, connection: Connection, known: Known) -> None:
        fields = GrantRecord.__struct_fields__
        self._places = [place for place, name in enumerate(fields) if name in known[grants]]
        self._wrong = _Wrong()
        columns = [grants.c[fields[place]] for place in self._places]
        order = (grants.c.sequence, grants.c.position)
        self._stored = _Following(connection, select(*columns).order_by(*order), self._stray)
        order = (grant_devices.c.sequence, grant_devices.c.position)
        query = select(*order, grant_devices.c.name).order_by(*order)
        has_devices = grant_devices in known
        self._devices = _Following(connection, query, self._stray) if has_devices else None
        self._held: dict[int, dict[int, _Held]] = {}
        self._latest: dict[Target, int] = {}

    def compare(self, sequence: int, event: Event | None, *, is_removed: bool) -> None:
        """Compare the grants that the event `sequence` makes, and those that it ends.

        `event` is None if it cannot be read; `is_removed` says whether retention removed it.
        """
        stored = self._stored.take(sequence)
        devices = self._devices.take(sequence) if self._devices else []
        if is_removed:
            return
        made: dict[int, _Held] = {}
        if isinstance(event, LogEvent):
            self._revoke(event)
        elif event is not None and (state := event.ends_with) is not None:
            target = event.target
            ended = self._held.pop(self._latest.get(target, 0), {})
            for held in ended.values():
                self._end(held, _Ending(state, event.timestamp))
            made = {one.position: _Held(one, [], []) for one in grant_records(event, sequence)}
            self._latest[target], self._held[sequence] = sequence, made
        for row in stored:
            if row[1] in made:
                made[row[1]].rows.append(row)
            else:
                self._stray(row)
        for row in devices:
            if row[1] in made:
                made[row[1]].names.append(row[2])
            else:
                self._stray(row)

    def end(self) -> list[Problem]:
        """Return the problems of all grants, in the order of their events."""
        self._stored.end()
        if self._devices:
            self._devices.end()
        for made in self._held.values():
            for held in made.values():
                self._end(held, None)
        return [
            Problem(sequence, f"its grant {position} differs in the table of grants")
            for sequence, position in self._wrong.first
        ]

    def _revoke(self, event: LogEvent) -> None:
        for sequence, position in _revoked(event):
            if held := self._held.get(sequence, {}).pop(position, None):
                self._end(held, _Ending("revoked", event.timestamp))

    def _end(self, held: _Held, ending: _Ending | None) -> None:
        """Compare a grant, which ends as `ending`; None if it is still held."""
        record = held.record
        values = grant_values(_ended(record, ending))
        expected = tuple([values[place] for place in self._places])
        names = list(record.names) if self._devices else []
        # A stored row equals a tuple of the same values.
        if held.rows != [expected] or sorted(held.names) != names:
            self._stray((record.sequence, record.position))

    def _stray(self, row: _Row) -> None:
        self._wrong.add((row[0], row[1]))


def _ended(record: GrantRecord, ending: _Ending | None) -> GrantRecord:
    """Return `record` as `ending`, the first event that ends it, leaves it."""
    if ending is None:
        return record
    if record.expires and record.expires <= ending.time:
        return msgspec.structs.replace(record, state="expired", ended=record.expires)
    return msgspec.structs.replace(record, state=ending.state, ended=ending.time)


def _revoked(event: LogEvent) -> list[tuple[int, int]]:
    try:
        return event.revoked
    except (KeyError, TypeError, ValueError, AttributeError):
        return []
