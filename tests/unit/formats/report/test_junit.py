from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from policyd.formats.report.entries import Report
from policyd.formats.report.junit import render
from tests.support.reports import MIXED, NOTHING, VIOLATION, result


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
