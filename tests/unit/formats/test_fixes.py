from __future__ import annotations

from policyd.formats.fixes import FixReport, text
from policyd.model import Location, Violation

VIOLATION = Violation(
    "p", "p", "deny", "high", "bad \x1b", "Fix it.", "web", (), Location("a", 1, 2)
)


def test_a_report_counts_what_is_fixed_by_policy_and_says_why_others_remain() -> None:
    report = FixReport("a", [VIOLATION, VIOLATION], [(VIOLATION, "it is odd")], applied=True)

    assert text(report) == (
        "a: 2 violations fixed, 1 remains\n"
        "  fixed: p (2): Fix it.\n"
        "  remains: a:1:2: p: bad \\x1b\n"
        "    fix: Fix it.\n"
        "    not fixed automatically: it is odd\n"
    )


def test_a_project_that_was_not_evaluated_has_nothing_to_fix() -> None:
    assert text(FixReport("a", [], [], "it is broken")) == "a: nothing to fix: it is broken\n"
