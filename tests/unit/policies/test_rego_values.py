"""Values as Rego reads them: equal, iterated, or in doubt."""

from __future__ import annotations

import msgspec
import pytest

from policyd.model import Review
from policyd.policies.rego_values import (
    UNDEFINED,
    Doubt,
    RegoSet,
    below_all,
    defined,
    different,
    equal,
    is_different,
    is_equal,
    is_in,
    is_true,
    items,
    starts_with,
    step,
    with_constant,
)
from tests.support.cases import cases


class Plain(msgspec.Struct):
    """A value of the input."""

    name: str = "a"
    path: tuple[str, ...] = ()


class Shortened(msgspec.Struct, omit_defaults=True):
    """A value whose keys are not always in the JSON."""

    name: str = "a"


class Other:
    """A value that JSON does not have."""


REVIEW = Review(uid="1", enforcement_point="ci", now=0)


@cases(
    ("value", "key", "expected"),
    [
        (Plain(), "name", "a"),
        ({"a": 1}, "a", 1),
        ({"a": 1}, "b", UNDEFINED),
        ({"a": 1}, 1, UNDEFINED),
        (None, "a", UNDEFINED),
        (UNDEFINED, "a", UNDEFINED),
        (REVIEW, "uid", "1"),
        (REVIEW, "dryRun", False),
        ((1, 2), 1, 2),
        ([1], 1, UNDEFINED),
    ],
)
def test_what_is_below_a_value(value, key, expected):
    assert step(value, key) == expected


@cases(
    ("value", "key"),
    [
        (Plain(), "other"),
        (Shortened(), "name"),
        (REVIEW, "dry_run"),
        ((1,), -1),
        ((1,), True),
        ((1,), "a"),
        ("text", "a"),
        (RegoSet("a"), "a"),
    ],
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


@cases(
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
        (("a", 1), ["a", 1], True),
        (("a", True), ["a", 1], False),
        ((("a",), "b"), (("a", "b"),), False),
        (RegoSet("ab"), RegoSet("ba"), True),
        (RegoSet("ab"), RegoSet("a"), False),
        (RegoSet(), (), False),
        ({}, [], False),
        ({"a": [1], "b": None}, {"b": None, "a": (1,)}, True),
        ({"a": 1}, {"a": True}, False),
        (Plain(), {"name": "a", "path": []}, True),
        (Plain(), Plain("b"), False),
    ],
)
def test_equal_values(left, right, expected):
    assert equal(left, right) is expected
    assert equal(right, left) is expected
    assert (is_equal(left, right), is_different(left, right)) == (expected, not expected)
    assert with_constant(is_equal, right)(left) is expected
    assert with_constant(is_different, right)(left) is not expected


@cases(("left", "right"), [((1.5,), (1,)), ({1: 1}, {}), (Shortened(), Plain()), (Other(), {})])
def test_values_without_a_canonical_form_are_in_doubt(left, right):
    with pytest.raises(Doubt):
        equal(left, right)


def test_a_comparison_with_nothing_does_not_hold():
    for holds in (is_equal, is_different):
        assert not holds(UNDEFINED, "a")
        assert not holds("a", UNDEFINED)
        assert not with_constant(holds, "a")(UNDEFINED)


def test_membership():
    assert is_in("a", ("b", "a"))
    assert is_in(1, {"x": 1})
    assert not is_in("x", {"x": 1})
    assert not is_in(UNDEFINED, ("a",))
    assert not is_in("a", UNDEFINED)
    for constant in (("a", "b"), ("a", 1), {"x": "a"}):
        known = with_constant(is_in, constant)
        assert [known(value) for value in ("a", "c", None, True, UNDEFINED)] == [
            is_in(value, constant) for value in ("a", "c", None, True, UNDEFINED)
        ]
        assert not known(("a",))


def test_what_is_below_all_values():
    assert below_all([Plain("a"), Plain("b")], "name") == ["a", "b"]
    assert below_all([{"name": "a"}, None], "name") == ["a", UNDEFINED]
    assert below_all([], "name") == []
    for value in (Shortened(), Plain()):
        with pytest.raises(Doubt):
            below_all([value, value], "name" if isinstance(value, Shortened) else "other")


def test_repeated_scalars_are_left_out():
    assert sorted(different(["b", "a", "b"])) == ["a", "b"]
    assert different([1, True, 1, None, (), (), 0.0]) == [1, True, None, 0.0, (), ()]


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
