"""Unusual entries of a mapping."""

from __future__ import annotations

import pytest
from yaml import Mark

from policyd.compose.nodes import Node, plain
from policyd.compose.yaml.mapping_entries import Key, MappingEntries, require_string_keys
from policyd.compose.yaml.merge_keys import SourceMapping
from policyd.compose.yaml.resolver import MERGE
from policyd.errors import ComposeError
from tests.support.cases import cases

MARK = Mark("f.yaml", 0, 0, 0, None, 0)


def key(value: object, text: str = "") -> Key:
    return Key(value, text or str(value), text or str(value), MARK)


def node(entries: MappingEntries) -> Node:
    return entries.node(MARK, tolerant=False)


def test_usual_entries_make_a_usual_node() -> None:
    found = MappingEntries({})
    found.add(key("a"), Node(1, MARK))

    assert (type(node(found)), plain(node(found))) == (Node, {"a": 1})


def test_merge_key_adds_behind_the_own_entries() -> None:
    found = MappingEntries({"b": Node(1, MARK)})
    found.add(key(MERGE, "<<"), Node({"a": Node(2, MARK), "b": Node(3, MARK)}, MARK))

    assert list(plain(node(found)).items()) == [("b", 1), ("a", 2)]


def test_entry_whose_value_is_a_merge_sign_disappears_and_is_not_merged() -> None:
    found = MappingEntries({})
    found.add(key("a"), Node(MERGE, MARK))
    found.add(key(MERGE, "<<"), Node({"a": Node(2, MARK)}, MARK))

    mapping = node(found)

    assert isinstance(mapping, SourceMapping)
    assert (plain(mapping), mapping.withheld) == ({}, frozenset("a"))


def test_key_that_is_not_a_string_counts_as_merge_source_only() -> None:
    found = MappingEntries({"a": Node(1, MARK)})
    found.add(key(16, "0x10"), Node(2, MARK))
    found.add(key(None, "~"), Node(3, MARK))

    mapping = node(found)

    assert isinstance(mapping, SourceMapping)
    assert (plain(mapping), list(mapping.merged)) == ({"a": 1}, ["a", "0x10"])
    with pytest.raises(ComposeError) as refusal:
        require_string_keys(mapping)
    assert str(refusal.value) == "f.yaml:1:1: a key must be a string, found 16: quote it"


@cases("first_is_string", [True, False])
def test_last_of_two_equal_keys_is_merged(first_is_string: bool) -> None:
    keys = [key("1"), key(1)] if first_is_string else [key(1), key("1")]
    found = MappingEntries({})
    for number, each in enumerate(keys):
        found.add(each, Node(number, MARK))

    mapping = node(found)

    assert isinstance(mapping, SourceMapping)
    assert mapping.merged["1"].value == 1


def test_mapping_with_string_keys_is_accepted() -> None:
    require_string_keys(Node({"a": Node(1, MARK)}, MARK))


def test_key_that_is_not_a_string_disappears_with_a_merge_sign_as_its_value() -> None:
    found = MappingEntries({"a": Node(1, MARK)})
    found.add(key(1), Node(MERGE, MARK))
    found.add(key(MERGE, "<<"), Node({"1": Node(2, MARK)}, MARK))

    mapping = node(found)

    assert isinstance(mapping, SourceMapping)
    require_string_keys(mapping)
    assert plain(mapping) == {"a": 1, "1": 2}
    assert (list(mapping.merged), mapping.withheld) == (["a"], frozenset("1"))
