from __future__ import annotations

import msgspec
import pytest

from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.formats.report.summary import by_policy, totals
from policyd.formats.report.terminal import Terminal
from policyd.model import Decision, Status, Undecided
from tests.support.reports import MIXED, VIOLATION, result

FINE, DENIED = result(source="fine"), result(VIOLATION)
BROKEN = Reviewed("broken", Decision("1", False, Status(422, "Invalid", "")))
FAILED = Reviewed("failed", Decision("1", False, Status(500, "InternalError", "")))


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report([FINE, FINE]), "2 projects: 2 allowed, 0 denied"),
        (Report([FINE, DENIED]), "2 projects: 1 allowed, 1 denied"),
        (Report([FAILED, DENIED]), "2 projects: 0 allowed, 2 denied"),
        (Report([FINE, BROKEN, BROKEN]), "3 projects: 1 allowed, 0 denied, 2 not loadable"),
        (MIXED, "4 projects: 1 allowed, 1 denied, 1 not loadable, 1 not decided"),
    ],
)
def test_denied_is_told_from_not_loadable_and_not_decided(report: Report, line: str) -> None:
    assert totals(report, Terminal()) == line


def test_only_a_run_in_which_all_is_allowed_is_green() -> None:
    coloured = Terminal(colour=True)

    assert totals(Report([FINE, FINE]), coloured) == (
        "2 projects: \x1b[1;32m2 allowed, 0 denied\x1b[0m"
    )
    assert "\x1b[1;31m" in totals(Report([FINE, BROKEN]), coloured)
    assert "\x1b[1;31m" in totals(Report([FINE], [Undecided("x", "gone")]), coloured)


def test_violations_are_counted_by_policy_and_action() -> None:
    warning = msgspec.structs.replace(VIOLATION, enforcement_action="warn")
    trial = msgspec.structs.replace(VIOLATION, enforcement_action="dryrun", policy="a")
    other = msgspec.structs.replace(VIOLATION, policy="no-privileged")

    assert list(
        by_policy([result(VIOLATION, VIOLATION, warning, trial), result(other), result(other)])
    ) == [
        "POLICY         ACTION  VIOLATIONS  PROJECTS",
        "no-privileged  deny    2           2",
        "no-all-gpus    deny    2           1",
        "no-all-gpus    warn    1           1",
        "a              dryrun  1           1",
    ]
    assert list(by_policy([FINE, BROKEN])) == []
