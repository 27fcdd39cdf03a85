"""The last decision on each target and its open violations; an index of violations for counts."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_INDEXED = (
    *("time", "sequence", "policies", "allowed"),
    *("enforcement_point", "repository", "environment", "host"),
)
_TARGET = ("repository", "project", "environment", "host")
_ROWS_AT_ONCE = 500


class _Source(msgspec.Struct):
    repository: str = ""
    environment: str = ""
    host: str = ""


class _Review(msgspec.Struct, rename="camel"):
    enforcement_point: str = ""
    operation: str = "CHECK"
    dry_run: bool = False
    source: _Source = msgspec.field(default_factory=_Source)


class _Project(msgspec.Struct):
    name: str = ""


class _Input(msgspec.Struct):
    review: _Review
    project: _Project


class _Status(msgspec.Struct):
    code: int = 0


class _Violation(msgspec.Struct, rename="camel"):
    policy: str
    enforcement_action: str = ""
    service: str = ""


class _Result(msgspec.Struct, rename="camel"):
    allowed: bool
    status: _Status
    violations: tuple[_Violation, ...] = ()
    audit_annotations: dict[str, str] = {}


class _Event(msgspec.Struct):
    timestamp: str
    input: _Input
    result: _Result


_Target = tuple[str, str, str, str]
_Rows = dict[tuple[str, str], dict[str, Any]]


def upgrade() -> None:
    connection = op.get_bind()
    targets = op.create_table(
        "targets",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TARGET),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*_TARGET),
    )
    violations = op.create_table(
        "open_violations",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*_TARGET, "policy", "service")),
        sa.Column("denies", sa.Boolean(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("first_time", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*_TARGET, "policy", "service"),
    )
    _fill(connection, targets, violations)
    op.create_index("targets_by_sequence", "targets", ["sequence"])
    op.create_index("open_violations_by_policy", "open_violations", ["policy", "service"])
    op.drop_index("events_with_violations", "events")
    reported = sa.text("policies != ' '")
    op.create_index(
        "events_with_violations",
        "events",
        list(_INDEXED),
        sqlite_where=reported,
        postgresql_where=reported,
    )


def _fill(connection: sa.Connection, targets: sa.Table, open_violations: sa.Table) -> None:
    """Write the rows of the decisions that the log has."""
    states: dict[_Target, dict[str, Any]] = {}
    violations: dict[_Target, _Rows] = {}
    for sequence, event in _decisions(connection):
        review, result = event.input.review, event.result
        source = review.source
        target = (source.repository, event.input.project.name, source.environment, source.host)
        at = dict(zip(_TARGET, target, strict=True))
        states[target] = at | {
            "sequence": sequence,
            "allowed": result.allowed,
            "operation": review.operation,
        }
        if result.status.code in (200, 403) and "failure" not in result.audit_annotations:
            before = violations.pop(target, {})
            if found := _rows(event, sequence, at, before):
                violations[target] = found
    rows = [row for of_target in violations.values() for row in of_target.values()]
    if states:
        connection.execute(targets.insert(), list(states.values()))
    if rows:
        connection.execute(open_violations.insert(), rows)


def _rows(event: _Event, sequence: int, at: dict[str, str], before: _Rows) -> _Rows:
    found: _Rows = {}
    for one in event.result.violations:
        key = (one.policy, one.service.replace("\0", "\N{REPLACEMENT CHARACTER}"))
        first = before.get(key, {"first": sequence, "first_time": event.timestamp})
        denies = found.get(key, {}).get("denies", False) or one.enforcement_action == "deny"
        found[key] = at | {
            "policy": key[0],
            "service": key[1],
            "denies": denies,
            "first": first["first"],
            "first_time": first["first_time"],
            "last": sequence,
            "last_time": event.timestamp,
        }
    return found


def _decisions(connection: sa.Connection) -> Iterator[tuple[int, _Event]]:
    """Yield the decisions on targets. One that was changed is left for `verify`."""
    # No condition on the kind: SQLite would follow its index, and sort the whole log for each page.
    query = sa.text(
        "SELECT sequence, kind, payload FROM events WHERE sequence > :last "
        "ORDER BY sequence LIMIT :most"
    )
    decoder = msgspec.json.Decoder(_Event)
    last = 0
    while rows := connection.execute(query, {"last": last, "most": _ROWS_AT_ONCE}).all():
        last = rows[-1].sequence
        for row in rows:
            if row.kind != "decision" or not row.payload:
                continue
            try:
                event = decoder.decode(row.payload)
            except msgspec.MsgspecError:
                continue
            review = event.input.review
            is_partial = review.dry_run or review.enforcement_point == "daemon"
            if not is_partial and "superseded" not in event.result.audit_annotations:
                yield row.sequence, event
