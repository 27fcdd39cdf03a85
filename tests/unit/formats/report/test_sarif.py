"""SARIF: the properties that GitHub requires; integration tests validate against the schema."""

from __future__ import annotations

import json

import msgspec
import pytest

from policyd.formats.report.entries import Report
from policyd.formats.report.sarif import MAX_RESULTS, render, uri
from policyd.model import Location
from policyd.policies.policy_set import load_policy_set
from tests.support.cases import cases
from tests.support.reports import MIXED, NOTHING, VIOLATION, result


def run_of(report: Report) -> dict:
    [run] = json.loads(render(report))["runs"]
    return run


def test_a_result_has_rule_place_fingerprint_and_level() -> None:
    policies = load_policy_set().policies
    run = run_of(msgspec.structs.replace(MIXED, policies=policies))
    rules = run["tool"]["driver"]["rules"]

    found = next(one for one in run["results"] if one["ruleId"] == "no-all-gpus")
    assert found["level"] == "error"
    assert found["message"] == {"text": "service train asks for every GPU. Name the GPUs."}
    assert found["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "compose.yaml"},
                "region": {"startLine": 4, "startColumn": 5, "endColumn": 14},
            }
        }
    ]
    assert rules[found["ruleIndex"]]["id"] == "no-all-gpus"
    assert rules[found["ruleIndex"]]["properties"]["security-severity"] == "8.0"
    assert rules[found["ruleIndex"]]["shortDescription"]["text"] == policies["no-all-gpus"].title
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert all(
        rule[key]["text"]
        for rule in rules
        for key in ("shortDescription", "fullDescription", "help")
    )


def test_an_exempted_violation_is_a_suppressed_result() -> None:
    suppressed = [one for one in run_of(MIXED)["results"] if "suppressions" in one]

    assert [one["ruleId"] for one in suppressed] == ["no-privileged"]
    assert suppressed[0]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "full-node: until the scheduler lands "
            "(approved by security@acme.example)",
        }
    ]


def test_a_run_that_decided_nothing_was_not_successful() -> None:
    assert run_of(NOTHING)["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {"level": "error", "message": {"text": "gone: No such file or directory"}}
            ],
        }
    ]
    assert run_of(Report([]))["invocations"] == [{"executionSuccessful": True}]


@pytest.mark.slow
def test_no_more_results_than_are_accepted() -> None:
    many = result(*[VIOLATION] * (MAX_RESULTS + 1))

    assert len(run_of(Report([many]))["results"]) == MAX_RESULTS


@cases(
    ("file", "expected"),
    [
        ("compose.yaml", "compose.yaml"),
        ("./a//b c/compose.yaml", "a/b%20c/compose.yaml"),
        ("ä#?.yaml", "%C3%A4%23%3F.yaml"),
        ("a:b\\c.yaml", "a%3Ab%5Cc.yaml"),
    ],
)
def test_a_path_becomes_a_relative_uri(file: str, expected: str) -> None:
    assert uri(file) == expected


def test_a_violation_without_a_place_points_to_the_project() -> None:
    nowhere = msgspec.structs.replace(VIOLATION, location=None)
    [found] = run_of(Report([result(nowhere)]))["results"]

    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "app"}, "region": {"startLine": 1}}
    broken = msgspec.structs.replace(VIOLATION, location=Location("compose.yaml", 4, 500))
    [found] = run_of(Report([result(broken)]))["results"]
    assert found["locations"][0]["physicalLocation"]["region"]["endColumn"] == 501
