from __future__ import annotations

import json

from policyd import rego_tests
from policyd.formats.rego_tests import RegoTestRun, as_json, text
from policyd.model import Location
from policyd.rego_tests import CoverageReport, FileCoverage
from policyd.rego_trace import Step, Trace
from tests.support.cases import cases

PASSED = rego_tests.TestResult("test_one", Location("a_test.rego", 3, 1))
FAILED = rego_tests.TestResult("test_two", Location("a_test.rego", 9, 1), "is not true")
COVERAGE = CoverageReport(
    66.666,
    [
        FileCoverage("a.rego", 6, (3, 7, 8, 9), 60.0),
        FileCoverage("b.rego", 0, (), 100.0),
    ],
)
MEASURED = rego_tests.TestReport(tests=[PASSED], coverage=COVERAGE)


def test_only_failed_tests_are_listed_unless_all_are_wanted() -> None:
    report = rego_tests.TestReport(tests=[PASSED, FAILED])

    assert (
        text(RegoTestRun(report)) == "a_test.rego:9:1: test_two: is not true\n1 passed, 1 failed\n"
    )
    assert text(RegoTestRun(report, verbose=True)) == (
        "a_test.rego:3:1: test_one: passed\n"
        "a_test.rego:9:1: test_two: is not true\n"
        "1 passed, 1 failed\n"
    )


def test_what_a_test_printed_is_below_it() -> None:
    printing = rego_tests.TestResult("test_p", Location("a_test.rego", 5, 1), "", ("a:6: x",))
    report = rego_tests.TestReport(tests=[printing])

    assert text(RegoTestRun(report)) == "1 passed, 0 failed\n"
    assert text(RegoTestRun(report, verbose=True)) == (
        "a_test.rego:5:1: test_p: passed\n  a:6: x\n1 passed, 0 failed\n"
    )


def test_a_failed_test_shows_which_expression_failed() -> None:
    step = Step("x == 1", 6, "false", 1, 0, ({"x": [2]},))
    traced = Trace("data.a_test.test_two", Location("a_test.rego", 5, 1), (step,))
    failed = rego_tests.TestResult("test_two", traced.location, "is not true", (), (traced,))

    assert text(RegoTestRun(rego_tests.TestReport(tests=[failed]))).splitlines() == [
        "a_test.rego:5:1: test_two: is not true",
        "  a_test.rego:5:1: test_two does not hold",
        "    false        6: x == 1",
        f"{'':19}x = 2",
        "0 passed, 1 failed",
    ]


def test_a_failed_sample_is_named_once_and_has_a_hint() -> None:
    failed = rego_tests.TestResult("s.yaml", Location("s.yaml", 1, 1), "expected p, reported q")

    assert text(RegoTestRun(rego_tests.TestReport(tests=[failed]))).splitlines() == [
        "s.yaml:1:1: expected p, reported q",
        "To see what a policy does with a sample: "
        "policyd eval POLICY --trace -f SAMPLE --policy-set POLICY_SET",
        "0 passed, 1 failed",
    ]


def test_the_coverage_names_the_lines_that_no_test_evaluates() -> None:
    assert (
        text(RegoTestRun(MEASURED))
        == """\
1 passed, 0 failed

FILE    LINES  COVERED  NOT COVERED
a.rego  10     60.0 %   3, 7-9
b.rego  0      100.0 %

66.6 % of 10 lines covered
"""
    )


@cases(
    ("minimum", "last"),
    [
        (0, "66.6 % of 10 lines covered"),
        (66.666, "66.6 % of 10 lines covered"),
        (66.7, "66.6 % of 10 lines covered, below the minimum of 66.7 %"),
    ],
)
def test_coverage_below_the_minimum_is_stated(minimum: float, last: str) -> None:
    assert text(RegoTestRun(MEASURED, minimum=minimum)).splitlines()[-1] == last


def test_json_has_the_coverage_only_when_it_was_measured() -> None:
    one = {
        "name": "test_one",
        "location": {"file": "a_test.rego", "line": 3, "column": 1},
        "message": "",
        "printed": [],
        "traces": [],
    }
    plain = {"apiVersion": "policyd/v1", "kind": "TestReport", "tests": [one]}
    files = [
        {"file": "a.rego", "covered": 6, "missed": [3, 7, 8, 9], "percent": 60.0},
        {"file": "b.rego", "covered": 0, "missed": [], "percent": 100.0},
    ]

    assert json.loads(as_json(RegoTestRun(rego_tests.TestReport(tests=[PASSED])))) == plain
    assert json.loads(as_json(RegoTestRun(MEASURED))) == {
        **plain,
        "coverage": {"percent": 66.666, "files": files},
    }
