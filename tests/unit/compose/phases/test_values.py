"""Single values are loaded into the types of Compose."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.node_error import NodeError
from policyd.compose.phases.values import VALUES, as_json
from policyd.compose.table.field import Field
from tests.support.cases import cases
from tests.support.compose_projects import document


def value(model: str, text: str) -> Any:
    return VALUES[model](document(f"k: {text}\n").value["k"], Field(""))


@cases(
    ("model", "text", "expected"),
    [
        ("str", "15", "15"),
        ("bool", "'On'", True),
        ("bytes", "1k", "1024"),
        ("bytes", "5", "5"),
        ("bytes", "1.5", "0"),
        ("command", "a 'b c'", ["a", "b c"]),
        ("command", "[a]", ["a"]),
        ("command", "2024-05-01", None),
        ("count", "ALL", -1),
        ("count", "'2'", 2),
        ("cpus", "'0.5'", 0.5),
        ("duration", "90s", "1m30s"),
        ("float", "'0.1'", 0.1),
        ("int", "'-3'", -3),
        ("int", "2.9", 2),
        ("mode?", "'755'", "0755"),
        ("mode?", "0755", "0755"),
        ("numbers", "[80, '81']", ["80", "81"]),
        ("strings", "[a, null, 1]", ["a", "", "1"]),
        ("test", "curl", ["CMD-SHELL", "curl"]),
        ("texts", "a", ["a"]),
        ("uint16", "65537", 1),
        ("uint32?", "18", 18),
    ],
)
def test_a_value(model: str, text: str, expected: Any) -> None:
    assert value(model, text) == expected


@cases(
    ("model", "text", "message"),
    [
        ("str", "[]", "expected a string, found a list"),
        ("bool", "1", "expected true or false, found an integer"),
        ("int", "true", "expected an integer, found a boolean"),
        ("uint64", "-1", "expected 0 or more, found -1"),
        ("strings", "a", "expected a list, found a string"),
        ("texts", "[1]", "expected a string, found an integer"),
        ("mode?", "1.5", "expected an octal number, found a number"),
        ("count", "1.5", "expected a whole number or `all`, found 1.5"),
    ],
)
def test_a_value_of_another_type_is_refused(model: str, text: str, message: str) -> None:
    with pytest.raises(NodeError) as error:
        value(model, text)

    assert str(error.value) == message


def test_timestamps_are_texts_in_json() -> None:
    assert as_json(document("k: [2024-05-01, {a: 1}]\n")) == {
        "k": ["2024-05-01T00:00:00Z", {"a": 1}]
    }
