"""Write a long, made-up audit log in bulk: whole events with their chain, grants and exceptions.

In: an empty log in a SQLite file, a number of events. Out: the log, without the tree of hashes.
Projects on 50 hosts of 8 GPUs deploy again and again, and the last grant of each is held.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from policyd.audit import chain
from policyd.audit.event import DecisionEvent, decision_event, grant_records, payload_of, rfc3339
from policyd.audit.grant_summaries import summarize_finished_days
from policyd.audit.rows import device_rows, event_row, exception_rows, grant_row
from policyd.audit.target_states import target_row, violation_rows
from policyd.model import (
    AuditRecord,
    Decision,
    Exempted,
    Grant,
    PolicySetRevision,
    Review,
    Source,
    Status,
    UserInfo,
    Violation,
)

BEGIN: Final = 1_735_689_600_000_000_000
"""2025-01-01, in nanoseconds."""
TWO_YEARS: Final = 2 * 365 * 86_400 * 1_000_000_000
_DAY: Final = 86_400 * 1_000_000_000
PROJECTS: Final = 400
HOSTS: Final = 50
RARE: Final = 20
"""Decisions that the exception `rare` changed."""
_ROWS_AT_ONCE: Final = 20_000
_TABLES: Final = ("events", "grants", "grant_devices", "exception_uses")
_NUMBER: Final = "@number@"
_NOW: Final = 1_234_567_890_123_456_789
"""Stand for the number and the time of a decision in a template."""
_POLICY_SET: Final = PolicySetRevision("acme", "sha256:" + "a" * 64)
_VIOLATION: Final = Violation("max-gpus", "few", "deny", "high", "too many GPUs", "Ask for fewer.")
_EXEMPTED: Final = Exempted(
    "allowed-gpus", "entitled", "deny", "high", "m", "r", exception="rare", owner="ml"
)


class _Template(NamedTuple):
    """The payload and the rows of a decision, in which its number and its time are missing."""

    payload: str
    event: dict[str, Any]
    grants: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    uses: list[dict[str, Any]]


def fill(path: Path, events: int) -> None:
    """Write `events` decisions, two years of them, into the empty log at `path`."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        last = chain.GENESIS
        for start in range(1, events + 1, _ROWS_AT_ONCE):
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
            for number in range(start, min(start + _ROWS_AT_ONCE, events + 1)):
                last = _add(rows, number, events, last)
            for table, some in rows.items():
                _insert(connection, table, some)
        _insert(connection, "targets", _targets(events))
        _insert(connection, "open_violations", _open_violations(events))
        connection.execute("UPDATE heads SET sequence = ?, hash = ?", (events, last))
        for _, sql in indexes:
            connection.execute(sql)


def summarize(connection: Connection) -> None:
    """Store the summaries of the days of a log that `fill` wrote."""
    for number in range(1, TWO_YEARS // _DAY + 1):
        summarize_finished_days(connection, rfc3339(BEGIN + number * _DAY))


def _add(rows: dict[str, list[dict[str, Any]]], number: int, events: int, last: str) -> str:
    """Add the rows of the event `number`, which follows the one with the hash `last`."""
    template = _template(number % PROJECTS, number % max(events // RARE, 2) == 1)
    nanoseconds = BEGIN + number * (TWO_YEARS // events)
    time, decision = rfc3339(nanoseconds), f"d{number}"
    payload = (
        template.payload.replace(_NUMBER, str(number))
        .replace(rfc3339(_NOW), time)
        .replace(str(_NOW), str(nanoseconds))
    )
    own = chain.link(last, payload.encode())
    place = {"sequence": number, "time": time, "decision_id": decision}
    rows["events"].append(
        {**template.event, **place, "payload": payload, "prev_hash": last, "hash": own}
    )
    ending = {}
    following = number + PROJECTS
    if following <= events:
        ended = rfc3339(BEGIN + following * (TWO_YEARS // events))
        ending = {"state": "superseded", "ended": ended}
    rows["grants"] += [{**row, **place, **ending} for row in template.grants]
    rows["grant_devices"] += [{**row, "sequence": number} for row in template.devices]
    rows["exception_uses"] += [{**row, "sequence": number} for row in template.uses]
    return own


def _targets(events: int) -> list[dict[str, Any]]:
    """Return the rows of `tables.targets` after `events` decisions."""
    return [target_row(_event(project, False), number) for project, number in _last_of_each(events)]


def _open_violations(events: int) -> list[dict[str, Any]]:
    """Return the rows of `tables.open_violations`: a denied project is denied each time."""
    found = []
    for project, number in _last_of_each(events):
        first = project or PROJECTS
        times = {
            name: rfc3339(BEGIN + one * (TWO_YEARS // events))
            for name, one in (("first_time", first), ("last_time", number))
        }
        found += [
            {**row, "first": first, **times}
            for row in violation_rows(_event(project, False), number)
        ]
    return found


def _last_of_each(events: int) -> list[tuple[int, int]]:
    """Return each project with the number of its last decision."""
    return [
        (number % PROJECTS, number) for number in range(max(events - PROJECTS, 0) + 1, events + 1)
    ]


@cache
def _template(project: int, is_rare: bool) -> _Template:
    event = _event(project, is_rare)
    payload = payload_of(event)
    grants = grant_records(event, 0)
    return _Template(
        payload,
        event_row(AuditRecord(0, "", "decision", payload, "", ""), event),
        [grant_row(grant) for grant in grants],
        [row for grant in grants for row in device_rows(grant)],
        exception_rows(event, 0),
    )


def _event(project: int, is_rare: bool) -> DecisionEvent:
    """Return the decision on `project`, which asks for one GPU of its host. A tenth is denied."""
    gpu = str(project // HOSTS)
    name = f"project-{project}"
    is_denied = project % 10 == 0
    review = Review(
        uid=f"u-{_NUMBER}",
        enforcement_point="ci",
        now=_NOW,
        operation="CREATE",
        user_info=UserInfo(f"user-{project % 100}", ("ml",)),
        source=Source(
            f"team-{project % 20}/{name}",
            "refs/heads/main",
            "0123456789abcdef0123456789abcdef01234567",
            "prod",
            f"host-{project % HOSTS:02}",
        ),
    )
    grant = Grant(
        "train", "nvidia", "gpus", (gpu,), 1, ("services", "train", "gpus", 0, "device_ids"),
        identities=(gpu,), exceptions=("rare",) if is_rare else (),
        entitlements=("team",), constraints=("entitled", "no-all-gpus"),
    )  # fmt: skip
    decision = Decision(
        uid=review.uid,
        allowed=not is_denied,
        status=Status(403, "Forbidden", "denied") if is_denied else Status(200, "OK", "allowed"),
        violations=(_VIOLATION,) if is_denied else (),
        exempted=(_EXEMPTED,) if is_rare else (),
        grants=(grant,),
        policy_set=_POLICY_SET,
        engine="embedded",
        decision_id=f"d{_NUMBER}",
        project=name,
        bundle_digest="sha256:" + "b" * 64,
        compose_version="5.7.1",
    )
    return decision_event(review, decision, ("compose.yaml",), "10.0.0.9", f"r-{_NUMBER}")


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    names = tuple(rows[0])
    places = ", ".join("?" for _ in names)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",
        ([row[name] for name in names] for row in rows),
    )
