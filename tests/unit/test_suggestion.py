"""Suggestions for misspelt names."""

from __future__ import annotations

from policyd.suggestion import did_you_mean, nearest

KNOWN = ["privileged", "ports", "profiles"]


def test_nearest_name_is_suggested():
    assert nearest("privilegd", KNOWN) == "privileged"
    assert did_you_mean("port", KNOWN) == "; did you mean ports?"


def test_dissimilar_names_are_not_suggested():
    assert nearest("gpus", KNOWN) == ""
    assert did_you_mean("gpus", KNOWN) == ""
    assert did_you_mean("", []) == ""
