from __future__ import annotations

import json

from policyd.audit.event import Target
from policyd.audit.log_event import LogEvent, payload_of_event
from policyd.formats.events import Events, as_csv, as_json, as_json_lines, text
from policyd.model import AuditRecord
from tests.unit.formats.test_audit_log import DENIED, record

TIME = "2027-01-15T08:00:00.000000000Z"
REVOKED = LogEvent(
    "e-1", "grant-revoked", TIME, "ana", "repair", Target("acme/train", "train", "", "gpu-01"),
    {"grants": ["2.0", "2.1"], "number": 2},
)  # fmt: skip


def stored(event: LogEvent, sequence: int) -> AuditRecord:
    return AuditRecord(sequence, TIME, event.kind, payload_of_event(event), "00", "11")


EVENTS = Events("log.db", [stored(REVOKED, 3), stored(LogEvent("e-2", "stop", TIME), 2)], 50)


def test_events_say_what_happened_to_what_by_whom_and_why() -> None:
    assert (
        text(EVENTS)
        == """\
3  2027-01-15T08:00:00Z  grant-revoked by ana
  acme/train train gpu-01
  reason: repair
  grants: 2.0, 2.1
  number: 2
2  2027-01-15T08:00:00Z  stop
"""
    )
    assert text(Events("log.db", [], 50)) == "No such events in log.db.\n"
    full = text(Events("log.db", EVENTS.records, 2))
    assert full.endswith("\n\nThese are the newest 2; list more with --limit.\n")


def test_decisions_are_shown_among_other_events() -> None:
    assert (
        text(Events("log.db", [record(DENIED)], 50))
        == """\
1  2027-01-15T08:00:00Z  decision by ana
  acme/train train gpu-01
  verdict: denied
"""
    )


def test_events_as_json_are_a_list_with_pages() -> None:
    found = json.loads(as_json(Events("log.db", EVENTS.records, 2)))

    assert (found["kind"], found["next"]) == ("EventList", 2)
    assert [item["type"] for item in found["items"]] == ["grant-revoked", "stop"]
    assert [json.loads(line) for line in as_json_lines(EVENTS).splitlines()] == found["items"]


def test_events_as_csv_have_a_row_each() -> None:
    assert as_csv(EVENTS) == (
        "sequence,time,kind,id,actor,reason,repository,project,environment,host,details,hash\n"
        f"3,{TIME},grant-revoked,e-1,ana,repair,acme/train,train,,gpu-01,"
        '"{""grants"":[""2.0"",""2.1""],""number"":2}",11\n'
        f"2,{TIME},stop,e-2,,,,,,,{{}},11\n"
    )
