"""Events of all kinds in the audit log: what changed the rules, the grants and the log itself.

In: records. Out: text, an EventList as JSON, CSV, JSON Lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from policyd import wire
from policyd.audit.event import DECISION, Target, event_of
from policyd.audit.log_event import log_event_of
from policyd.formats import json
from policyd.formats.grants import WIDTH
from policyd.formats.table import seconds, visible
from policyd.formats.tabular import csv_text, json_lines
from policyd.model import AuditRecord, to_json

HEADER: Final = (
    "sequence", "time", "kind", "id", "actor", "reason", "repository", "project", "environment",
    "host", "details", "hash",
)  # fmt: skip


_PLACE: Final = ("repository", "project", "environment", "host")


class _Shown(NamedTuple):
    event_id: str
    actor: str
    reason: str
    target: Target | None
    details: dict[str, Any]


class Events(msgspec.Struct, frozen=True):
    """At most `limit` records of events in the audit log `log`, newest first."""

    log: str
    records: Sequence[AuditRecord]
    limit: int


def text(events: Events, *, colour: bool = False) -> str:
    """Return some lines for each of `events`, or a sentence if there are none."""
    if not events.records:
        return f"No such events in {visible(events.log)}.\n"
    lines = [line for record in events.records for line in _lines(record)]
    if len(events.records) == events.limit:
        lines += ["", f"These are the newest {events.limit}; list more with --limit."]
    return "\n".join(lines) + "\n"


def as_json(events: Events, *, colour: bool = False) -> str:
    """Return `events` as an EventList."""
    return json.render(wire.event_list(events.records, events.limit))


def as_csv(events: Events, *, colour: bool = False) -> str:
    """Return a table with a row for each of `events`."""
    return csv_text(HEADER, map(event_fields, events.records))


def as_json_lines(events: Events, *, colour: bool = False) -> str:
    """Return each of `events` as an AuditRecord in one line of JSON."""
    return json_lines(map(wire.audit_record, events.records))


def _lines(record: AuditRecord) -> Iterator[str]:
    fields = event_fields(record)
    by = f" by {fields['actor']}" if fields["actor"] else ""
    yield visible(f"{record.sequence}  {seconds(record.time)}  {record.kind}{by}")
    place = [fields[name] for name in ("repository", "project", "environment", "host")]
    shown = [" ".join(filter(None, place)), fields["reason"] and f"reason: {fields['reason']}"]
    shown += [f"{name}: {_text(value)}" for name, value in fields["details"].items()]
    for line in filter(None, shown):
        yield from textwrap.wrap(
            f"  {visible(line)}", WIDTH, subsequent_indent="    ", break_on_hyphens=False,
            break_long_words=False,
        )  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else to_json(value).decode()


def event_fields(record: AuditRecord) -> dict[str, Any]:
    """Return the cells of an event by the names of HEADER."""
    event = _decided(record) if record.kind == DECISION else log_event_of(record)
    place = event.target._asdict() if event.target else dict.fromkeys(_PLACE, "")
    return {
        "sequence": record.sequence,
        "time": record.time,
        "kind": record.kind,
        "id": event.event_id,
        "actor": event.actor,
        "reason": event.reason,
        **place,
        "details": event.details,
        "hash": record.hash,
    }


def _decided(record: AuditRecord) -> _Shown:
    """Return a decision as it is shown among other events."""
    event = event_of(record)
    verdict = "allowed" if event.result.allowed else "denied"
    actor = event.input.review.user_info.username
    return _Shown(event.decision_id, actor, "", event.target, {"verdict": verdict})
