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
    """Print how many of the labelled projects agree, when they were judged."""
    shares = []
    for what, test in _TESTS.items():
        passed, failed = (
            sum(test in report.nodeid for report in terminalreporter.stats.get(outcome, []))
            for outcome in ("passed", "failed")
        )
        if passed or failed:
            shares.append(f"{what} of {passed} of {passed + failed}")
    if shares:
        terminalreporter.write_line(f"corpus: {', '.join(shares)} projects agree")
