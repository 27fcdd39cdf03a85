"""A hook holds the container of its service, and its own keys over it."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.effort import Effort
from policyd.compose.nodes import plain
from policyd.compose.phases.pre_start_hooks import with_inherited_hooks
from policyd.errors import ComposeError
from tests.support.compose_projects import document


def hooks(service: str) -> list[Any]:
    root = document(f"services:\n  web: {service}\n")
    return plain(with_inherited_hooks(root, Effort()))["services"]["web"]["pre_start"]


def test_container_keys_are_inherited_without_volumes() -> None:
    assert hooks(
        "{image: x, privileged: true, volumes: [v], ports: [1], deploy: {}, profiles: [p], "
        "pre_start: [{}, {privileged: false, volumes: [w]}]}"
    ) == [
        {"image": "x", "privileged": True},
        {"image": "x", "privileged": False, "volumes": ["w"]},
    ]


def test_lists_are_joined_and_pairs_merge_by_key() -> None:
    assert hooks(
        "{cap_add: [A], environment: {A: 1, B: 2}, "
        "pre_start: [{cap_add: [B, A], environment: [B=3]}]}"
    ) == [{"cap_add": ["A", "B"], "environment": ["A=1", "B=3"]}]


def test_each_hook_counts_what_it_inherits() -> None:
    effort = Effort()

    with_inherited_hooks(
        document("services:\n  web: {image: x, user: y, pre_start: [{}, {}]}\n"), effort
    )

    assert effort.steps == 2 * (3 + 1)


def test_a_hook_that_cannot_be_merged_is_refused_with_its_path() -> None:
    with pytest.raises(ComposeError) as error:
        hooks("{logging: {driver: a}, pre_start: [{}, {logging: null}]}")

    assert str(error.value) == (
        "compose.yaml:2:57: services.web.pre_start[1].logging: cannot override a mapping at "
        "compose.yaml:2:18 by nothing (null)"
    )
