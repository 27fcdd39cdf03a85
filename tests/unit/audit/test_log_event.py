from __future__ import annotations

from typing import get_args

import pytest

from policyd.audit.event import Target
from policyd.audit.log_event import (
    KINDS,
    EventKind,
    LogEvent,
    columns_of,
    grant_key,
    log_event_of,
    payload_of_event,
)
from policyd.errors import AuditError
from policyd.model import AuditRecord
from tests.support.cases import cases

TIME = "2026-11-23T15:00:00.000000000Z"
PLACE = Target("acme/train", "train", "prod", "gpu-01")
EVENT = LogEvent("e-1", "grant-revoked", TIME, "ana", "repair", PLACE, {"grants": ["2.0", "12.3"]})


def record(payload: str) -> AuditRecord:
    return AuditRecord(7, TIME, "grant-revoked", payload, "00", "11")


def test_an_event_is_read_as_it_was_written() -> None:
    assert log_event_of(record(payload_of_event(EVENT))) == EVENT
    assert EVENT.revoked == [(2, 0), (12, 3)]


def test_what_is_not_known_of_an_event_is_left_out_of_its_payload() -> None:
    event = LogEvent("e-1", "stop", TIME)

    assert payload_of_event(event) == f'{{"event_id":"e-1","kind":"stop","timestamp":"{TIME}"}}'
    assert event.revoked == []


def test_the_columns_are_those_of_decisions() -> None:
    assert columns_of(EVENT) == {
        "decision_id": "e-1",
        "allowed": True,
        "enforcement_point": "",
        "repository": "acme/train",
        "commit_id": "",
        "environment": "prod",
        "project": "train",
        "policies": " ",
        "host": "gpu-01",
        "username": "ana",
    }


@cases(
    ("event", "fault"),
    [
        (LogEvent("e", "stop", TIME, "a\0"), "its username has a NUL character"),
        (LogEvent("e", "stop", TIME, "a" * 301), "its username has 301 bytes; the limit is 300"),
        (LogEvent("e", "stop", TIME, "a", "\ud800"), "surrogates not allowed"),
        (LogEvent("e", "stop", TIME, "a", "x" * 1_000_000), "it is too large"),
    ],
)
def test_an_event_that_cannot_be_stored_is_an_error(event: LogEvent, fault: str) -> None:
    with pytest.raises(AuditError) as caught:
        payload_of_event(event)
    assert str(caught.value).startswith("the event stop cannot be recorded: ")
    assert fault in str(caught.value)


@cases("payload", ["", "{}", "[]", '{"event_id":"e","kind":"x","timestamp":""}'])
def test_a_payload_that_is_no_event_is_an_error(payload: str) -> None:
    with pytest.raises(AuditError, match="event 7 is malformed: "):
        log_event_of(record(payload))


@cases("name", ["", "1", "1.", ".1", "1.x", "-1.0", "1.0.0", "1" * 30 + ".0"])
def test_the_name_of_a_grant_has_one_form(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not SEQUENCE\.POSITION, such as 12\.0"):
        grant_key(name)


def test_the_kinds_are_those_of_the_type() -> None:
    assert get_args(EventKind) == KINDS
