"""The formats of reports: all are there, and each is imported when it is first used."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from policyd.formats import report
from policyd.formats.report.available import NAMES, REPORT


def test_each_name_is_a_module_with_a_function_that_renders():
    assert [REPORT[name] for name in REPORT] == [
        importlib.import_module(f"policyd.formats.report.{name}").render for name in NAMES
    ]
    assert len(REPORT) == len(NAMES) == 9


def test_every_module_that_renders_a_whole_report_is_listed():
    modules = [one.name for one in pkgutil.iter_modules(report.__path__)]
    rendering = {
        name
        for name in modules
        if hasattr(importlib.import_module(f"policyd.formats.report.{name}"), "render")
    }

    assert rendering == set(NAMES)


@pytest.mark.parametrize("name", ["reviewed", "available", "no-such"])
def test_other_names_are_not_formats(name):
    assert name not in REPORT
    with pytest.raises(KeyError):
        REPORT[name]
