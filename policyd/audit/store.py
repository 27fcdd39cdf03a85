"""The audit log: append decisions, read decisions and grants, verify the log.

In: reviews and their decisions. Out: records of the hash chain and grants. When `append_decision`
returns, the record is on disk and the answer may be sent. Threads and processes may share a log,
and a store may be used after a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, insert, select, tuple_, update

from policyd.audit import chain, inputs, tree
from policyd.audit.database import Database, open_database
from policyd.audit.event import (
    DECISION,
    DecisionEvent,
    GrantRecord,
    decision_event,
    event_of,
    not_before,
    payload_of,
)
from policyd.audit.grant_moves import move_grants
from policyd.audit.grant_queries import has_device, is_double_booked
from policyd.audit.group_commit import GroupCommit
from policyd.audit.rows import event_row, grant_of, record_of
from policyd.audit.tables import events, grants, heads
from policyd.audit.verify import VerifyReport, verify
from policyd.audit.visibility import EVERYTHING, Visibility, host_in
from policyd.errors import AuditError, NotFound
from policyd.model import AuditRecord, Decision, RecordedInput, Review
from policyd.transparency.merkle import Frontier

PAGE: Final = 50
"""The default number of records on a page."""

_HEAD: Final = select(heads.c.sequence, heads.c.hash).with_for_update()
_TIME: Final = select(events.c.time).where(events.c.sequence == bindparam("last"))
_MOVE_HEAD: Final = update(heads).values(sequence=bindparam("sequence"), hash=bindparam("hash"))
_APPEND: Final = insert(events)
_PLACE_OF_GRANT: Final = {
    "repositories": grants.c.repository,
    "environments": grants.c.environment,
    "hosts": grants.c.host,
}

_EXEMPTED: Final = '"exempted":[{'
"""Occurs in the payload of each decision with exemptions. Quotes in names are escaped there."""


class Item(NamedTuple):
    """An event, its text, and the input of the decision if it is recorded."""

    event: DecisionEvent
    payload: str
    recorded_input: RecordedInput | None = None


_Batch = Sequence[Item]


class ExceptionUse(NamedTuple):
    """The number of decisions that an exception changed, and the time of the last (RFC 3339)."""

    decisions: int
    last: str


def open_store(url: str, *, create: bool = True, input_days: int = 0) -> Store:
    """Return the audit log at `url` (a path, sqlite:///… or postgresql://…), migrated.

    Inputs are deleted `input_days` after their last use, never if it is 0. Raises AuditError if it
    cannot be opened, or if it does not exist and `create` is false.
    """
    store = Store(url, create=create, input_days=input_days)
    try:
        store.migrate()
    except AuditError:
        store.close()
        raise
    return store


class Store:
    """An audit log, from `open_store`. Every method raises AuditError if the log fails."""

    def __init__(self, url: str, *, create: bool, input_days: int = 0) -> None:
        self._url = url
        self._input_days = input_days
        self._process = _Process(open_database(url, create=create), input_days)
        self._inherited: list[_Process] = []

    @property
    def name(self) -> str:
        """The path or URL of the log, without its password."""
        return self._process.database.name

    @property
    def database(self) -> Database:
        """The database of the log in this process."""
        return self._here().database

    def migrate(self) -> None:
        """Upgrade the tables to the newest revision."""
        self._here().database.migrate()

    def close(self) -> None:
        """Close all connections."""
        self._process.database.close()

    def append_decision(
        self,
        review: Review,
        decision: Decision,
        *,
        files: Sequence[str] = (),
        requested_by: str = "",
        request_id: str = "",
        recorded_input: RecordedInput | None = None,
        content: str = "",
    ) -> AuditRecord:
        """Record `decision` and update the grants; return when both are on disk.

        `files` are the names of the project's files, `requested_by` the address of the caller,
        `recorded_input` is kept beside the chain, `content` the digest of a review that may be
        repeated. An allowed CREATE or UPDATE supersedes the grants; DELETE releases them.
        """
        digest = recorded_input.digest if recorded_input else ""
        event = decision_event(review, decision, files, requested_by, request_id, digest, content)
        item = Item(event, payload_of(event), recorded_input)
        try:
            return self._here().writer.submit(item)
        except TimeoutError as error:
            raise AuditError(f"the audit log {self.name} cannot be written: {error}") from error

    def decisions(
        self,
        limit: int = PAGE,
        *,
        before: int | None = None,
        allowed: bool | None = None,
        visibility: Visibility = EVERYTHING,
        repository: str | None = None,
        project: str | None = None,
        policy: str | None = None,
        enforcement_point: str | None = None,
        commit: str | None = None,
    ) -> list[AuditRecord]:
        """Return the newest records of decisions, newest first; `before` continues a page.

        Only visible ones are found; `policy` is an id that reported a violation.
        """
        query = select(events).order_by(events.c.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(events.c.sequence < before)
        if policy is not None:
            query = query.where(events.c.policies.contains(f" {policy} ", autoescape=True))
        database = self._here().database
        columns = {
            "repositories": events.c.repository,
            "environments": events.c.environment,
            "hosts": host_in(events.c.payload, database.dialect),
        }
        query = _where(
            query.where(*visibility.conditions(columns, database.dialect)),
            [
                (events.c.allowed, allowed),
                (events.c.repository, repository),
                (events.c.project, project),
                (events.c.enforcement_point, enforcement_point),
                (events.c.commit_id, commit),
            ],
        )
        with database.reading() as connection:
            return [record_of(row) for row in connection.execute(query)]

    def decision(self, decision_id: str) -> AuditRecord:
        """Return the record of one decision. Raises NotFound."""
        query = select(events).where(events.c.decision_id == decision_id)
        with self._here().database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise no_decision(decision_id)
        return record_of(row)

    def grants(
        self,
        limit: int = PAGE,
        *,
        active: bool = True,
        before: tuple[int, int] | None = None,
        visibility: Visibility = EVERYTHING,
        repository: str | None = None,
        project: str | None = None,
        environment: str | None = None,
        host: str | None = None,
        gpu: str | None = None,
        double_booked: bool = False,
    ) -> list[GrantRecord]:
        """Return the newest grants, newest first: the active ones, or all.

        `before` continues a page: sequence and position of the last grant seen. `gpu` is a name of
        a device: grants of it and of all devices are found. `double_booked` selects active grants
        of which another one on the same host, which is named, has a device.
        """
        newest_first = (grants.c.sequence.desc(), grants.c.position.desc())
        query = select(grants).order_by(*newest_first).limit(limit)
        if before is not None:
            query = query.where(tuple_(grants.c.sequence, grants.c.position) < before)
        database = self._here().database
        query = _where(
            query.where(*visibility.conditions(_PLACE_OF_GRANT, database.dialect)),
            [
                (grants.c.state, "active" if active else None),
                (grants.c.repository, repository),
                (grants.c.project, project),
                (grants.c.environment, environment),
                (grants.c.host, host),
            ],
        )
        if gpu is not None:
            query = query.where(has_device(gpu))
        if double_booked:
            query = query.where(is_double_booked())
        with database.reading() as connection:
            return [grant_of(row) for row in connection.execute(query)]

    def exception_uses(self, policy_set: str, since: str) -> dict[str, ExceptionUse]:
        """Return how often each exception of the policy set `policy_set` changed a decision.

        Only decisions at or after `since`, RFC 3339 in UTC with nanoseconds, count.
        """
        query = (
            select(events)
            .where(events.c.time >= since, events.c.payload.contains(_EXEMPTED))
            .order_by(events.c.sequence)
            .execution_options(yield_per=PAGE)
        )
        uses: dict[str, ExceptionUse] = {}
        with self._here().database.reading() as connection:
            for row in connection.execute(query):
                event = event_of(record_of(row))
                if policy_set not in event.bundles:
                    continue
                for name in {one.exception for one in event.result.exempted}:
                    before = uses.get(name, ExceptionUse(0, ""))
                    uses[name] = ExceptionUse(before.decisions + 1, event.timestamp)
        return uses

    def begins(self) -> str:
        """Return the time of the first event in RFC 3339, "" if there is none."""
        with self._here().database.reading() as connection:
            first = connection.execute(select(events.c.time).order_by(events.c.sequence).limit(1))
            return str(first.scalar() or "")

    def verify(self) -> VerifyReport:
        """Return the problems of the hash chain, the other columns and the table of grants."""
        with self._here().database.reading() as connection:
            return verify(connection)

    def check_writable(self) -> None:
        """Raise AuditError if decisions cannot be recorded now."""
        database = self._here().database
        with database.writing() as connection:
            connection.execute(update(heads).values(sequence=heads.c.sequence))
            tree.grow(connection)
            database.probe(connection)

    def _here(self) -> _Process:
        """Return the connections of this process. Those of a parent must not be used or closed."""
        if self._process.pid != os.getpid():
            self._inherited.append(self._process)
            self._process = _Process(open_database(self._url, create=False), self._input_days)
        return self._process


def no_decision(decision_id: str) -> NotFound:
    """Return the error for a decision that does not exist, or must seem so."""
    return NotFound(f"there is no decision {decision_id} in the audit log")


class _Process:
    def __init__(self, database: Database, input_days: int) -> None:
        self.pid = os.getpid()
        self.database = database
        self.writer: GroupCommit[Item, AuditRecord] = GroupCommit(self._write)
        self._inputs = inputs.InputKeeper(input_days)
        self._edge = ("", Frontier())
        """The hash of the last event that this process committed, and the edge of the tree then."""

    def _write(self, take: Callable[[], _Batch]) -> list[AuditRecord]:
        with self.database.writing() as connection:
            batch = take()  # now, because other decisions came while the log was locked
            last = connection.execute(_HEAD).first()
            if last is None:
                raise AuditError(f"the table heads of the audit log {self.database.name} is empty")
            edge = self._edge_at(connection, last.hash)
            latest = connection.execute(_TIME, {"last": last.sequence}).scalar() or ""
            ordered = _in_order(batch, latest)
            records = _linked(ordered, last.sequence, last.hash)
            pairs = [(record, item.event) for record, item in zip(records, ordered, strict=True)]
            connection.execute(_APPEND, [event_row(*pair) for pair in pairs])
            move_grants(connection, pairs)
            newest = records[-1]
            connection.execute(_MOVE_HEAD, {"sequence": newest.sequence, "hash": newest.hash})
            tree.append(connection, edge, [_entry(*pair) for pair in pairs])
            recorded = [item.recorded_input for item in batch if item.recorded_input]
            kept = self._inputs.keep(connection, recorded)
        self._inputs.remember(kept)
        self._edge = (newest.hash, edge)
        return records

    def _edge_at(self, connection: Connection, last_hash: str) -> Frontier:
        """Return the edge of the tree over the events up to the one with `last_hash`.

        It is kept between commits: reading it takes a query for each of its hashes.
        """
        known, edge = self._edge
        # The transaction may fail after it changed the edge.
        self._edge = ("", Frontier())
        return edge if known == last_hash else tree.grow(connection)


def _entry(record: AuditRecord, event: DecisionEvent) -> bytes:
    return tree.entry(record.sequence, record.kind, event.decision_id, record.time, record.hash)


def _in_order(batch: _Batch, latest: str) -> _Batch:
    """Return `batch` with times that do not run backwards from `latest`."""
    ordered = []
    for item in batch:
        later = not_before(latest, item.event)
        payload = item.payload if later is item.event else payload_of(later)
        ordered.append(Item(later, payload, item.recorded_input))
        latest = later.timestamp
    return ordered


def _linked(batch: _Batch, sequence: int, prev_hash: str) -> list[AuditRecord]:
    records = []
    for event, payload, _ in batch:
        sequence += 1
        own = chain.link(prev_hash, payload.encode())
        records.append(AuditRecord(sequence, event.timestamp, DECISION, payload, prev_hash, own))
        prev_hash = own
    return records


def _where(query: Select[Any], exact: Sequence[tuple[Any, object]]) -> Select[Any]:
    for column, value in exact:
        if value is not None:
            query = query.where(column == value)
    return query
