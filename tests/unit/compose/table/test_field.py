"""Rows become fields, and a row with a word that has no meaning is refused."""

from __future__ import annotations

import pytest

from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node, plain
from policyd.compose.table.field import Field, rewrite, table
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document

SHAPES = {"words": "list! strings\n [] str str", "pair": "\na str str long=text\nb int int\n"}


@cases(
    ("rows", "message"),
    [
        ("a list list unique=kye", "row 'a list list unique=kye': unknown unique rule 'kye'"),
        ("a sting str", "row 'a sting str': unknown type 'sting'"),
        ("a str strr", "row 'a str strr': unknown model 'strr'"),
        ("a str str cast=boool", "row 'a str str cast=boool': unknown cast rule 'boool'"),
        ("a str str mrege=pairs", "row 'a str str mrege=pairs': unknown rule 'mrege'"),
        ("a @wrods", "row 'a @wrods': unknown shape 'wrods'"),
        ("@wrods", "row '@wrods': unknown shape 'wrods'"),
        ("a str str min=x", "row 'a str str min=x': invalid literal for int()"),
        ("a map struct required=b", "unknown required key of a 'b'"),
        ("a map struct any-of=b", "unknown required key of a 'b'"),
        ("a map struct skip=uniqe", "unknown kind of rules skipped in a 'uniqe'"),
    ],
)
def test_a_typo_in_the_table_fails_when_it_is_built(rows: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"unknown|invalid") as error:
        table("map any x", rows, SHAPES)

    assert message in str(error.value)


def test_a_shape_gives_types_model_rules_and_rows_and_a_row_may_change_them() -> None:
    root = table("map any x", "a @words unique=key\nb @words texts", SHAPES)

    assert root.children["a"].accepts == {"list"}
    assert (root.children["a"].unique_items, root.children["a"].unique) == (True, "key")
    assert root.at("a", "[]").model == "str"
    assert root.children["b"].model == "texts"


def test_fields_of_an_added_shape_are_shared_until_a_row_changes_one() -> None:
    root = table("map any x", "a map struct\n @pair\nb map struct\n @pair\n b str str", SHAPES)

    assert root.at("a", "a") is root.at("b", "a")
    assert root.at("a", "b").model == "int"
    assert root.at("b", "b").model == "str"


def test_skipped_rules_do_not_apply_below() -> None:
    root = table("map any x", "a map struct\n @pair\nb map struct skip=long\n @pair", SHAPES)
    rules = {"text": lambda node, _field: node.with_value("changed")}

    assert plain(rewrite(document("{a: {a: x}, b: {a: x}}"), root, "long", rules)) == {
        "a": {"a": "changed"},
        "b": {"a": "x"},
    }


def test_what_no_rule_changes_is_not_copied() -> None:
    root = table("map any x", "a map struct\n @pair", SHAPES)
    tree = document("{a: {a: x, b: 1}}")

    assert rewrite(tree, root, "long", {"text": lambda node, _field: node}) is tree


def test_the_error_of_a_rule_has_the_path_of_the_value() -> None:
    root = table("map any x", "a map map\n * map struct\n  @pair", SHAPES)

    def refuse(node: Node, _field: Field) -> Node:
        raise NodeError("no", node)

    with pytest.raises(ComposeError) as error:
        rewrite(document("{a: {k: {a: x}}}"), root, "long", {"text": refuse})

    assert str(error.value) == "compose.yaml:1:13: a.k.a: no"


def test_a_path_that_is_not_in_the_table_has_no_field() -> None:
    root = table("map any x", "a map struct\n @pair", SHAPES)

    with pytest.raises(KeyError, match=r"nothing at a\.c"):
        root.at("a", "c")
