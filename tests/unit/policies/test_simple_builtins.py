"""Built-in functions return here what they return in the embedded engine, or are in doubt."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyd.engines.embedded import interpreter
from policyd.policies.rego_values import Doubt, RegoSet
from policyd.policies.simple_builtins import BUILTINS
from tests.support.cases import cases

ENGINE = interpreter({}, {})


def in_engine(name, arguments):
    """Return the value of a call in the embedded engine; None where it is undefined or fails."""
    ENGINE.set_input_json(msgspec.json.encode(arguments).decode())
    given_ = ", ".join(f"input[{place}]" for place in range(len(arguments)))
    try:
        answer = msgspec.json.decode(ENGINE.eval_query_as_json(f"x := {name}({given_})"))
    except RuntimeError:
        return None
    return answer["result"][0]["bindings"]["x"] if answer.get("result") else None


def plain(value):
    if isinstance(value, RegoSet):
        return sorted(value.by_form.values())
    return list(value) if isinstance(value, tuple) else value


@cases(
    ("name", "arguments", "expected"),
    [
        ("array.concat", [["a"], [1]], ["a", 1]),
        ("concat", ["/", ["a", "b"]], "a/b"),
        ("contains", ["abc", "b"], True),
        ("count", [{"a": 1}], 1),
        ("endswith", ["abc", "bc"], True),
        ("indexof", ["a:b", ":"], 1),
        ("indexof", ["ab", ":"], -1),
        ("is_array", [{}], False),
        ("is_object", [{}], True),
        ("is_string", [None], False),
        ("lower", ["aB"], "ab"),
        ("max", [[1, 3, 2]], 3),
        ("min", [[1, 3, 2]], 1),
        ("object.get", [{"a": 1}, "a", 2], 1),
        ("object.get", [{"a": 1}, "b", 2], 2),
        ("object.keys", [{"a": 1, "b": 2}], ["a", "b"]),
        ("object.union", [{"a": 1, "b": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ("regex.match", ["(?i)^a[bc]+$", "ABcB"], True),
        ("regex.match", ["^a$", "ab"], False),
        ("regex.match", ["(^|=)[0-9]+(:[0-9]+)?$", "gpu=1:2"], True),
        (
            "regex.match",
            ["(?i)(^|_)(token|api_?key|private_?key|credentials?)$", "MY_APIKEY"],
            True,
        ),
        ("regex.match", ["(a|b|c|d)(e|f|g|h)(i|j)", "bgj"], True),  # 32 combinations
        ("regex.match", ["(a|b?)(c|d?|(e|f)?)[.+]x", "f+x"], True),
        ("replace", ["a:b:c", ":", "="], "a=b=c"),
        ("sort", [["b", "a", "b"]], ["a", "b", "b"]),
        ("split", ["a,,b", ","], ["a", "", "b"]),
        ("sprintf", ["%s has %d", ["x", 3]], "x has 3"),
        ("startswith", ["abc", "ab"], True),
        ("substring", ["abc", 1, -1], "bc"),
        ("substring", ["abc", 0, 2], "ab"),
        ("sum", [[1, 2, 3]], 6),
        ("to_number", [3], 3),
        ("trim_left", ["00a0", "0"], "a0"),
        ("trim_prefix", ["abc", "a"], "bc"),
        ("trim_right", ["a//", "/"], "a"),
        ("trim_space", ["  a b "], "a b"),
        ("trim_suffix", ["abc", "c"], "ab"),
        ("upper", ["aB"], "AB"),
    ],
)
def test_a_call_has_the_value_that_it_has_in_the_engine(name, arguments, expected):
    assert plain(BUILTINS[name].call(*arguments)) == expected
    found = in_engine(name, arguments)
    assert (sorted(found) if name == "object.keys" else found) == expected


def test_the_empty_set_is_a_call():
    assert BUILTINS["set"].call().by_form == {}


@cases(
    ("name", "arguments"),
    [
        ("count", ["text"]),
        ("concat", [",", ["a", 1]]),
        ("contains", [None, "a"]),
        ("indexof", ["a", ""]),
        ("is_string", [object()]),
        ("lower", ["Ä"]),
        ("max", [[]]),
        ("object.get", [None, "a", 1]),
        ("object.get", [{}, 1, 1]),
        ("object.keys", [["a"]]),
        ("object.union", [{"a": {}}, {"a": {}}]),
        ("object.union", [[], {}]),
        ("regex.match", ["^(a+)+$", "a"]),
        ("regex.match", ["a*b*c*", "a"]),
        ("regex.match", ["(a|a)" * 30 + "b", "a" * 60]),
        ("regex.match", ["(a|aa)" * 40 + "b", "a" * 60]),
        ("regex.match", ["a?" * 30 + "a" * 30, "a" * 29]),
        ("regex.match", ["(a|b|c|d)(e|f|g|h)(i|j|k)", "bgj"]),
        ("regex.match", ["(a|b|c|d)((e|f|g|h)|(i|j|k))?(m|n?)", "bgj"]),
        ("regex.match", ["a)(b", "a"]),
        ("regex.match", ["(?s)a", "a"]),
        ("regex.match", [r"\d", "1"]),
        ("regex.match", ["[a", "a"]),
        ("regex.match", ["(", "a"]),
        ("regex.match", ["a$", "a\n"]),
        ("regex.match", ["(?i)k", "\u212a"]),
        ("regex.match", ["a", "a" * 129]),
        ("replace", ["abc", "", "x"]),
        ("sort", [["a", 1]]),
        ("split", ["abc", ""]),
        ("sprintf", ["%v", ["a"]]),
        ("sprintf", ["%s", ["a", "b"]]),
        ("sprintf", ["%s", [1]]),
        ("sprintf", ["%d", [1.5]]),
        ("substring", ["abc", -1, 2]),
        ("substring", ["abc", 4, 2]),
        ("sum", [[1, "2"]]),
        ("sum", [[True]]),
        ("to_number", ["1"]),
        ("trim_space", ["\ta"]),
        ("upper", ["ß"]),
    ],
)
def test_a_call_that_engines_may_read_differently_is_in_doubt(name, arguments):
    with pytest.raises(Doubt):
        BUILTINS[name].call(*arguments)


VALUES = st.recursive(
    st.text("aB/:=. %0", max_size=4) | st.integers(-3, 9) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=1), inner),
    max_leaves=4,
)


@pytest.mark.thorough
@given(st.sampled_from(sorted(BUILTINS)), st.lists(VALUES, min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_call_with_any_values_is_as_in_the_engine_or_in_doubt(name, values):
    arguments = values[: BUILTINS[name].arity]
    try:
        found = plain(BUILTINS[name].call(*arguments))
    except Doubt:
        return
    expected = in_engine(name, arguments)
    assert (sorted(expected) if name == "object.keys" else expected) == found
