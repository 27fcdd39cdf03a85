"""Reports: hostile names become nothing but text."""

from __future__ import annotations

import msgspec
import pytest

from policyd.forges.comparison import Touched
from policyd.forges.projects import Judged
from policyd.forges.reporting import failed, report_of
from policyd.model import Decision, Location, Severity, Status, Violation
from tests.support.cases import cases

HOSTILE = "a@b #1 <img src=x> [x](http://evil) | `c`\n- d"


def violation(policy: str, severity: Severity = "high", line: int = 1) -> Violation:
    return Violation(
        policy=policy,
        constraint=policy,
        enforcement_action="deny",
        severity=severity,
        message=HOSTILE,
        remediation="",
        service="web",
        location=Location("compose.yaml", line, 1),
    )


def denied(*violations: Violation) -> Judged:
    decision = Decision("u", False, Status(403, "Forbidden", ""), violations)
    return Judged(HOSTILE, decision)


def test_names_and_messages_make_no_mention_link_html_or_cell() -> None:
    one = violation("p")

    report = report_of([Touched(denied(one), "newly-denied", (one,))], {})

    text = report.markdown
    assert "@" not in text.replace("&#64;", "")
    assert "#1" not in text
    assert "<img" not in text.replace("\\<img", "")
    (row,) = [line for line in text.splitlines() if line.startswith("| new")]
    assert row.replace("\\|", "").count("|") == 6
    assert "\n- d" not in text
    assert "\n" not in report.sentence


@cases(
    ("changed", "expected"),
    [
        ({"compose.yaml": {2, 4}}, ["high 4", "low 2", "critical 3", "critical 1"]),
        ({"compose.yaml": {1}}, ["critical 1", "critical 3", "high 4", "low 2"]),
        ({"other.yaml": {1, 2, 4}}, ["critical 3", "critical 1", "high 4", "low 2"]),
        ({}, ["critical 3", "critical 1", "high 4", "low 2"]),
    ],
)
def test_violations_on_changed_lines_come_first_and_then_by_severity(
    changed: dict[str, frozenset[int]], expected: list[str]
) -> None:
    found = [
        violation("critical 1", "critical", 1),
        violation("low 2", "low", 2),
        violation("critical 3", "critical", 3),
        violation("high 4", "high", 4),
    ]
    touched = Touched(denied(*found), "newly-denied", tuple(found[1:]), (found[0],))

    report = report_of([touched], changed)

    assert [(one.title, one.line) for one in report.annotations] == [
        (name, int(name[-1])) for name in expected
    ]
    rows = [line for line in report.markdown.splitlines() if line.startswith("| ")][1:]
    ages = {"critical 1": "as before"}
    assert [row.split(" | ")[:2] for row in rows] == [
        [f"| {ages.get(name, 'new')}", name] for name in expected
    ]


def test_each_project_has_a_link_to_its_decision_and_the_report_to_one_that_denies() -> None:
    one = violation("p")
    decided = [
        msgspec.structs.replace(
            denied(*found),
            label=label,
            decision=msgspec.structs.replace(
                denied(*found).decision, decision_id=label, allowed=not found
            ),
        )
        for label, found in (("a", ()), ("b", (one,)), ("c", ()))
    ]
    touched = [
        Touched(decided[0], "allowed"),
        Touched(decided[1], "newly-denied", (one,)),
        Touched(Judged("d", problem="not readable"), "newly-denied"),
        Touched(decided[2], "removed"),
    ]

    report = report_of(touched, {}, "https://policyd.example/console/decisions/")

    assert report.url == "https://policyd.example/console/decisions/b"
    assert [line for line in report.markdown.splitlines() if line.startswith("**")] == [
        "**b** ([decision](https://policyd.example/console/decisions/b))",
        "**d**",
        "**a** ([decision](https://policyd.example/console/decisions/a))",
        "**c**",
    ]
    assert report_of(touched, {}).url == ""
    assert "decision](" not in report_of(touched, {}).markdown


def test_violations_that_do_not_deny_are_listed_and_annotated_as_what_they_are() -> None:
    found = [
        msgspec.structs.replace(violation(name, line=number), enforcement_action=action)
        for number, (name, action) in enumerate(
            [("dry", "dryrun"), ("warned", "warn"), ("denied", "deny")], start=1
        )
    ]

    report = report_of([Touched(denied(*found), "newly-denied", (found[2],))], {})

    rows = [line for line in report.markdown.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| new", "denied"],
        ["| dry run", "dry"],
        ["| warning", "warned"],
    ]
    assert [(one.title, one.level) for one in report.annotations] == [
        ("denied", "failure"),
        ("dry", "notice"),
        ("warned", "warning"),
    ]


@pytest.mark.thorough
def test_a_long_report_is_cut_at_a_line() -> None:
    many = tuple(violation(f"p{number}") for number in range(2_000))

    report = report_of([Touched(denied(*many), "newly-denied", many)], {})

    assert len(report.markdown) < 65_535
    assert report.markdown.endswith(" more lines do not fit into this text.\n")
    assert len(report.annotations) == 200


def test_what_could_not_be_reviewed_is_not_allowed() -> None:
    report = failed("the commit is gone")

    assert report.verdict == "error"
    assert report.sentence == "Not reviewed, so not allowed: the commit is gone"
