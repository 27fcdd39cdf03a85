"""Print the number of conformance cases that agree at the end of a test run."""

from __future__ import annotations

import pytest

from tests.conformance.case import CASES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print "conformance: N of TOTAL agree" when the cases were run."""
    agreeing = [
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, value in report.user_properties
        if name == "agreeing cases"
    ]
    if agreeing:
        total = len(list(CASES.glob("*/*.txtar")))
        terminalreporter.write_line(f"conformance: {sum(agreeing)} of {total} agree")
