from __future__ import annotations

import hashlib

from policyd.audit.chain import GENESIS, Problem, link, problems
from policyd.model import AuditRecord
from tests.support.cases import cases


def chained(*payloads: str) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    prev_hash = GENESIS
    for sequence, payload in enumerate(payloads, 1):
        own = link(prev_hash, payload.encode())
        records.append(AuditRecord(sequence, "t", "decision", payload, prev_hash, own))
        prev_hash = own
    return records


def found(records: list[AuditRecord], head: tuple[int, str] | None = None) -> list[Problem]:
    last = (records[-1].sequence, records[-1].hash) if records else (0, GENESIS)
    return list(problems(records, head or last))


def test_a_hash_covers_the_32_bytes_before_it_and_the_payload():
    assert link("ab" * 32, b"{}") == hashlib.sha256(b"\xab" * 32 + b"{}").hexdigest()
    assert bytes.fromhex(GENESIS) == bytes(32)


def test_an_empty_log_and_a_whole_one_have_no_problem():
    assert found([]) == []
    assert found(chained('{"a":1}', '{"b":"é"}', "{}")) == []


def test_a_changed_payload_is_found_where_it_stands():
    records = chained("1", "2", "3")
    records[1] = AuditRecord(2, "t", "decision", "two", records[1].prev_hash, records[1].hash)

    assert found(records) == [Problem(2, "its hash does not match its payload")]


def test_a_rewritten_event_breaks_the_link_of_the_next_one():
    records = chained("1", "2", "3")
    prev_hash = records[1].prev_hash
    records[1] = AuditRecord(2, "t", "decision", "two", prev_hash, link(prev_hash, b"two"))

    assert found(records) == [Problem(3, "its prev_hash is not the hash of the previous event")]


def test_a_removed_event_is_found():
    first, _, third = chained("1", "2", "3")

    assert found([first, third]) == [Problem(3, "follows event 1: events between them are missing")]


def test_events_cut_off_at_the_end_are_found_by_the_head():
    records = chained("1", "2", "3")

    assert found(records[:2], (3, records[2].hash)) == [
        Problem(2, "is the last event, but according to the log, event 3 is")
    ]


@cases("prev_hash", ["", "xyz", "é"])
def test_a_prev_hash_that_is_no_hash_is_a_problem_and_no_crash(prev_hash):
    record = AuditRecord(1, "t", "decision", "1", prev_hash, link(GENESIS, b"1"))

    assert [problem.sequence for problem in found([record])] == [1, 1]
