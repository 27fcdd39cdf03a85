"""The results of the tests of policies, and the coverage of the Rego.

In: a TestReport. Out: failed tests, a summary and a table of the coverage; or the report as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from policyd.formats import json, rego_trace
from policyd.formats.rego_trace import PolicyTrace
from policyd.formats.table import table, visible
from policyd.rego_tests import TestReport, TestResult

SEE: Final = (
    "To see what a policy does with a sample: "
    "policyd eval POLICY --trace -f SAMPLE --policy-set POLICY_SET"
)
HEADER: Final = ("FILE", "LINES", "COVERED", "NOT COVERED")


class RegoTestRun(msgspec.Struct, frozen=True):
    """A report; whether passed tests are listed too, and the minimum of the coverage in percent."""

    report: TestReport
    verbose: bool = False
    minimum: float | None = None


def text(run: RegoTestRun, *, colour: bool = False) -> str:
    """Return the failed tests, their number, and the coverage if it was measured."""
    lines = [*_tests(run.report.tests, run.verbose), *_coverage(run)]
    return "\n".join(lines) + "\n"


def as_json(run: RegoTestRun, *, colour: bool = False) -> str:
    """Return the TestReport."""
    return json.render(run.report)


def _tests(results: Sequence[TestResult], verbose: bool) -> Iterator[str]:
    for result in results:
        if not result.passed or verbose:
            yield visible(f"{_named(result)}: {result.message or 'passed'}")
            yield from (visible(f"  {line}") for line in result.printed)
            yield from (f"  {line}" for line in rego_trace.lines(PolicyTrace(result.traces)))
    if any(_is_sample(result) and not result.passed for result in results):
        yield SEE
    failed = sum(not result.passed for result in results)
    yield f"{len(results) - failed} passed, {failed} failed"


def _named(result: TestResult) -> str:
    """Return place and name of a test. A sample is named by its file."""
    return f"{result.location}" if _is_sample(result) else f"{result.location}: {result.name}"


def _is_sample(result: TestResult) -> bool:
    return result.name == result.location.file


def _coverage(run: RegoTestRun) -> Iterator[str]:
    coverage, minimum = run.report.coverage, run.minimum
    if coverage is msgspec.UNSET:
        return
    lines = [file.covered + len(file.missed) for file in coverage.files]
    rows = [
        (file.file, str(count), _percent(file.percent), ", ".join(_ranges(file.missed)))
        for file, count in zip(coverage.files, lines, strict=True)
    ]
    yield ""
    yield from table(HEADER, rows)
    yield ""
    is_below = minimum is not None and coverage.percent < minimum
    below = f", below the minimum of {minimum:g} %" if is_below else ""
    yield f"{_percent(coverage.percent)} of {sum(lines)} lines covered{below}"


def _percent(value: float) -> str:
    """Return a percentage with one decimal, rounded down, so that 100.0 means all lines."""
    return f"{math.floor(value * 10) / 10:.1f} %"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """Yield sorted `lines` as ranges: "3", "7-9"."""
    for _, group in groupby(enumerate(lines), lambda pair: pair[1] - pair[0]):
        neighbours = [line for _, line in group]
        first, last = neighbours[0], neighbours[-1]
        yield f"{first}-{last}" if last > first else str(first)
