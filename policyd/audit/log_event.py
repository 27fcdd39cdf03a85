"""Events of the audit log that are not decisions: what changed the rules, the grants and the log.

In: what happened, when, who did it and why. Out: the payload of the event and the columns for
queries. Pure. Details name things: no values of settings, no secrets, no content of files.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, get_args

import msgspec

from policyd.audit.event import MAX_TEXT, Target, check_columns
from policyd.errors import AuditError, Unrecordable
from policyd.model import AuditRecord, to_json

EventKind = Literal[
    "start",
    "stop",
    "policy-set",
    "settings",
    "token-created",
    "token-revoked",
    "grant-revoked",
    "exception-used",
    "checkpoint",
    "retention",
    "push-retried",
    "log-verified",
]
KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
"""The kinds of events besides decisions."""

_GRANT: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")
"""The name of a grant; a database holds no larger numbers."""


class LogEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event. `timestamp` is RFC 3339 in UTC, `actor` who did it, "" for policyd itself.

    `target` is the deployment that it is about, None for events about the whole service.
    """

    event_id: str
    kind: EventKind
    timestamp: str
    actor: str = ""
    reason: str = ""
    target: Target | None = None
    details: dict[str, Any] = {}

    @property
    def revoked(self) -> list[tuple[int, int]]:
        """The sequences and positions of the grants that the event revokes."""
        if self.kind != "grant-revoked":
            return []
        return [grant_key(name) for name in self.details["grants"]]


def grant_key(name: str) -> tuple[int, int]:
    """Return the sequence and the position of the grant SEQUENCE.POSITION. Raises ValueError."""
    found = _GRANT.fullmatch(name)
    if not found:
        raise ValueError(f"{name!r} is not SEQUENCE.POSITION, such as 12.0")
    return int(found[1]), int(found[2])


def columns_of(event: LogEvent) -> dict[str, Any]:
    """Return the columns of `tables.events` that queries of `event` use."""
    target = event.target or Target("", "", "", "")
    return {
        "decision_id": event.event_id,
        "allowed": True,
        "enforcement_point": "",
        "commit_id": "",
        "policies": " ",
        "username": event.actor,
        **target._asdict(),
    }


def payload_of_event(event: LogEvent) -> str:
    """Return the text of `event` as it is stored and hashed. Raises Unrecordable."""
    check_columns(columns_of(event), f"the event {event.kind}")
    try:
        text = to_json(event).decode()
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unrecordable(f"the event {event.kind} cannot be recorded: {error}") from error
    if len(text) > MAX_TEXT:
        raise Unrecordable(f"the event {event.kind} cannot be recorded: it is too large")
    return text


def log_event_of(record: AuditRecord) -> LogEvent:
    """Return the event in `record`. Raises AuditError if its payload is not such an event."""
    try:
        return msgspec.json.decode(record.payload, type=LogEvent)
    except msgspec.MsgspecError as error:
        raise AuditError(f"event {record.sequence} is malformed: {error}") from error
