from __future__ import annotations

import pytest

from policyd.fixes import yaml_places
from policyd.fixes.yaml_places import NotEditable, end, find, is_flow
from tests.support.cases import cases

TEXT = """\
{x: &x {deep: yes}, again: *x}
---
services:
  web:
    - a
    - {k: "ü", v: b}
"""


def test_a_value_is_found_by_its_place_in_any_document() -> None:
    item = find(TEXT, 5, 7)
    value = find(TEXT, 6, 19)

    assert (item.node.value, item.key, item.index) == ("a", None, 0)
    assert (value.node.value, value.name, value.index) == ("b", "v", 1)
    assert [one.name for one in value.ancestors()] == ["v", "", "web", "services", ""]
    assert [one.node.value for one in item.siblings][:1] == ["a"]


def test_an_alias_is_found_where_its_anchor_is() -> None:
    assert find(TEXT, 1, 5).name == "x"
    with pytest.raises(NotEditable, match="no value begins at this place"):
        find(TEXT, 1, 28)


def test_a_block_ends_with_its_last_value_and_a_flow_with_its_bracket() -> None:
    web = find(TEXT, 5, 5)

    assert not is_flow(web)
    assert TEXT[: end(web.node)].endswith("v: b}")
    assert is_flow(find(TEXT, 6, 7))
    assert not is_flow(find(TEXT, 5, 7))


@cases(("line", "column"), [(1, 1), (3, 1), (6, 8), (99, 1)])
def test_a_key_and_a_place_without_a_value_are_not_found(line: int, column: int) -> None:
    with pytest.raises(NotEditable):
        find(TEXT, line, column)


@cases("text", ["a: [", "a: " + "[" * 20_000, "a: !!x \0"])
def test_a_file_that_cannot_be_parsed_is_not_editable(text: str) -> None:
    with pytest.raises(NotEditable, match="cannot be parsed"):
        find(text, 1, 4)


def test_a_file_is_editable_up_to_the_levels_that_a_compose_file_may_have() -> None:
    deep = "a: " + "[" * 99 + "]" * 99

    assert find(deep, 1, 102).node.value == []
    with pytest.raises(NotEditable, match=r"^the file has more than 100 levels of nesting$"):
        find(deep.replace("[]", "[[]]"), 1, 4)


def test_a_file_that_is_too_long_is_not_editable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_places, "MAX_CHARACTERS", 3)

    with pytest.raises(NotEditable, match="more than 3 characters"):
        find("a: 1", 1, 4)
