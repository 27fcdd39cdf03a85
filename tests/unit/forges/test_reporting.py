"""Reports: hostile names become nothing but text."""

from __future__ import annotations

import pytest

from policyd.forges.comparison import Touched
from policyd.forges.projects import Judged
from policyd.forges.reporting import failed, report_of
from policyd.model import Decision, Location, Severity, Status, Violation

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

    report = report_of([Touched(denied(one), "newly-denied", (one,))])

    text = report.markdown
    assert "@" not in text.replace("&#64;", "")
    assert "#1" not in text
    assert "<img" not in text.replace("\\<img", "")
    (row,) = [line for line in text.splitlines() if line.startswith("| new")]
    assert row.replace("\\|", "").count("|") == 6
    assert "\n- d" not in text
    assert "\n" not in report.sentence


def test_annotations_are_of_new_violations_first_and_by_severity() -> None:
    found = [
        violation("old", "critical", 1),
        violation("low", "low", 2),
        violation("critical", "critical", 3),
    ]

    report = report_of([Touched(denied(*found), "newly-denied", tuple(found[1:]), (found[0],))])

    assert [one.title for one in report.annotations] == ["critical", "low", "old"]
    assert report.annotations[0].level == "failure"


@pytest.mark.thorough
def test_a_long_report_is_cut_at_a_line() -> None:
    many = tuple(violation(f"p{number}") for number in range(2_000))

    report = report_of([Touched(denied(*many), "newly-denied", many)])

    assert len(report.markdown) < 65_535
    assert report.markdown.endswith(" more lines do not fit into this text.\n")
    assert len(report.annotations) == 200


def test_what_could_not_be_reviewed_is_not_allowed() -> None:
    report = failed("the commit is gone")

    assert report.verdict == "error"
    assert report.sentence == "Not reviewed, so not allowed: the commit is gone"
