"""Generated functions see the objects that are named, and nothing else."""

from __future__ import annotations

import pytest

from policyd.model import Review
from policyd.policies.rego_values import UNDEFINED, Doubt
from policyd.policies.simple_source import (
    MAX_DEPTH,
    Block,
    Namespace,
    defined,
    object_of,
    same,
)


def test_a_function_uses_named_objects():
    namespace = Namespace()
    name = namespace.name({"a": 1})
    function = namespace.define(["x"], [f"return {namespace.field('a')}({name}) == x"])

    assert namespace.function(function)(1)
    assert namespace.field("a") == namespace.field("a")


def test_a_function_has_no_built_in_functions_of_python():
    namespace = Namespace()
    function = namespace.function(namespace.define([], ["return open"]))

    with pytest.raises(NameError):
        function()


def test_code_that_python_does_not_accept_is_in_doubt():
    with pytest.raises(Doubt):
        Namespace().define([], [f"return {'(' * 300}1{')' * 300}"])


def test_a_block_indents_what_follows():
    block = Block()
    block.open("for x in y:")
    block.open("if x:")
    block.add("return x")

    assert block.lines == ["for x in y:", " if x:", "  return x"]


def test_loops_have_a_depth():
    block = Block()
    for _ in range(MAX_DEPTH):
        block.open("for x in y:")
    with pytest.raises(Doubt):
        block.open("for x in y:")


def test_a_field_is_that_of_objects_and_structs():
    namespace = Namespace()
    uid = namespace.function(namespace.field("uid"))
    review = Review(uid="1", enforcement_point="ci", now=0)

    assert [uid(each) for each in ({"uid": 2}, {}, review, review, None)] == [
        2,
        UNDEFINED,
        "1",
        "1",
        UNDEFINED,
    ]
    with pytest.raises(Doubt):
        uid("text")


def test_values_are_defined_or_in_doubt():
    assert defined(None) is None
    with pytest.raises(Doubt):
        defined(UNDEFINED)


def test_an_object_has_one_value_for_a_key():
    assert object_of([("a", 1), ("b", 2), ("a", 1)]) == {"a": 1, "b": 2}
    for pairs in ([("a", 1), ("a", 2)], [(1, 1)]):
        with pytest.raises(Doubt):
            object_of(pairs)


def test_two_definitions_give_the_same_value_or_none():
    value = {"x": 1}

    assert same(UNDEFINED, 1) == 1
    assert same(1, UNDEFINED) == 1
    assert same(value, value) is value
    assert same(["a"], ("a",)) == ["a"]
    for left, right in ((1, 2), (1, True), ({"x": 1.5}, {"x": 1.5})):
        with pytest.raises(Doubt):
            same(left, right)
