"""The entries that a merge key adds."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import Node, nodes, plain
from policyd.compose.yaml.merge_keys import NOT_MAPPINGS, SourceMapping, add_merged
from policyd.compose.yaml.reset_tags import drop
from policyd.errors import ComposeError


def merged(own: dict[str, Any], source: Node, blocked: frozenset[str] = frozenset()) -> Any:
    entries = nodes(own, None).value
    withheld = add_merged(entries, source, blocked, tolerant=False)
    return {key: plain(node) for key, node in entries.items()}, withheld


def test_own_entries_win() -> None:
    assert merged({"a": 1}, nodes({"a": 2, "b": 3}, None)) == ({"a": 1, "b": 3}, frozenset())


def test_first_source_of_a_list_wins() -> None:
    assert merged({}, nodes([{"a": 1}, {"a": 2, "b": 3}], None))[0] == {"a": 1, "b": 3}


def test_blocked_keys_are_not_added() -> None:
    assert merged({}, nodes({"a": 1, "b": 2}, None), frozenset("a")) == ({"b": 2}, frozenset("a"))


def test_source_mapping_adds_what_it_says_and_withholds_keys_from_later_sources() -> None:
    first = SourceMapping(
        nodes({"a": 1}, None).value,
        None,
        merged=nodes({"a": 5, "1": 2}, None).value,
        withheld=frozenset("b"),
    )

    assert merged({}, Node([first, nodes({"b": 3, "c": 4}, None)], None)) == (
        {"a": 5, "1": 2, "c": 4},
        frozenset("b"),
    )


def test_dropped_source_adds_its_entries() -> None:
    assert merged({}, drop(nodes({"a": 1}, None)))[0] == {"a": 1}


def test_source_that_is_not_a_mapping_is_refused_unless_tolerated() -> None:
    with pytest.raises(ComposeError, match=NOT_MAPPINGS):
        merged({}, nodes(["a"], None))

    assert add_merged({}, nodes(["a"], None), frozenset(), tolerant=True) == frozenset()
