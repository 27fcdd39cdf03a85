"""Where checkpoints of the audit log were published, and the last event of a kind.

In: an audit log. Out: numbers and times. No query reads more than some of the newest events.
Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from policyd.audit.log_event import EventKind, LogEvent, log_event_of
from policyd.audit.store import Store

_EXAMINED: Final = 200
"""Events of checkpoints in which the places are looked for, the newest first."""


class Publication(msgspec.Struct, frozen=True):
    """The last checkpoint that a place accepted: of how many events, and when."""

    size: int
    time: str


def last_event(store: Store, kind: EventKind) -> LogEvent | None:
    """Return the last event of `kind`, None if there is none."""
    found = store.events(1, kinds=(kind,))
    return log_event_of(found[0]) if found else None


def publications(store: Store) -> Mapping[str, Publication]:
    """Return what each place accepted last, by the name of its setting."""
    found: dict[str, Publication] = {}
    for record in store.events(_EXAMINED, kinds=("checkpoint",)):
        event = log_event_of(record)
        for name in event.details.get("published", ()):
            size = event.details.get("events", 0)
            found.setdefault(str(name), Publication(int(size), event.timestamp))
    return found
