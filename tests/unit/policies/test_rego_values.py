"""Values as Rego reads them: equal, iterated, or in doubt."""

from __future__ import annotations

import msgspec
import pytest

from policyd.model import Review
from policyd.policies.rego_values import (
    UNDEFINED,
    Doubt,
    compared,
    defined,
    equal,
    is_in,
    is_true,
    items,
    starts_with,
    step,
)


class Plain(msgspec.Struct):
    """A value of the input."""

    name: str = "a"
    path: tuple[str, ...] = ()


class Shortened(msgspec.Struct, omit_defaults=True):
    """A value whose keys are not always in the JSON."""

    name: str = "a"


REVIEW = Review(uid="1", enforcement_point="ci", now=0)


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        (Plain(), "name", "a"),
        ({"a": 1}, "a", 1),
        ({"a": 1}, "b", UNDEFINED),
        ({"a": 1}, 1, UNDEFINED),
        (None, "a", UNDEFINED),
        (UNDEFINED, "a", UNDEFINED),
        (REVIEW, "uid", "1"),
    ],
)
def test_what_is_below_a_value(value, key, expected):
    assert step(value, key) == expected


@pytest.mark.parametrize(
    ("value", "key"),
    [(Plain(), "other"), (Shortened(), "name"), (REVIEW, "dry_run"), ((1,), 0), ("text", "a")],
)
def test_what_is_below_other_values_is_in_doubt(value, key):
    with pytest.raises(Doubt):
        step(value, key)


def test_items_are_those_of_lists_and_mappings():
    assert list(items(("a", "b"))) == [(0, "a"), (1, "b")]
    assert list(items({"a": 1})) == [("a", 1)]
    assert list(items(UNDEFINED)) == []
    for other in ("text", None, 1, Plain()):
        with pytest.raises(Doubt):
            items(other)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("1", 1, False),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        (None, None, True),
        (None, False, False),
        ("a", ("a",), False),
        ((), [], True),
        (("a",), [], False),
    ],
)
def test_equal_values(left, right, expected):
    assert equal(left, right) is expected
    assert equal(right, left) is expected
    assert (compared(left, right, True), compared(left, right, False)) == (expected, not expected)


@pytest.mark.parametrize(("left", "right"), [((1,), (1,)), ({}, {}), (Plain(), Plain()), ({}, [])])
def test_containers_are_in_doubt(left, right):
    with pytest.raises(Doubt):
        equal(left, right)


def test_a_comparison_with_nothing_does_not_hold():
    assert not compared(UNDEFINED, "a", True)
    assert not compared("a", UNDEFINED, False)


def test_membership():
    assert is_in("a", ("b", "a"))
    assert is_in(1, {"x": 1})
    assert not is_in("x", {"x": 1})
    assert not is_in(UNDEFINED, ("a",))
    assert not is_in("a", UNDEFINED)


def test_a_value_alone_holds_unless_it_is_false_or_nothing():
    assert [is_true(value) for value in (True, 0, "", None, ())] == [True] * 5
    assert [is_true(value) for value in (False, UNDEFINED)] == [False] * 2


def test_functions_of_other_values_are_in_doubt():
    assert (starts_with("abc", "ab"), starts_with("abc", "b")) == (True, False)
    assert defined(None) is None
    for text, prefix in ((None, "a"), ("a", 1), (UNDEFINED, "a")):
        with pytest.raises(Doubt):
            starts_with(text, prefix)
    with pytest.raises(Doubt):
        defined(UNDEFINED)
