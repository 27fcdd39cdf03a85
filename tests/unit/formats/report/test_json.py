from __future__ import annotations

import json

from policyd.formats.report.entries import Report
from policyd.formats.report.json import render
from policyd.formats.report.reviewed import Reviewed
from policyd.model import Decision, Grant, Location, PolicySetRevision, Status, Violation


def test_a_decision_list_has_the_fields_of_a_response_and_the_source() -> None:
    decision = Decision(
        uid="u1",
        allowed=False,
        status=Status(403, "Forbidden", "1 policy denies"),
        violations=(
            Violation(
                policy="no-all-gpus",
                constraint="c1",
                enforcement_action="deny",
                severity="high",
                message="m",
                remediation="r",
                service="train",
                path=("services", "train", "gpus", 0),
                location=Location("compose.yaml", 4, 11),
            ),
        ),
        grants=(Grant("train", "nvidia", "gpus", {"count": 2}, 1, ("services", "train")),),
        policy_set=PolicySetRevision("default", "sha256:00"),
        engine="embedded",
        decision_id="d1",
        project="train",
        bundle_digest="sha256:11",
    )

    assert json.loads(render(Report([Reviewed("some/path", decision)]))) == {
        "apiVersion": "policyd/v1",
        "kind": "DecisionList",
        "decisions": [
            {
                "source": "some/path",
                "uid": "u1",
                "allowed": False,
                "status": {"code": 403, "reason": "Forbidden", "message": "1 policy denies"},
                "violations": [
                    {
                        "policy": "no-all-gpus",
                        "constraint": "c1",
                        "enforcementAction": "deny",
                        "severity": "high",
                        "message": "m",
                        "remediation": "r",
                        "service": "train",
                        "path": ["services", "train", "gpus", 0],
                        "location": {"file": "compose.yaml", "line": 4, "column": 11},
                    }
                ],
                "warnings": [],
                "exempted": [],
                "grants": [
                    {
                        "service": "train",
                        "vendor": "nvidia",
                        "method": "gpus",
                        "devices": {"count": 2},
                        "replicas": 1,
                        "path": ["services", "train"],
                    }
                ],
                "notEvaluated": [],
                "images": [],
                "auditAnnotations": {},
                "policySet": {"name": "default", "revision": "sha256:00"},
                "engine": "embedded",
                "decisionId": "d1",
                "project": "train",
                "bundleDigest": "sha256:11",
                "composeVersion": "",
            }
        ],
        "undecided": [],
    }


def test_characters_that_a_terminal_obeys_are_escaped_and_mean_the_same() -> None:
    name = "a\x1b\x7f\x9b\u202e\u2028é"
    text = render(Report([Reviewed(name, Decision("1", True, Status(200, "OK", "")))]))

    assert text.isprintable() or set(text) - set("\n") == {c for c in text if c.isprintable()}
    assert json.loads(text)["decisions"][0]["source"] == name


def test_no_projects_give_an_empty_list() -> None:
    assert json.loads(render(Report([])))["decisions"] == []
