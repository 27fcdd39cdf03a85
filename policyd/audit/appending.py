"""Append events to the log, in one transaction for all that wait.

In: decisions and other events, from any thread. Out: their records, once they are on disk. The
transaction links the chain, moves the grants and the states of targets, notes the exceptions that
were used, and grows the tree of hashes.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from policyd.audit import chain, inputs, tree
from policyd.audit.database import Database
from policyd.audit.event import (
    DECISION,
    DecisionEvent,
    payload_of,
    used_exceptions,
)
from policyd.audit.grant_moves import move_grants
from policyd.audit.grant_summaries import summarize_finished_days
from policyd.audit.group_commit import GroupCommit
from policyd.audit.log_event import LogEvent, payload_of_event
from policyd.audit.prepared import Prepared
from policyd.audit.rows import event_row, exception_rows
from policyd.audit.tables import events, exception_uses, heads
from policyd.audit.target_states import move_targets
from policyd.errors import AuditError
from policyd.model import AuditRecord, RecordedInput
from policyd.transparency.merkle import Frontier

_HEAD: Final = Prepared(select(heads.c.sequence, heads.c.hash).with_for_update())
_TIME: Final = Prepared(select(events.c.time).where(events.c.sequence == bindparam("last")))
_MOVE_HEAD: Final = Prepared(
    update(heads).values(sequence=bindparam("sequence"), hash=bindparam("hash"))
)
_APPEND: Final = Prepared(insert(events))
_DAY: Final = len("2026-03-01")


class Pending(NamedTuple):
    """An event that is to be appended, its payload, and the input of the decision to keep."""

    event: DecisionEvent | LogEvent
    payload: str
    recorded_input: RecordedInput | None = None

    @property
    def kind(self) -> str:
        """The kind of the event."""
        return DECISION if isinstance(self.event, DecisionEvent) else self.event.kind

    @property
    def event_id(self) -> str:
        """The id of the decision or of the event."""
        event = self.event
        return event.decision_id if isinstance(event, DecisionEvent) else event.event_id


class Appender:
    """Appends to the log in `database`, for one process."""

    def __init__(self, database: Database, input_days: int) -> None:
        self.pid = os.getpid()
        self.database = database
        self.writer: GroupCommit[Pending, AuditRecord] = GroupCommit(self._write)
        self._inputs = inputs.InputKeeper(input_days)
        self._edge = ("", Frontier())
        """The hash of the last event that this process committed, and the edge of the tree then."""

    def _write(self, take: Callable[[], Sequence[Pending]]) -> list[AuditRecord]:
        with self.database.writing() as connection:
            batch = take()  # now, because other decisions came while the log was locked
            if not batch:
                return []
            head = _HEAD.first(connection, {})
            if head is None:
                raise AuditError(f"the table heads of the audit log {self.database.name} is empty")
            sequence, last_hash = head
            edge = self._edge_at(connection, last_hash)
            last = _TIME.first(connection, {"last": sequence})
            ordered = _in_order(batch, last[0] if last else "")
            items = list(_with_first_uses(connection, ordered))
            records = _linked(items, sequence, last_hash)
            pairs = list(zip(records, items, strict=True))
            _APPEND.run(connection, [event_row(record, item.event) for record, item in pairs])
            recorded = [(record, item.event) for record, item in pairs]
            move_grants(connection, recorded)
            move_targets(connection, recorded)
            newest = records[-1]
            if last and last[0][:_DAY] < newest.time[:_DAY]:
                summarize_finished_days(connection, newest.time)
            _MOVE_HEAD.run(connection, [{"sequence": newest.sequence, "hash": newest.hash}])
            tree.append(connection, edge, [_entry(*pair) for pair in pairs])
            to_keep = [item.recorded_input for item in batch if item.recorded_input]
            kept = self._inputs.keep(connection, to_keep)
        self._inputs.remember(kept)
        self._edge = (newest.hash, edge)
        submitted = {id(item) for item in ordered}
        return [record for record, item in pairs if id(item) in submitted]

    def _edge_at(self, connection: Connection, last_hash: str) -> Frontier:
        """Return the edge of the tree over the events up to the one with `last_hash`.

        It is kept between commits: reading it takes a query for each of its hashes.
        """
        known, edge = self._edge
        # The transaction may fail after it changed the edge.
        self._edge = ("", Frontier())
        return edge if known == last_hash else tree.grow(connection)


def _in_order(batch: Sequence[Pending], latest: str) -> list[Pending]:
    """Return `batch` with times that do not run backwards from `latest`.

    Otherwise a clock that is set back would end a grant before it began.
    """
    ordered = []
    for item in batch:
        if item.event.timestamp < latest:
            item = _at(latest, item)
        ordered.append(item)
        latest = item.event.timestamp
    return ordered


def _at(time: str, item: Pending) -> Pending:
    event = msgspec.structs.replace(item.event, timestamp=time)
    text = payload_of(event) if isinstance(event, DecisionEvent) else payload_of_event(event)
    return Pending(event, text, item.recorded_input)


def _with_first_uses(connection: Connection, batch: Sequence[Pending]) -> Iterator[Pending]:
    """Yield `batch`, and after each decision an event for each exception that it used first."""
    known: set[tuple[str, str]] = set()
    for item in batch:
        yield item
        if not isinstance(item.event, DecisionEvent):
            continue
        for used in exception_rows(item.event, 0):
            key = (used["exception"], used["policy_set"])
            if key not in known and not _is_known(connection, *key):
                first = _first_use(item.event, *key)
                yield Pending(first, payload_of_event(first))
            known.add(key)


def _is_known(connection: Connection, exception: str, policy_set: str) -> bool:
    query = select(exception_uses.c.sequence).where(
        exception_uses.c.exception == exception, exception_uses.c.policy_set == policy_set
    )
    return connection.execute(query.limit(1)).first() is not None


def _first_use(event: DecisionEvent, exception: str, policy_set: str) -> LogEvent:
    used = used_exceptions(event)[exception]
    return LogEvent(
        event_id=str(uuid.uuid4()),
        kind="exception-used",
        timestamp=event.timestamp,
        actor=event.input.review.user_info.username,
        target=event.target,
        details={
            "exception": exception,
            "policySet": policy_set,
            "decision": event.decision_id,
            "owner": used.owner,
            "approvedBy": used.approved_by,
            "expires": used.expires,
        },
    )


def _entry(record: AuditRecord, item: Pending) -> bytes:
    return tree.entry(record.sequence, record.kind, item.event_id, record.time, record.hash)


def _linked(items: Sequence[Pending], sequence: int, prev_hash: str) -> list[AuditRecord]:
    records = []
    for item in items:
        sequence += 1
        own = chain.link(prev_hash, item.payload.encode())
        time = item.event.timestamp
        records.append(AuditRecord(sequence, time, item.kind, item.payload, prev_hash, own))
        prev_hash = own
    return records
