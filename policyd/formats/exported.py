"""A part of an export of the audit log, as CSV or JSON Lines.

In: events in their order. Out: text that follows the text of the part before.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from policyd import wire
from policyd.audit.exported_event import ExportedEvent
from policyd.formats.audit_log import CSV_HEADER, decision_fields
from policyd.formats.events import HEADER, event_fields
from policyd.formats.tabular import csv_text, json_lines


class ExportedPart(msgspec.Struct, frozen=True):
    """Some events of an export. `only_decisions` chooses the columns of a table of decisions."""

    events: Sequence[ExportedEvent]
    only_decisions: bool = False
    is_first: bool = True


def as_json_lines(part: ExportedPart, *, colour: bool = False) -> str:
    """Return each event as an AuditRecord with its id, in one line of JSON."""
    return json_lines(wire.exported_event(*event) for event in part.events)


def as_csv(part: ExportedPart, *, colour: bool = False) -> str:
    """Return a row for each event that has its content; the first part begins with the header."""
    records = [event.record for event in part.events if event.record.payload]
    if part.only_decisions:
        text = csv_text(CSV_HEADER, map(decision_fields, records))
    else:
        text = csv_text(HEADER, map(event_fields, records))
    return text if part.is_first else text.partition("\n")[2]
