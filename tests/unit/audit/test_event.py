from __future__ import annotations

import json

import msgspec
import pytest

from policyd import __version__
from policyd.audit.event import decision_event, event_of, payload_of, rfc3339
from policyd.errors import AuditError
from policyd.model import AuditRecord
from tests.support.cases import cases


def test_a_payload_is_an_opa_decision_log_event(decided):
    review, decision = decided("d1", policies=("no-all-gpus",), allowed=False)

    payload = json.loads(
        payload_of(decision_event(review, decision, ["compose.yaml", ".env"], "10.0.0.9", "req-7"))
    )

    result = payload.pop("result")
    assert payload == {
        "labels": {"app": "policyd", "version": __version__},
        "decision_id": "d1",
        "timestamp": "2026-11-23T15:00:00.000000000Z",
        "path": "policyd/main/result",
        "bundles": {"default": {"revision": "sha256:aa"}},
        "input": {
            "review": {
                "uid": "uid-d1",
                "enforcementPoint": "ci",
                "now": 1795446000000000000,
                "operation": "CREATE",
                "dryRun": False,
                "userInfo": {"username": "ci-bot", "groups": []},
                "source": {
                    "repository": "acme/train",
                    "ref": "refs/heads/main",
                    "commit": "c0ffee",
                    "environment": "prod",
                    "host": "gpu-01",
                },
            },
            "project": {
                "name": "train",
                "digest": "sha256:bb",
                "files": ["compose.yaml", ".env"],
                "input": "",
            },
        },
        "requested_by": "10.0.0.9",
        "req_id": "req-7",
    }
    assert result["allowed"] is False
    assert result["violations"][0]["message"] == "no-all-gpus says no"
    assert result["grants"][0]["devices"] == {"count": 2}


def test_a_payload_holds_what_was_set_aside_and_on_whose_word(decided):
    review, decision = decided("d1", exceptions=("own",))

    result = json.loads(payload_of(decision_event(review, decision)))["result"]

    assert result["violations"] == []
    assert result["exempted"] == [
        {
            "policy": "no-all-gpus",
            "constraint": "c",
            "enforcementAction": "deny",
            "severity": "high",
            "message": "m",
            "remediation": "r",
            "service": "",
            "path": [],
            "location": None,
            "exception": "own",
            "owner": "ml",
            "reason": "",
            "approvedBy": "",
            "expires": "",
            "daysLeft": 0,
            "breakGlass": False,
        }
    ]


def test_an_event_is_read_back_as_it_was_written(decided):
    event = decision_event(*decided("d1", policies=("no-all-gpus",), exceptions=("own",)))
    record = AuditRecord(1, event.timestamp, "decision", payload_of(event), "", "")

    assert event_of(record) == event


def test_a_payload_that_is_no_decision_is_an_error_that_names_the_event():
    record = AuditRecord(7, "", "decision", '{"labels": 1}', "", "")

    with pytest.raises(AuditError, match="event 7 is not a decision"):
        event_of(record)


@cases(
    ("allowed", "dry_run", "operation", "ends_with", "granted"),
    [
        (True, False, "CREATE", "superseded", 1),
        (True, False, "UPDATE", "superseded", 1),
        (True, False, "DELETE", "released", 0),
        (True, False, "CHECK", None, 0),
        (True, True, "CREATE", None, 0),
        (True, True, "DELETE", None, 0),
        (False, False, "CREATE", None, 0),
        (False, False, "DELETE", None, 0),
    ],
)
def test_only_an_allowed_deployment_that_is_no_dry_run_moves_grants(
    decided, allowed, dry_run, operation, ends_with, granted
):
    event = decision_event(*decided("d1", allowed=allowed, dry_run=dry_run, operation=operation))

    assert (event.ends_with, len(event.granted)) == (ends_with, granted)


@cases(
    ("change", "reason"),
    [
        ({"project": "a\ud800b"}, "cannot be recorded as JSON"),
        ({"project": "a\0b"}, "its project has a NUL character"),
        ({"project": "é" * 151}, "its project has 302 bytes; the limit is 300$"),
    ],
)
def test_text_that_no_database_holds_is_refused(decided, change, reason):
    review, decision = decided("d1")

    with pytest.raises(AuditError, match=reason):
        payload_of(decision_event(review, msgspec.structs.replace(decision, **change)))


@cases("replicas", [2**63, 2**70])
def test_a_number_that_no_column_holds_is_refused(decided, replicas):
    review, decision = decided("d1")
    grant = msgspec.structs.replace(decision.grants[0], replicas=replicas)

    with pytest.raises(AuditError, match="its replicas is over 2\\^63"):
        payload_of(decision_event(review, msgspec.structs.replace(decision, grants=(grant,))))


def test_a_time_is_rfc_3339_in_utc_with_nanoseconds():
    assert rfc3339(0) == "1970-01-01T00:00:00.000000000Z"
    assert rfc3339(1_795_446_000_000_000_007) == "2026-11-23T15:00:00.000000007Z"
