"""The pushes to registries that wait for their review, in the database of the audit log.

In: pushes, as the notifications of a registry report them. Out: claims on pushes that are due, and
records of pushes. A claim ends unless it is renewed, so a push is not lost with the process that
reviews it. Threads, processes and replicas may share the table. Times are nanoseconds since the
epoch. Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from policyd.audit.event import rfc3339
from policyd.audit.store import PAGE, Store
from policyd.audit.tables import pushes
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.hooks.events import UNFINISHED, Push, PushRecord, PushState

MAX_WAITING: Final = 10_000
"""Pushes to one registry that wait. A registry repeats a notification that is answered with 503."""
MAX_FOUND: Final = 10_000
SECOND: Final = 1_000_000_000
"""Nanoseconds."""
KEEP_DONE: Final = 24 * 3600 * SECOND
"""How long reviewed pushes are kept: a registry repeats events of the last minutes."""
KEEP_FAILED: Final = 30 * 24 * 3600 * SECOND

_PLACE: Final = {"repositories": pushes.c.source}


class Waiting(NamedTuple):
    """The pushes to one registry in one state: their number, and the oldest time (RFC 3339)."""

    registry: str
    state: PushState
    number: int
    oldest: str


class Pushes:
    """The pushes in the database of an audit log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, registry: str, prefix: str, reported: Sequence[Push], now: int) -> bool:
        """Store the `reported` pushes whose events are not known yet; return when they are on disk.

        An event of a forge that is reported again is due again if its review has failed.
        Reviews state `prefix` and the repository. Returns False, and stores nothing, if more than
        MAX_WAITING would wait.
        """
        rows = [
            {
                **msgspec.structs.asdict(push),
                "registry": registry,
                "source": prefix + push.repository,
                "received": rfc3339(now),
                "state": "waiting",
                "error": "",
                "attempts": 0,
                "due": rfc3339(now),
            }
            for push in reported
        ]
        if not rows:
            return True
        with self._store.database.writing() as connection:
            _forget(connection, now)
            unfinished = (
                select(func.count())
                .where(pushes.c.registry == registry)
                .where(pushes.c.state.in_(("waiting", "running")))
            )
            if int(connection.execute(unfinished).scalar_one()) + len(rows) > MAX_WAITING:
                return False
            dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
            connection.execute(dialect.insert(pushes).on_conflict_do_nothing(), rows)
            _renew_failed(connection, registry, reported, now)
        return True

    def known_events(self, registry: str, event_ids: Collection[str]) -> set[str]:
        """Return those of `event_ids` that `registry` reported, and that are kept."""
        query = select(pushes.c.event_id)
        query = query.where(pushes.c.registry == registry, pushes.c.event_id.in_(event_ids))
        with self._store.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def of_digests(self, registry: str, digests: Collection[str]) -> list[PushRecord]:
        """Return the kept pushes of `digests` to `registry`, newest first, at most MAX_FOUND."""
        with self._store.database.reading() as connection:
            return [_record(row) for row in connection.execute(_of_digests(registry, digests))]

    def repositories(self, registry: str) -> set[str]:
        """Return the repositories that pushes to `registry` named, of those that are kept."""
        query = select(pushes.c.repository).distinct().where(pushes.c.registry == registry)
        with self._store.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def waiting(self, visibility: Visibility = EVERYTHING) -> list[Waiting]:
        """Return how many visible pushes have no verdict, by registry and state, and the oldest."""
        visible = visibility.conditions(_PLACE, self._store.database.dialect)
        query = (
            select(pushes.c.registry, pushes.c.state, func.count(), func.min(pushes.c.received))
            .where(pushes.c.state.in_(UNFINISHED), *visible)
            .group_by(pushes.c.registry, pushes.c.state)
        )
        with self._store.database.reading() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def claim(self, registry: str, limit: int, now: int, until: int) -> list[PushRecord]:
        """Return at most `limit` pushes that are due, now running until `until`.

        Pushes with fewer attempts come first: one that fails again and again holds up none.
        """
        due = (
            select(pushes)
            .where(pushes.c.registry == registry)
            .where(pushes.c.state.in_(("waiting", "running")))
            .where(pushes.c.due <= rfc3339(now))
            .order_by(pushes.c.attempts, pushes.c.number)
            .limit(limit)
        )
        with self._store.database.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self._store.database.writing() as connection:
            found = connection.execute(due.with_for_update(skip_locked=True)).all()
            started = {"state": "running", "due": rfc3339(until)}
            connection.execute(
                update(pushes)
                .where(pushes.c.number.in_([row.number for row in found]))
                .values(attempts=pushes.c.attempts + 1, **started)
            )
        return [_record(row, attempts=row.attempts + 1, **started) for row in found]

    def renew(self, numbers: Collection[int], until: int) -> None:
        """Make the claims on the running pushes `numbers` last until `until`."""
        self._change(numbers, due=rfc3339(until))

    def finish(self, number: int, now: int) -> None:
        """Record that the push `number` was reviewed."""
        self._change([number], state="done", error="", due=rfc3339(now))

    def postpone(self, number: int, error: str, due: int) -> None:
        """Record that the attempt failed with `error`; the next one is at `due`."""
        self._change([number], state="waiting", error=error, due=rfc3339(due))

    def fail(self, number: int, error: str, now: int) -> None:
        """Record that the last attempt failed with `error`. Only `retry` changes that."""
        self._change([number], state="failed", error=error, due=rfc3339(now))

    def retry(self, now: int, *, registry: str | None, event_ids: Collection[str]) -> int:
        """Make failed and waiting pushes due now, with all attempts again; return their number.

        These are the pushes with `event_ids`, or all failed ones if that is empty; of `registry`,
        or of all registries if it is None.
        """
        change = update(pushes).values(state="waiting", attempts=0, due=rfc3339(now))
        if event_ids:
            change = change.where(pushes.c.event_id.in_(event_ids))
            change = change.where(pushes.c.state.in_(("waiting", "failed")))
        else:
            change = change.where(pushes.c.state == "failed")
        if registry is not None:
            change = change.where(pushes.c.registry == registry)
        with self._store.database.writing() as connection:
            return connection.execute(change).rowcount

    def records(
        self,
        limit: int = PAGE,
        *,
        before: int | None = None,
        visibility: Visibility = EVERYTHING,
        registry: str | None = None,
        states: Collection[PushState] = UNFINISHED,
    ) -> list[PushRecord]:
        """Return the newest visible pushes in one of `states`, newest first.

        `before` continues a page: the number of the last push seen.
        """
        visible = visibility.conditions(_PLACE, self._store.database.dialect)
        query: Select[Any] = select(pushes).where(pushes.c.state.in_(states), *visible)
        if before is not None:
            query = query.where(pushes.c.number < before)
        if registry is not None:
            query = query.where(pushes.c.registry == registry)
        query = query.order_by(pushes.c.number.desc()).limit(limit)
        with self._store.database.reading() as connection:
            return [_record(row, detail="") for row in connection.execute(query)]

    def _change(self, numbers: Collection[int], **values: str) -> None:
        running = pushes.c.state == "running"
        change = update(pushes).where(running, pushes.c.number.in_(numbers))
        with self._store.database.writing() as connection:
            connection.execute(change.values(**values))


def _of_digests(registry: str, digests: Collection[str]) -> Select[Any]:
    query = select(pushes).where(pushes.c.registry == registry, pushes.c.digest.in_(digests))
    return query.order_by(pushes.c.number.desc()).limit(MAX_FOUND)


def _record(row: Row[Any], **changes: object) -> PushRecord:
    return PushRecord(**{**row._mapping, **changes})


def _renew_failed(
    connection: Connection, registry: str, reported: Sequence[Push], now: int
) -> None:
    """Make events of a forge due again that are reported again after their review has failed."""
    repeated = [push.event_id for push in reported if push.detail]
    connection.execute(
        update(pushes)
        .where(pushes.c.registry == registry, pushes.c.event_id.in_(repeated))
        .where(pushes.c.state == "failed")
        .values(state="waiting", attempts=0, due=rfc3339(now))
    )


def _forget(connection: Connection, now: int) -> None:
    for state, nanoseconds in (("done", KEEP_DONE), ("failed", KEEP_FAILED)):
        old = pushes.c.due < rfc3339(now - nanoseconds)
        connection.execute(delete(pushes).where(pushes.c.state == state, old))
