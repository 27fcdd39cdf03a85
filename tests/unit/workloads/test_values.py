from __future__ import annotations

import math

from policyd.workloads.values import (
    entries,
    flag,
    integer,
    items,
    mapping,
    number,
    pairs,
    text,
    texts,
    variables,
)
from tests.support.cases import cases


def test_values_of_the_wanted_type_are_taken() -> None:
    tree = {
        "map": {"inner": {"a": 1}},
        "list": ["x", 1, True, 1.5, None, {"k": "v"}],
        "size": "-12",
        "count": 3,
        "cpus": 1.5,
        "on": True,
        "env": {"A": "x", "B": None, "C": 1e6},
    }

    assert mapping(tree, "map", "inner") == {"a": 1}
    assert next(items(tree, "list")) == (0, "x")
    assert list(entries(tree, "list")) == [(5, {"k": "v"})]
    assert texts(tree, "list") == ("x", "1", "true", "1.5", "", "")
    assert (integer(tree, "size"), integer(tree, "count")) == (-12, 3)
    assert (number(tree, "cpus"), number(tree, "count")) == (1.5, 3.0)
    assert flag(tree, "on") is True
    assert pairs(tree, "env") == {"A": "x", "B": "", "C": "1e+06"}
    assert variables(tree, "env") == {"A": "x", "B": None, "C": "1e+06"}


@cases("value", [None, "text", "", 5, 1.5, True, [], ["x"], {}, {"k": "v"}])
def test_values_of_any_other_type_are_empty(value: object) -> None:
    tree = {"key": value}

    assert mapping(tree, "key") == (value if isinstance(value, dict) else {})
    assert mapping(tree, "key", "k", "deeper") == {}
    assert list(items(tree, "key")) == ([(0, "x")] if value == ["x"] else [])
    assert flag(tree, "key") is (value is True)
    assert isinstance(text(tree, "key"), str)
    assert integer(tree, "key", 7) == (5 if value == 5 else 7)
    assert integer(tree, "no key") == 0
    assert number(tree, "key") == (value if type(value) in (int, float) else 0.0)
    assert pairs(tree, "key") == (value if isinstance(value, dict) else {})


@cases("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_none(value: float) -> None:
    assert number({"cpus": value}, "cpus") == 0.0
