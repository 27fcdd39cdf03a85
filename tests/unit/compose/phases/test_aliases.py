"""Legacy `x-` keys are read as the keys that Compose has for them since."""

from __future__ import annotations

from typing import Any

from policyd.compose.nodes import plain
from policyd.compose.phases.aliases import promote_aliases, with_alias_paths
from tests.support.compose_projects import document


def promoted(service: str) -> Any:
    root = document(f"services:\n  web: {service}\n")
    return plain(promote_aliases(root))["services"]["web"]


def test_x_develop_is_develop() -> None:
    assert promoted("{x-develop: {watch: []}}") == {"develop": {"watch": []}}


def test_develop_wins_over_x_develop_and_its_lists_come_last() -> None:
    assert promoted("{x-develop: {a: 1, l: [1]}, develop: {a: 2, l: [2]}}") == {
        "develop": {"a": 2, "l": [1, 2]}
    }


def test_null_is_no_value_of_develop() -> None:
    assert promoted("{x-develop: {a: 1}, develop: null}") == {"develop": {"a": 1}}


def test_x_initial_sync_is_initial_sync_also_below_x_develop() -> None:
    assert promoted("{x-develop: {watch: [{x-initialSync: true}, {path: a}]}}") == {
        "develop": {"watch": [{"initial_sync": True}, {"path": "a"}]}
    }
    assert promoted("{develop: {watch: [{x-initialSync: true, initial_sync: false}]}}") == {
        "develop": {"watch": [{"initial_sync": False}]}
    }


def test_a_document_without_legacy_keys_is_not_copied() -> None:
    root = document("services:\n  web: {image: x, develop: {watch: [{path: a}]}}\n")

    assert promote_aliases(root) is root


def test_a_reset_of_the_legacy_key_is_one_of_the_real_key_too() -> None:
    assert with_alias_paths([("services", "web", "x-develop", "watch"), ("x-develop",)]) == [
        ("services", "web", "x-develop", "watch"),
        ("x-develop",),
        ("services", "web", "develop", "watch"),
    ]
