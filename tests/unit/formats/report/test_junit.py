from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from policyd.formats.report.entries import Report, entries
from policyd.formats.report.junit import render
from policyd.formats.table import visible
from tests.support.reports import EVIL, HOSTILE, MIXED, NOTHING, VIOLATION, result


def test_each_project_is_a_suite_with_a_case_for_each_entry() -> None:
    suites = ElementTree.fromstring(render(MIXED))

    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in suites] == [
        ("app", "3", "1"),
        ("broken", "1", "1"),
        ("fine", "1", "0"),
        ("gone", "1", "0"),
    ]
    [case] = [case for case in suites[0] if case.find("failure") is not None]
    assert (case.get("name"), case.get("file")) == ("no-all-gpus train", "compose.yaml")
    assert case[0].get("message") == (
        "compose.yaml:4:5: service train asks for every GPU. Name the GPUs."
    )
    assert suites[2][0].get("name") == "no violation"


def test_names_are_unique() -> None:
    [suite] = ElementTree.fromstring(render(Report([result(VIOLATION, VIOLATION)])))

    assert [case.get("name") for case in suite] == ["no-all-gpus train", "no-all-gpus train (2)"]


def test_what_was_not_decided_is_an_error() -> None:
    [suite] = ElementTree.fromstring(render(NOTHING))

    assert suite.get("errors") == "1"
    assert suite[0][0].get("message") == "No such file or directory"


@pytest.mark.parametrize("report", [MIXED, NOTHING, HOSTILE, Report([])])
def test_a_reader_of_junit_finds_each_entry(report: Report) -> None:
    document = render(report)
    suites = list(JUnitXml.fromstring(document.encode()))
    levels = [entry.level for entry in entries(report)]

    results = [[type(one) for case in suite for one in case.result] for suite in suites]
    found = Counter(itertools.chain.from_iterable(results))
    assert found[Failure] == levels.count("error")
    assert found[Skipped] == len(levels) - levels.count("error")
    assert found[Error] == len(report.undecided)
    for written, suite, own in zip(ElementTree.fromstring(document), suites, results, strict=True):
        counts = [written.get(name) for name in ("tests", "failures", "errors", "skipped")]
        expected = [len(list(suite)), *map(own.count, (Failure, Error, Skipped))]
        assert counts == list(map(str, expected))


def test_hostile_text_stays_text() -> None:
    [suite, undecided] = JUnitXml.fromstring(render(HOSTILE).encode())

    assert (suite.name, undecided.name) == (visible(EVIL), visible(EVIL))
    [[failure]] = [case.result for case in suite]
    assert visible(EVIL) in failure.message
