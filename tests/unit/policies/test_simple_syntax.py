"""Constants, names and paths in the syntax tree of Rego."""

from __future__ import annotations

import pytest

from policyd.policies.rego_values import Doubt
from policyd.policies.simple_syntax import (
    constant,
    dotted,
    is_constant,
    key_of,
    names_in,
    root_of,
    variable,
)
from policyd.policies.syntax_tree import parse
from tests.support.cases import cases


def expression(text):
    tree = parse("p.rego", f"package p\n\nx := {text}\n").tree
    return tree["rules"][0]["Spec"]["head"]["Compr"]["assign"]["value"]


@cases(
    ("text", "expected"),
    [
        ('"a"', "a"),
        ("`a`", "a"),
        ("3", 3),
        ("true", True),
        ("null", None),
        ('["a", [1]]', ("a", (1,))),
    ],
)
def test_constants_have_values(text, expected):
    assert is_constant(expression(text))
    assert constant(expression(text)) == expected


def test_a_set_is_a_constant():
    assert list(constant(expression('{"a", 1}')).by_form.values()) == ["a", 1]


@cases("text", ["a", "[a]", "{a}", "{`b`: 1}", "f(1)", "[x | some x in y]"])
def test_other_expressions_are_not_constant(text):
    assert not is_constant(expression(text))


@cases("text", ["1.5", "9007199254740993"])
def test_numbers_that_engines_may_round_are_in_doubt(text):
    with pytest.raises(Doubt):
        constant(expression(text))


@cases(
    ("text", "root", "names"),
    [
        ("w", "w", {"w"}),
        ("w.a[key].b", "w", {"w", "key"}),
        ('w["a"].b', "w", {"w"}),
        ("w[f(a)].b", "", {"w", "f", "a"}),
        ("w[0]", "", {"w"}),
        ("f(w).b", "", {"f", "w"}),
        ("[a | some b in c]", "", {"a", "b", "c"}),
    ],
)
def test_names_of_an_expression(text, root, names):
    assert (root_of(expression(text)), names_in(expression(text))) == (root, names)


def test_a_variable_is_a_name_alone():
    assert (variable(expression("w")), variable(expression("w.a"))) == ("w", "")


def test_a_key_is_a_text_or_an_expression():
    assert key_of(expression('"a"')) == "a"
    assert key_of(expression("a")) == expression("a")


def test_a_function_has_a_dotted_name():
    assert dotted(expression("a.b.c(1)")["Call"]["fcn"]) == "a.b.c"
    with pytest.raises(Doubt):
        dotted(expression('"a"'))
