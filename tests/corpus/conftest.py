"""Print the share of labelled projects that agree, at the end of a test run."""

from __future__ import annotations

import pytest

_TESTS = {
    "violations": "test_violations_are_those_of_the_label",
    "grants": "test_grants_are_those_of_the_label",
    "the default set": "test_default_set_reports_what_the_label_says",
    "fixes": "test_remediation_holds_the_texts_of_the_label",
    "refusals": "test_what_compose_refuses_is_denied",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many of the labelled projects agree, if they were evaluated."""
    shares = []
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
    ]
    for what, test in _TESTS.items():
        for report in reports:
            counts = dict(report.user_properties).get("agreeing projects")
            if counts and report.nodeid.endswith(f"::{test}"):
                shares.append(f"{what} of {counts[0]} of {counts[1]}")
    if shares:
        terminalreporter.write_line(f"corpus: {', '.join(shares)} projects agree")
