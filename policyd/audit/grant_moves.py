"""Change the table of grants as events say: end the earlier grants of a target, add the new ones.

In: a connection in a transaction, events of decisions. Out: rows of `tables.grants` and
`tables.grant_devices`. Statements for many events are sent together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, insert, update

from policyd.audit.event import DecisionEvent, Target, grant_records
from policyd.audit.rows import device_rows, grant_row
from policyd.audit.tables import grant_devices, grants
from policyd.model import AuditRecord

Recorded = tuple[AuditRecord, DecisionEvent]

_GRANT: Final = insert(grants)
_NAME_DEVICE: Final = insert(grant_devices)
_END: Final = (
    update(grants)
    .where(grants.c.state == "active")
    .where(*(grants.c[name] == bindparam(f"at_{name}") for name in Target._fields))
    .values(state=bindparam("state"), ended=bindparam("ended"))
)


def move_grants(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Change the grants as the events in `recorded` say, one after the other."""
    for run in _distinct_targets(recorded):
        _move(connection, run)


def _distinct_targets(pairs: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield the events that change grants, in order, in runs without two of the same target."""
    run: list[Recorded] = []
    targets: set[Target] = set()
    for record, event in pairs:
        if event.ends_with is None:
            continue
        if event.target in targets:
            yield run
            run, targets = [], set()
        run.append((record, event))
        targets.add(event.target)
    if run:
        yield run


def _move(connection: Connection, run: Sequence[Recorded]) -> None:
    """End the earlier grants of the targets in `run`, which all differ, and add the new ones."""
    connection.execute(_END, [_ending(event) for _, event in run])
    granted = [grant for record, event in run for grant in grant_records(event, record.sequence)]
    if granted:
        connection.execute(_GRANT, [grant_row(grant) for grant in granted])
    devices = [row for grant in granted for row in device_rows(grant)]
    if devices:
        connection.execute(_NAME_DEVICE, devices)


def _ending(event: DecisionEvent) -> dict[str, object]:
    at = {f"at_{name}": value for name, value in event.target._asdict().items()}
    return {**at, "state": event.ends_with, "ended": event.timestamp}
