"""Change the tables of grants as events say: end earlier grants, add the new ones.

In: a connection in a transaction, events. Out: rows of `tables.grants`, `tables.grant_devices` and
`tables.exception_uses`. Statements for many events are sent together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Text, bindparam, case, insert, tuple_, update

from policyd.audit.event import DecisionEvent, GrantState, Target, grant_records
from policyd.audit.log_event import LogEvent
from policyd.audit.prepared import Prepared
from policyd.audit.rows import device_rows, exception_rows, grant_row
from policyd.audit.tables import exception_uses, grant_devices, grants
from policyd.model import AuditRecord

Recorded = tuple[AuditRecord, DecisionEvent | LogEvent]
_Decided = tuple[AuditRecord, DecisionEvent]

_GRANT: Final = Prepared(insert(grants))
_NAME_DEVICE: Final = Prepared(insert(grant_devices))
_USE: Final = Prepared(insert(exception_uses))
_WHEN: Final[Any] = bindparam("when", type_=Text)
_LEASE_IS_OVER: Final = (grants.c.ended != "") & (grants.c.ended <= _WHEN)
_END: Final = (
    update(grants)
    .where(grants.c.state == "active")
    .values(
        state=case((_LEASE_IS_OVER, "expired"), else_=bindparam("new_state")),
        ended=case((_LEASE_IS_OVER, grants.c.ended), else_=_WHEN),
    )
)
_END_AT_TARGET: Final = Prepared(
    _END.where(*(grants.c[name] == bindparam(f"at_{name}") for name in Target._fields))
)
_GRANTS_AT_ONCE: Final = 500


def move_grants(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Change the grants as the events in `recorded` say, one after the other."""
    decided = [(record, event) for record, event in recorded if isinstance(event, DecisionEvent)]
    uses = [row for record, event in decided for row in exception_rows(event, record.sequence)]
    if uses:
        _USE.run(connection, uses)
    for run in _runs(recorded):
        if isinstance(run, LogEvent):
            _revoke(connection, run)
        else:
            _move(connection, run)


def _runs(recorded: Sequence[Recorded]) -> Iterator[list[_Decided] | LogEvent]:
    """Yield the events that change grants, in order.

    Decisions come in runs without two of the same target, others alone.
    """
    run: list[_Decided] = []
    targets: set[Target] = set()
    for record, event in recorded:
        if isinstance(event, DecisionEvent) and event.ends_with is None:
            continue
        if run and (isinstance(event, LogEvent) or event.target in targets):
            yield run
            run, targets = [], set()
        if isinstance(event, LogEvent):
            yield event
        else:
            run.append((record, event))
            targets.add(event.target)
    if run:
        yield run


def _move(connection: Connection, run: Sequence[_Decided]) -> None:
    """End the earlier grants of the targets in `run`, which all differ, and add the new ones."""
    _END_AT_TARGET.run(connection, [_ending_at_target(event) for _, event in run])
    granted = [grant for record, event in run for grant in grant_records(event, record.sequence)]
    if granted:
        _GRANT.run(connection, [grant_row(grant) for grant in granted])
    devices = [row for grant in granted for row in device_rows(grant)]
    if devices:
        _NAME_DEVICE.run(connection, devices)


def _ending_at_target(event: DecisionEvent) -> dict[str, Any]:
    at = {f"at_{name}": value for name, value in event.target._asdict().items()}
    return {**at, **_ending(event.ends_with or "superseded", event.timestamp)}


def _revoke(connection: Connection, event: LogEvent) -> None:
    keys = event.revoked
    for start in range(0, len(keys), _GRANTS_AT_ONCE):
        some = keys[start : start + _GRANTS_AT_ONCE]
        named = _END.where(tuple_(grants.c.sequence, grants.c.position).in_(some))
        connection.execute(named, _ending("revoked", event.timestamp))


def _ending(state: GrantState, when: str) -> dict[str, Any]:
    return {"new_state": state, "when": when}
