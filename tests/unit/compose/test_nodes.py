"""Nodes: values with their places, and what can be asked about them."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import Node, count, describe, extent, nodes, plain, text_of
from policyd.compose.yaml.reader import read_documents
from policyd.errors import ComposeError
from policyd.model import Location
from tests.support.cases import cases

TREE: dict[str, Any] = {"a": ["x", {"b": "yz"}], "c": None}


def tree(text: str) -> Node:
    return read_documents(text.encode(), "f.yaml")[0].root


def test_location_counts_lines_and_columns_from_1() -> None:
    assert tree("a:\n  b: c\n").value["a"].value["b"].location == Location("f.yaml", 2, 6)


def test_node_without_a_mark_has_no_location() -> None:
    assert Node(1, None).location is None


def test_with_value_makes_a_new_node_at_the_same_place() -> None:
    old = tree("a: b\n").value["a"]

    new = old.with_value(2)

    assert (new.value, new.location, old.value) == (2, old.location, "b")


def test_with_resets_leaves_the_old_node_as_it_is() -> None:
    old = Node("x", None)

    new = old.with_resets([("a",)])

    assert (new.value, new.resets, old.resets) == ("x", [("a",)], None)


def test_plain_is_the_opposite_of_nodes() -> None:
    assert plain(nodes(TREE, None)) == TREE


def test_nodes_are_all_at_the_given_mark() -> None:
    mark = tree("a: b\n").value["a"].mark

    root = nodes(TREE, mark)

    assert root.value["a"].value[1].value["b"].mark is mark


def test_extent_is_characters_and_levels() -> None:
    assert extent(nodes(TREE, None)) == (3, 4)
    assert extent(nodes([], None)) == (0, 1)


def test_count_includes_the_node_itself() -> None:
    assert count(nodes(TREE, None)) == 6


@cases(
    ("text", "name"),
    [
        ("{}", "a mapping"),
        ("[]", "a list"),
        ("x", "a string"),
        ("true", "a boolean"),
        ("1", "an integer"),
        ("1.5", "a number"),
        ("null", "nothing (null)"),
        ("2024-01-01", "a timestamp"),
    ],
)
def test_describe_names_the_kind_of_value(text: str, name: str) -> None:
    assert describe(tree(f"a: {text}\n").value["a"]) == name


def test_text_of_nothing_is_empty() -> None:
    assert text_of(None, "include.path") == ""
    assert text_of(Node(None, None), "include.path") == ""


def test_text_of_another_value_is_refused_with_its_place() -> None:
    with pytest.raises(ComposeError) as refusal:
        text_of(tree("a: [b]\n").value["a"], "include.path")

    assert str(refusal.value) == "f.yaml:1:4: include.path: expected a path, found a list"
