from __future__ import annotations

import json

import pytest

from policyd.audit.exported_event import ExportedEvent, identity_in, read_line
from policyd.errors import AuditError
from policyd.formats.exported import ExportedPart, as_json_lines
from policyd.model import AuditRecord
from tests.support.cases import cases

HOSTILE = '{"a":"\\u001b \x7f\x9f\u200b\u202e\ufeff \\\\u200b \\\\\\\\u0085 é \\"}","b":1.50}'


@cases("payload", [HOSTILE, "", '{"decision_id":"d"}'])
def test_a_payload_is_read_byte_for_byte(payload: str) -> None:
    event = ExportedEvent(AuditRecord(3, "t", "decision", payload, "aa", "bb"), "d")

    line = as_json_lines(ExportedPart([event]))

    assert line.count("\n") == 1
    assert not {"\x7f", "\x9f", "\u202e"} & set(line)
    assert json.loads(line)["id"] == "d"
    assert read_line(line.encode()) == event


@cases("line", [b"", b"{}", b"[]", b"\xff", b'{"sequence":1', b"[" * 100_000])
def test_another_line_is_an_error(line: bytes) -> None:
    with pytest.raises(AuditError, match=r"^it is not an event of an export: "):
        read_line(line)


def test_an_event_states_what_it_is() -> None:
    decided = '{"decision_id":"d","timestamp":"t","kind":"x"}'
    other = '{"event_id":"e","kind":"stop","timestamp":"t"}'

    assert identity_in(decided, "decision") == ("d", "t", "decision")
    assert identity_in(other, "decision") == ("e", "t", "stop")
    with pytest.raises(AuditError, match=r"^its payload is not an event: "):
        identity_in("{}", "decision")
