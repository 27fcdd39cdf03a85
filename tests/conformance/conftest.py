"""Print the number of conformance cases that agree at the end of a test run."""

from __future__ import annotations

import pytest

from tests.conformance.case import CASES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print "conformance: N of TOTAL agree" when the cases were run."""
    ran = {
        outcome: [
            report
            for report in terminalreporter.stats.get(outcome, [])
            if "test_conformance.py::test_loads_as_compose_does" in report.nodeid
        ]
        for outcome in ("passed", "failed")
    }
    if ran["passed"] or ran["failed"]:
        total = len(list(CASES.glob("*/*.txtar")))
        terminalreporter.write_line(f"conformance: {len(ran['passed'])} of {total} agree")
