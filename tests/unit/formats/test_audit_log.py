from __future__ import annotations

import json

import msgspec

from policyd.audit.chain import Problem
from policyd.audit.event import decision_event, payload_of
from policyd.formats.audit_log import (
    Decisions,
    Verification,
    decision_json,
    decision_text,
    decisions_csv,
    decisions_json,
    decisions_json_lines,
    decisions_text,
    verification_json,
    verification_text,
)
from policyd.model import (
    AuditRecord,
    Caller,
    Decision,
    PolicySetRevision,
    Review,
    Source,
    Status,
    UserInfo,
)
from policyd.wire import AuditVerification
from tests.support.reports import EXEMPTED, VIOLATION

DENIED = Decision(
    "u",
    False,
    Status(403, "Forbidden", ""),
    (VIOLATION, msgspec.structs.replace(VIOLATION, policy="a-first")),
    decision_id="d-1",
    project="train",
    bundle_digest="sha256:22",
    policy_set=PolicySetRevision("gpu-hosts", "sha256:11"),
)
ALLOWED = Decision("u", True, Status(200, "OK", ""), decision_id="d-2")


def record(decision: Decision, sequence: int = 1) -> AuditRecord:
    review = Review(
        "u", "ci", 1_800_000_000_123_456_789, "CREATE", True, UserInfo("ana", ("ml", "ops")),
        Source(repository="acme/train", host="gpu-01"),
    )  # fmt: skip
    caller = Caller("forge:acme/train", "repo:acme/train", "j-1")
    payload = payload_of(decision_event(review, decision, caller=caller))
    return AuditRecord(sequence, "2027-01-15T08:00:00Z", "decision", payload, "00", "11")


def test_decisions_are_rows_with_verdict_and_policies() -> None:
    exempted = msgspec.structs.replace(ALLOWED, exempted=(EXEMPTED,))
    loud = msgspec.structs.replace(
        ALLOWED, exempted=(EXEMPTED, msgspec.structs.replace(EXEMPTED, break_glass=True))
    )
    records = [record(loud, 4), record(exempted, 3), record(ALLOWED, 2), record(DENIED, 1)]

    assert (
        decisions_text(Decisions("log.db", records, 50))
        == """\
SEQUENCE  TIME                  VERDICT               OPERATION  BY
4         2027-01-15T08:00:00Z  allowed, BREAK GLASS  CREATE     ana
  acme/train gpu-01
  decision d-2
3         2027-01-15T08:00:00Z  allowed, exempted     CREATE     ana
  acme/train gpu-01
  decision d-2
2         2027-01-15T08:00:00Z  allowed               CREATE     ana
  acme/train gpu-01
  decision d-2
1         2027-01-15T08:00:00Z  denied                CREATE     ana
  acme/train train gpu-01
  violations of a-first, no-all-gpus
  decision d-1
"""
    )


def test_no_decisions_are_a_sentence_that_names_the_log() -> None:
    assert decisions_text(Decisions("log.db", [], 50)) == "No decisions in log.db.\n"


def test_a_full_page_as_json_names_the_next_one() -> None:
    page = json.loads(decisions_json(Decisions("log.db", [record(DENIED, 7)], 1)))

    assert (page["kind"], page["next"]) == ("AuditRecordList", 7)
    assert [item["event"]["decision_id"] for item in page["items"]] == ["d-1"]


def test_one_decision_shows_its_violations_then_who_asked_for_it() -> None:
    shown = decision_text(record(DENIED))

    assert shown.startswith("DENIED  train: 2 violations\n\ncompose.yaml:4:5: denied: ")
    assert (
        shown.partition("\n\ndecision:")[2]
        == """\
    d-1
time:        2027-01-15T08:00:00.123456789Z
requested by: ana ml ops
sent by:     forge:acme/train, sub repo:acme/train, jti j-1
enforced at: ci
operation:   CREATE (dry run)
repository:  acme/train
host:        gpu-01
digest:      sha256:22
policy set:  gpu-hosts sha256:11
hash:        11
"""
    )


def test_a_decision_without_a_name_is_that_of_a_project() -> None:
    assert decision_text(record(ALLOWED)).startswith("ALLOWED  project\n\ndecision:    d-2\n")


def test_one_decision_as_json_is_an_audit_record() -> None:
    found = json.loads(decision_json(record(DENIED)))

    assert (found["kind"], found["sequence"], found["hash"]) == ("AuditRecord", 1, "11")


def test_a_verification_says_that_the_log_is_intact_or_names_each_problem() -> None:
    intact = Verification("log.db", AuditVerification(events=2, head="ab", problems=()))
    problems = (Problem(1, "its hash does not match its payload"), Problem(2, "is \x1bmissing"))

    assert verification_text(intact) == "log.db: 2 events are intact; the last hash is ab\n"
    one = AuditVerification(events=1, head="ab", problems=(), evidence=("kept (1 events)",))
    assert verification_text(Verification("log.db", one)) == (
        "log.db: 1 event is intact and agrees with kept (1 events); the last hash is ab\n"
    )
    old = AuditVerification(events=3, head="ab", problems=(), removed=2)
    assert verification_text(Verification("log.db", old)) == (
        "log.db: 3 events are intact; the last hash is ab\n"
        "log.db: retention removed the content of 2; the hashes remain\n"
    )
    assert verification_text(
        Verification("log.db", AuditVerification(events=2, head="ab", problems=problems))
    ) == (
        "log.db: event 1: its hash does not match its payload\nlog.db: event 2: is \\x1bmissing\n"
    )


def test_decisions_as_csv_and_as_lines() -> None:
    shown = Decisions("log.db", [record(DENIED), record(ALLOWED, 2)], 50)

    assert decisions_csv(shown) == (
        "sequence,time,decision,allowed,verdict,operation,username,repository,commit,environment,"
        "host,project,enforcementPoint,policies,exceptions,hash\n"
        "1,2027-01-15T08:00:00Z,d-1,false,denied,CREATE,ana,acme/train,,,gpu-01,train,ci,"
        '"[""a-first"",""no-all-gpus""]",[],11\n'
        "2,2027-01-15T08:00:00Z,d-2,true,allowed,CREATE,ana,acme/train,,,gpu-01,,ci,[],[],11\n"
    )
    lines = decisions_json_lines(shown).splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2]


def test_a_verification_as_json_is_a_document_with_its_kind() -> None:
    report = AuditVerification(
        events=2, head="ab", problems=[Problem(1, "changed")], evidence=["kept.txt (2 events)"]
    )

    assert json.loads(verification_json(Verification("log.db", report))) == {
        "apiVersion": "policyd/v1",
        "kind": "AuditVerification",
        "events": 2,
        "head": "ab",
        "problems": [{"sequence": 1, "message": "changed"}],
        "evidence": ["kept.txt (2 events)"],
        "removed": 0,
    }
