"""What `!reset` and `!override` do to nodes."""

from __future__ import annotations

from typing import Any

from policyd.compose.nodes import Node, plain
from policyd.compose.yaml.reader import read_documents
from policyd.compose.yaml.reset_tags import drop, hidden_below, place_of
from policyd.errors import ComposeError
from tests.support.cases import cases


def read(text: str) -> Node:
    return read_documents(text.encode(), "f.yaml")[0].root


def test_dropped_node_has_the_value_and_knows_the_node_without_the_tag() -> None:
    node = Node("x", read("a: b\n").value["a"].mark)

    dropped = drop(node)

    assert (dropped.value, dropped.resets, dropped.tagged) == ("x", [()], node)
    assert place_of(dropped) == (0, 3)


def test_hidden_resets_are_found_except_below_a_further_tag() -> None:
    root = read("a: !override\n  b: {c: !reset 1, d: !override {e: !reset 2}}\n  f: [!reset 3]\n")

    children = root.value["a"].value.values()

    assert [place for child in children for place in hidden_below(child)] == [(1, 9), (2, 6)]


@cases(
    ("text", "value", "resets"),
    [
        ("a: !reset 1\nb: 2\n", {"b": 2}, [("a",)]),
        ("a: [1, !reset 2, 3]\n", {"a": [1, 3]}, [("a", "1")]),
        ("a: !override {b: 1}\n", {"a": {"b": 1}}, [("a",)]),
        ("a: !override {b: !reset 1}\n", {"a": {"b": "1"}}, [("a",)]),
        (
            "a: &a {b: !reset 1, c: 2}\nd: *a\n",
            {"a": {"c": 2}, "d": {"c": 2}},
            [("a", "b"), ("d", "b")],
        ),
    ],
)
def test_reset_removes_and_leaves_its_path(
    text: str, value: Any, resets: list[tuple[str, ...]]
) -> None:
    root = read(text)

    assert (plain(root), root.resets) == (value, resets)


def test_alias_reveals_a_reset_for_all_that_share_its_node() -> None:
    text = "a: !override\n  b: &b {c: !reset 1, d: 2}\n  e: *b\nf: *b\n"

    assert plain(read(text)) == {"a": {"b": {"d": 2}, "e": {"d": 2}}, "f": {"d": 2}}


def test_alias_reveals_a_reset_for_a_merge_before_it() -> None:
    text = "a: !override\n  b: &b {c: !reset 1, d: 2}\n  x: &x {c: 3}\n  e: {<<: [*b, *x]}\nf: *b\n"

    assert plain(read(text))["a"]["e"] == {"c": 3, "d": 2}


_TWICE = "{k: 1, k: 2}"


@cases(
    ("text", "error"),
    [
        # An alias of an `!override` reveals what is below a `!reset` in it, an alias below does not.
        (f"a: !reset\n- &o !override\n  - !reset {_TWICE}\nb: *o\n", "duplicate key 'k'"),
        (f"a: !reset\n- &p\n  - !override\n    - !reset {_TWICE}\nb: *p\n", "duplicate key 'k'"),
        (f"a: !reset\n- !override\n  - &p\n    - !reset {_TWICE}\nb: *p\n", ""),
        (f"a: !reset\n- &p\n  - !reset\n    - !override [!reset {_TWICE}]\nb: *p\n", ""),
        (f"a: !reset\n- !override\n  - &r !reset {_TWICE}\nb: *r\n", ""),
        (f"a: !reset\n- &p\n  - !reset {_TWICE}\nb: *p\n", ""),
        (
            f"a: !reset\n- !override\n  - !reset\n    c: &d {_TWICE}\nb: *d\n",
            "duplicate key 'k'",
        ),
        (
            f"a: !reset\n- &o !override\n  - !reset\n    - !override [!reset {_TWICE}]\nb: *o\n",
            "duplicate key 'k'",
        ),
        (
            f"a: !reset\n- !override\n  - &p\n    - !override [!reset {_TWICE}]\nb: *p\n",
            "duplicate key 'k'",
        ),
        (
            f"a: !reset\n- !override\n  - &p\n    - !reset [!override [!reset {_TWICE}]]\nb: *p\n",
            "",
        ),
        (
            "a: !reset\n- &o !override\n  - !reset {1: x}\nb: *o\n",
            "f.yaml:3:13: a key must be a string, found 1",
        ),
        ("a: !reset\n- !override\n  - &p\n    - !reset {1: x}\nb: *p\n", ""),
        ("a: !reset\n- &p\n  c: {1: x}\nb: [*p]\n", "f.yaml:3:7: a key must be a string, found 1"),
        # Below an `!override`, an alias of a `!reset` drops nothing, unless it is removed already.
        (f"a: &i !reset {_TWICE}\nb: !override {{l: *i}}\n", "duplicate key 'k'"),
        (f"a: &i {{m: !reset {_TWICE}}}\nb: !override {{l: *i}}\n", ""),
        (f"a: !reset {{n: &i {{m: !reset {_TWICE}}}}}\nb: !override {{l: *i}}\n", "duplicate key"),
        (f"a: !reset {{n: &i {{m: !reset {_TWICE}}}}}\nb: {{l: *i}}\n", ""),
        (f"a: !override {{c: &i {{d: !reset {_TWICE}}}, e: *i}}\nb: *i\n", ""),
        ("a: &i !reset {1: v}\nb: !override [*i]\n", "a key must be a string, found 1"),
        # An alias of what is around a `!reset` removes it for the `!override` too.
        (f"a: !override\n- &p\n  - !reset {_TWICE}\nb: *p\n", ""),
        (f"a: !override\n- &p\n  - !reset {_TWICE}\nb: !override [*p]\n", "duplicate key 'k'"),
        ("a: !override\n- &p\n  - !reset {c: {1: x}}\nb: *p\n", ""),
        ("a: !override\n- &p\n  - !reset {c: !!int x}\nb: {<<: {d: *p}}\n", ""),
    ],
)
def test_alias_of_an_override_reveals_the_errors_below_a_reset_in_it(text: str, error: str) -> None:
    try:
        read(text)
        found = ""
    except ComposeError as refused:
        found = str(refused)

    assert (error in found, bool(found)) == (True, bool(error))
