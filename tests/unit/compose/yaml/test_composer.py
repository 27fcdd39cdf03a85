"""Nodes from events: keys, tags, aliases, limits."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from policyd.compose.limits import MAX_DEPTH, MAX_DOCUMENTS, MAX_NODE_VISITS
from policyd.compose.nodes import plain
from policyd.compose.yaml.composer import Composer
from policyd.compose.yaml.document import Document
from policyd.compose.yaml.libyaml_differences import ReadDifferently
from policyd.errors import ComposeError
from tests.support.cases import cases


def documents(text: str) -> list[Document]:
    loader = yaml.CBaseLoader(text)
    loader.name = "f.yaml"
    return Composer(loader, "f.yaml", is_libyaml=True).documents()


def value(text: str) -> Any:
    return plain(documents(text)[0].root)


def refusal(text: str) -> str:
    with pytest.raises(ComposeError) as error:
        documents(text)
    return error.value.message


@cases(
    ("text", "expected"),
    [
        ("a: 1\nb: [x, 'y', !!str 2, ~]\n", {"a": 1, "b": ["x", "y", "2", None]}),
        ("a: &a {b: 1}\nc: *a\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\n", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("a: &k b\n*k : c\n", {"a": "b", "b": "c"}),
        ("'<<': 1\n", {"<<": 1}),
        ("a: <<\nb: [<<, 1]\n", {"b": [1]}),
        ("a: !reset {1: x, 1: y}\nb: 2\n", {"b": 2}),
    ],
)
def test_tree_of_a_document(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.thorough
@cases(
    ("text", "message"),
    [
        ("a: 1\n'a': 2\n", "duplicate key 'a', first defined at line 1"),
        (
            "x: &x {}\n<<: *x\n<<: *x\n",
            "duplicate key '<<', first defined at line 2: write <<: [*a, *b] once",
        ),
        ("1: a\n", "a key must be a string, found 1: quote it"),
        (
            "a: [80: 8080]\n",
            'a key must be a string, found 80: quote it, or write "80:8080" without the space',
        ),
        (
            "[a]: b\n",
            "a key must be a string, found a list or a mapping: is {{…}} of a template left over?",
        ),
        ("a: *b\n", "unknown anchor 'b'"),
        ("a: &a\n---\nb: *a\n", "unknown anchor 'a'"),
        ("a: &a [*a]\n", "the anchor 'a' contains itself"),
        ("a: &a <<\n*a : b\n", "an alias cannot be the merge key <<"),
        ("<<: a\n", "the merge key << takes a mapping or a list of mappings"),
        ("<<: [<<]\n", "the merge key << takes a mapping or a list of mappings"),
        ("a: !!int x\n", "cannot read 'x' as a !!int"),
        ("- a\n", "the top level must be a mapping, not a list"),
        ("!reset {a: b}\n", "the top level must be a mapping, not nothing"),
        ("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, f"more than {MAX_DEPTH} levels of nesting"),
        ("a: 1\n" + "---\na: 1\n" * MAX_DOCUMENTS, f"more than {MAX_DOCUMENTS} YAML documents"),
        ("a:\n" + "- 1\n" * MAX_NODE_VISITS, f"more than {MAX_NODE_VISITS} values in one document"),
    ],
)
def test_what_docker_refuses_and_what_exceeds_a_limit(text: str, message: str) -> None:
    assert refusal(text) == message


@cases(
    ("text", "name"),
    [
        ("name: a\n", "a"),
        ("name: 2024-05-01\n", "2024-05-01"),
        ("name: !reset a\n", "a"),
        ("name: <<\n", "<<"),
        ("x: &x {name: a}\n<<: *x\n", "a"),
        ("a: 1\n", ""),
    ],
)
def test_name_of_the_project(text: str, name: str) -> None:
    assert documents(text)[0].name == name


def test_second_name_through_an_alias_is_refused() -> None:
    assert refusal("a: &k name\nname: x\n*k : y\n") == "duplicate key 'name'"


def test_size_counts_the_values_of_aliases_each_time() -> None:
    assert documents("a: &a [1, 2]\nb: [*a, *a]\n")[0].size == 13


def test_flow_text_that_may_lie_outside_of_its_block_is_not_read_with_libyaml() -> None:
    with pytest.raises(ReadDifferently):
        documents("r:\n  a: {\nb: c}\n")


def test_flow_text_at_the_top_may_be_indented_as_one_likes() -> None:
    assert value("{\na: {\nb: c\n}}\n") == {"a": {"b": "c"}}
