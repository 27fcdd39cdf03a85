"""The audit log: append decisions, read decisions and grants, verify the log.

In: reviews and their decisions. Out: records of the hash chain and grants. When `append_decision`
returns, the record is on disk and the answer may be sent. Threads and processes may share a log,
and a store may be used after a fork.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, Unpack

from sqlalchemy import bindparam, func, literal, select, tuple_, update

from policyd.audit import decision_queries, documents, grant_queries, tree
from policyd.audit.appending import Appender, Pending
from policyd.audit.database import Database, open_database, unknown_outcome
from policyd.audit.decision_queries import DecisionFilters
from policyd.audit.event import (
    DECISION,
    GrantRecord,
    Target,
    decision_event,
    payload_of,
    rfc3339,
)
from policyd.audit.event_queries import page_of, page_of_kinds, time_of
from policyd.audit.grant_queries import IN_FORCE, GrantFilters
from policyd.audit.group_commit import OutcomeUnknown
from policyd.audit.log_event import EventKind, LogEvent, payload_of_event
from policyd.audit.moments import ALWAYS, Period
from policyd.audit.prepared import Prepared
from policyd.audit.rows import grant_of
from policyd.audit.tables import events, exception_uses, grants, heads
from policyd.audit.verify import VerifyReport, verify
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.audit.visible_events import PLACE_OF_EVENT, few_visible, place_of
from policyd.errors import AuditError, ContentRemoved, NotFound
from policyd.model import AuditRecord, Caller, Decision, RecordedInput, Review

PAGE: Final = 50
"""The default number of records on a page."""

_DECISION: Final = Prepared(
    select(*(events.c[name] for name in AuditRecord.__struct_fields__)).where(
        events.c.decision_id == bindparam("decision"), events.c.kind == DECISION
    )
)


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
        self._process = Appender(open_database(url, create=create), input_days)
        self._inherited: list[Appender] = []

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
        caller: Caller | None = None,
    ) -> AuditRecord:
        """Record `decision` and update the grants; return when both are on disk.

        `files` are the names of the project's files, `requested_by` the address of the caller,
        `recorded_input` is kept beside the chain, `content` the digest of a review that may be
        repeated, `caller` who sent the request. An allowed CREATE or UPDATE supersedes the grants;
        DELETE releases them.
        """
        digest = recorded_input.digest if recorded_input else ""
        event = decision_event(
            review, decision, files, requested_by, request_id, digest, content, caller
        )
        return self._submit(Pending(event, payload_of(event), recorded_input))

    def append_event(
        self,
        kind: EventKind,
        details: dict[str, Any],
        *,
        now: int,
        actor: str = "",
        reason: str = "",
        target: Target | None = None,
    ) -> AuditRecord:
        """Record an event that is not a decision; return when it is on disk.

        `now` is in nanoseconds since the epoch, `actor` who did it, "" for policyd itself, and
        `target` the deployment that it is about. `details` name things and contain no secrets.
        """
        event = LogEvent(str(uuid.uuid4()), kind, rfc3339(now), actor, reason, target, details)
        return self._submit(Pending(event, payload_of_event(event)))

    def revoke(
        self, records: Sequence[GrantRecord], *, now: int, actor: str, reason: str
    ) -> list[AuditRecord]:
        """End the grants `records`; return the events, one for each target, once they are on disk.

        A grant that ended in the meantime keeps its end.
        """
        by_target = sorted(records, key=_target_and_place)
        return [
            self.append_event(
                "grant-revoked",
                {"grants": [record.name for record in of_target]},
                now=now,
                actor=actor,
                reason=reason,
                target=target,
            )
            for target, of_target in groupby(by_target, lambda record: record.target)
        ]

    def decisions(
        self,
        limit: int = PAGE,
        *,
        before: int | None = None,
        visibility: Visibility = EVERYTHING,
        **filters: Unpack[DecisionFilters],
    ) -> list[AuditRecord]:
        """Return the newest records of visible decisions, newest first.

        `before` continues a page: the sequence number of the last record seen.
        """
        with self._here().database.reading() as connection:
            few = decision_queries.few_found(connection, filters, visibility)
            conditions = decision_queries.conditions(filters, connection, few)
            return page_of(connection, conditions, limit, before, visibility)

    def events(
        self,
        limit: int = PAGE,
        *,
        kinds: Sequence[str] = (),
        period: Period = ALWAYS,
        before: int | None = None,
        visibility: Visibility = EVERYTHING,
    ) -> list[AuditRecord]:
        """Return the newest records of visible events of `kinds`, or of all, newest first.

        `before` continues a page: the sequence number of the last record seen.
        """
        with self._here().database.reading() as connection:
            return page_of_kinds(connection, kinds, period, limit, before, visibility)

    def decision(self, decision_id: str) -> AuditRecord:
        """Return the record of one decision. Raises NotFound, ContentRemoved."""
        row = self._here().database.first(_DECISION, {"decision": decision_id})
        if row is None:
            raise no_decision(decision_id)
        record = AuditRecord(*row)
        if not record.payload:
            raise ContentRemoved(
                f"retention removed the content of the decision {decision_id}: event "
                f"{record.sequence} of the audit log has its hash only"
            )
        return record

    def grants(
        self,
        limit: int = PAGE,
        *,
        before: tuple[int, int] | None = None,
        visibility: Visibility = EVERYTHING,
        now: int | None = None,
        **filters: Unpack[GrantFilters],
    ) -> list[GrantRecord]:
        """Return the newest visible grants, newest first: those that are held at `now`, or others.

        `before` continues a page: sequence and position of the last grant seen. `now` is in
        nanoseconds since the epoch, None for the clock.
        """
        moment = rfc3339(time.time_ns() if now is None else now)
        place = (grants.c.time, grants.c.sequence, grants.c.position)
        database = self._here().database
        with database.reading() as connection:
            few = few_visible(connection, visibility, grants)
            query = (
                select(grants)
                .where(*grant_queries.conditions(filters, moment, few))
                .where(*visibility.conditions(place_of(grants), database.dialect))
                .order_by(*(column.desc() for column in place))
                .limit(limit)
            )
            if before is not None:
                last = tuple_(time_of(before[0]), *map(literal, before))
                query = query.where(tuple_(*place) < last)
            return [grant_of(row, moment) for row in connection.execute(query)]

    def grants_in_force(self, host: str, project: str, now: int) -> list[GrantRecord]:
        """Return the grants of `project` that are held on `host` at `now`, MOST_IN_FORCE at most.

        `now` is in nanoseconds since the epoch. The gate of a host asks for each container.
        """
        moment = rfc3339(now)
        asked = {"of_host": host, "of_project": project, "moment": moment}
        with self._here().database.reading() as connection:
            return [grant_of(row, moment) for row in IN_FORCE.all(connection, asked)]

    def active_grant(self, sequence: int, position: int) -> GrantRecord | None:
        """Return the grant `position` of the event `sequence` if it is held now, else None."""
        found = self.grants(1, before=(sequence, position + 1), active=True)
        named = [one for one in found if (one.sequence, one.position) == (sequence, position)]
        return named[0] if named else None

    def exception_uses(
        self,
        policy_set: str,
        since: str,
        visibility: Visibility = EVERYTHING,
        names: Collection[str] | None = None,
    ) -> dict[str, ExceptionUse]:
        """Return how often each exception of the policy set `policy_set` changed a decision.

        Only visible decisions at or after `since`, RFC 3339 in UTC with nanoseconds, count. With
        `names`, only these exceptions are looked up.
        """
        used, sequence = exception_uses.c.exception, exception_uses.c.sequence
        database = self._here().database
        first = select(events.c.sequence).where(events.c.kind == DECISION, events.c.time >= since)
        first = first.order_by(events.c.time, events.c.sequence).limit(1)
        uses = (
            select(used, func.count().label("number"), func.max(sequence).label("last"))
            .where(exception_uses.c.policy_set == policy_set, sequence >= first.scalar_subquery())
            .group_by(used)
        )
        if names is not None:
            uses = uses.where(used.in_(names))
        if visible := visibility.conditions(PLACE_OF_EVENT, database.dialect):
            uses = uses.join(events, events.c.sequence == sequence).where(*visible)
        counted = uses.subquery()
        query = select(counted.c.exception, counted.c.number, events.c.time).join(
            events, events.c.sequence == counted.c.last
        )
        with database.reading() as connection:
            return {
                str(name): ExceptionUse(int(number), str(last))
                for name, number, last in connection.execute(query.order_by(counted.c.exception))
            }

    def keep_document(self, content: bytes) -> str:
        """Store `content`, once, and return its digest, "sha256:…"."""
        with self._here().database.writing() as connection:
            return documents.keep(connection, content)

    def document(self, digest: str) -> bytes:
        """Return the document with `digest`. Raises NotFound."""
        with self._here().database.reading() as connection:
            return documents.find(connection, digest)

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

    def _submit(self, pending: Pending) -> AuditRecord:
        try:
            return self._here().writer.submit(pending)
        except OutcomeUnknown as error:
            raise unknown_outcome(self.name) from error
        except TimeoutError as error:
            raise AuditError(f"the audit log {self.name} cannot be written: {error}") from error

    def _here(self) -> Appender:
        """Return the connections of this process. Those of a parent must not be used or closed."""
        if self._process.pid != os.getpid():
            self._inherited.append(self._process)
            self._process = Appender(open_database(self._url, create=False), self._input_days)
        return self._process


def no_decision(decision_id: str) -> NotFound:
    """Return the error for a decision that does not exist, or must seem so."""
    return NotFound(f"there is no decision {decision_id} in the audit log")


def _target_and_place(record: GrantRecord) -> tuple[Target, int, int]:
    return record.target, record.sequence, record.position
