"""Verify an export of the audit log: its hash chain, and what checkpoints state about it.

In: a file of JSON Lines, as `policyd audit export` writes it; statements about the log. Out: a
report of all problems. The file is read line by line, several times. An export may begin later than
the log, but events may not be missing in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from policyd.audit import chain, tree
from policyd.audit.chain import Problem
from policyd.audit.event import DECISION
from policyd.audit.evidence import LoggedEvent, Statement, statement_problems
from policyd.audit.exported_event import MAX_LINE, ExportedEvent, identity_in, read_line
from policyd.audit.verify import MAX_PROBLEMS, VerifyReport, removed_through
from policyd.errors import AuditError
from policyd.transparency import merkle

_RETENTION: Final = "retention"


def verify_export(path: str, statements: Iterable[Statement] = ()) -> tuple[int, VerifyReport]:
    """Return the sequence number of the first event of the export `path`, and the report on it.

    Raises AuditError if the file cannot be read.
    """
    statements = tuple(statements)
    state = _Summary()
    events = state.summed_up(_events(path))
    through = removed_through(
        event.record for event in _events(path) if event.record.kind == _RETENTION
    )
    first = next(events, None)
    start = (0, chain.GENESIS)
    if first is not None and first.record.sequence > 1:
        start = (first.record.sequence - 1, first.record.prev_hash)
    records = (event.record for event in itertools.chain([first] if first else [], events))
    problems = [
        chain.problems(records, None, through, start),
        _line_problem(path),
        _identity_problems(path),
        statement_problems(_entries(path), statements, start),
    ]
    found = tuple(itertools.islice(itertools.chain(*problems), MAX_PROBLEMS))
    for _ in events:
        pass
    evidence = tuple(f"{one.source} ({one.size} events)" for one in statements if one.is_listed)
    return start[0] + 1, VerifyReport(state.number, state.head, found, evidence, state.removed)


class _Summary:
    """What is counted while the events are read."""

    def __init__(self) -> None:
        self.number = 0
        self.removed = 0
        self.head = chain.GENESIS

    def summed_up(self, events: Iterable[ExportedEvent]) -> Iterator[ExportedEvent]:
        for event in events:
            self.number += 1
            self.removed += not event.record.payload
            self.head = event.record.hash
            yield event


def _lines(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            while line := file.readline(MAX_LINE + 1):
                yield line
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from error


def _events(path: str) -> Iterator[ExportedEvent]:
    """Yield the events up to the first line that is none."""
    for line in _lines(path):
        try:
            yield read_line(line)
        except AuditError:
            return


def _line_problem(path: str) -> Iterator[Problem]:
    last = 0
    for number, line in enumerate(_lines(path), 1):
        try:
            last = read_line(line).record.sequence
        except AuditError as error:
            yield Problem(last + 1, f"is malformed in line {number}: {error}")
            return


def _identity_problems(path: str) -> Iterator[Problem]:
    """Yield the events whose id, time or type is not that of their payload."""
    for event in _events(path):
        record = event.record
        if not record.payload:
            continue
        stated = (event.event_id, record.time, record.kind)
        try:
            found = identity_in(record.payload, DECISION)
        except AuditError as error:
            yield Problem(record.sequence, str(error))
            continue
        if found != stated:
            yield Problem(record.sequence, "its id, time or type is not that of its payload")


def _entries(path: str) -> Iterator[LoggedEvent]:
    """Yield the events up to the first gap, each with the hash of its leaf."""
    expected = None
    for event in _events(path):
        record = event.record
        if expected is not None and record.sequence != expected:
            return
        expected = record.sequence + 1
        entry = tree.entry(record.sequence, record.kind, event.event_id, record.time, record.hash)
        yield LoggedEvent(record.sequence, record.hash, merkle.leaf_hash(entry))
