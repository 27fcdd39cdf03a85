"""Anchors of a document, and the limits of aliases."""

from __future__ import annotations

from unittest.mock import sentinel

import pytest
from yaml import Mark

from policyd.compose.limits import MAX_DEPTH, MAX_EXPANDED_NODES, MAX_TEXT_GROWTH
from policyd.compose.nodes import Node, nodes
from policyd.compose.yaml.anchors import Anchors
from policyd.errors import ComposeError

MARK = Mark("f.yaml", 0, 2, 4, None, 0)


@pytest.fixture
def anchors() -> Anchors:
    found = Anchors()
    found.start_document()
    return found


def refusal(anchors: Anchors, name: str, values: int = 1, depth: int = 0) -> str:
    with pytest.raises(ComposeError) as error:
        anchors.node(name, MARK, values, depth)
    return str(error.value)


def test_alias_refers_to_the_last_node_of_its_name(anchors: Anchors) -> None:
    anchors.set("a", Node(1, sentinel.first), 1)
    anchors.set("a", Node(2, sentinel.second), 1)

    assert anchors.node("a", MARK, 1, 0).value == 2


def test_anchor_is_unknown_in_the_next_document(anchors: Anchors) -> None:
    anchors.set("a", Node(1, None), 1)
    anchors.start_document()

    assert refusal(anchors, "a") == "f.yaml:3:5: unknown anchor 'a'"


def test_anchor_cannot_contain_itself(anchors: Anchors) -> None:
    anchors.open("a")

    assert refusal(anchors, "a") == "f.yaml:3:5: the anchor 'a' contains itself"


def test_text_of_a_scalar_is_as_written(anchors: Anchors) -> None:
    anchors.set("a", Node(16, None), 1, "0x10")

    assert anchors.text("a") == "0x10"


def test_aliases_add_to_the_values_of_the_document(anchors: Anchors) -> None:
    anchors.set("a", nodes([1, 2], None), 3)

    anchors.node("a", MARK, 1, 0)

    assert anchors.added == 3
    assert refusal(anchors, "a", values=MAX_EXPANDED_NODES) == (
        f"f.yaml:3:5: aliases expand the document to more than {MAX_EXPANDED_NODES} values"
    )


def test_aliases_add_to_the_depth(anchors: Anchors) -> None:
    anchors.set("a", nodes([[1]], None), 3)

    anchors.node("a", MARK, 1, MAX_DEPTH - 2)
    assert refusal(anchors, "a", depth=MAX_DEPTH - 1) == (
        f"f.yaml:3:5: more than {MAX_DEPTH} levels of nesting"
    )


def test_characters_of_aliases_are_limited_for_the_whole_file(anchors: Anchors) -> None:
    half = Node("x" * (MAX_TEXT_GROWTH // 2), None)
    anchors.set("a", half, 1)
    anchors.node("a", MARK, 1, 0)
    anchors.node("a", MARK, 1, 0)
    anchors.start_document()
    anchors.set("a", half, 1)

    assert refusal(anchors, "a") == (
        f"f.yaml:3:5: aliases add more than {MAX_TEXT_GROWTH} characters"
    )
