"""A model gets what Compose implies: networks, dependencies, names, defaults of builds."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.effort import Effort
from policyd.compose.nodes import plain
from policyd.compose.phases.normalize import normalize, resolve_environment
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document


def normal(text: str, **environment: str) -> Any:
    return plain(normalize(document(text), "shop", environment, Effort()))


@cases("kind", ["services", "jobs"])
def test_services_and_jobs_join_the_default_network(kind: str) -> None:
    assert normal(f"{kind}: {{a: {{image: x}}}}") == {
        kind: {"a": {"image": "x", "networks": {"default": None}}},
        "networks": {"default": {"name": "shop_default"}},
    }


def test_a_network_mode_or_a_provider_keeps_the_default_network_away() -> None:
    found = normal("services: {a: {network_mode: host}, b: {provider: {type: t}}}")

    assert "networks" not in found
    assert found["services"]["a"] == {"network_mode": "host"}


def test_namespaces_links_and_volumes_imply_dependencies() -> None:
    found = normal(
        "jobs: {a: {ipc: 'service:b', volumes_from: ['c:ro', 'container:d'], network_mode: host}}"
    )

    assert found["jobs"]["a"]["depends_on"] == {
        "b": {"condition": "service_started", "restart": True, "required": True},
        "c": {"condition": "service_started", "restart": False, "required": True},
    }


def test_builds_and_policies_get_their_usual_names() -> None:
    found = normal(
        "services: {a: {build: {args: [A, B]}, pull_policy: if_not_present, network_mode: host}}",
        A="1",
    )

    assert found["services"]["a"] == {
        "build": {"args": ["A=1"], "context": ".", "dockerfile": "Dockerfile"},
        "pull_policy": "missing",
        "network_mode": "host",
    }


def test_resources_are_named_after_the_project_unless_they_are_external() -> None:
    found = normal("volumes: {a: null, b: {external: true}, c: {name: n}}")

    assert {key: each["name"] for key, each in found["volumes"].items()} == {
        "a": "shop_a",
        "b": "b",
        "c": "n",
    }


def test_targets_of_volumes_are_clean_and_required() -> None:
    found = normal("services: {a: {volumes: [{target: /a/../b/}], network_mode: host}}")

    assert found["services"]["a"]["volumes"] == [{"target": "/b"}]
    with pytest.raises(ComposeError, match="a volume needs a `target`"):
        normal("jobs: {a: {volumes: [{type: bind}]}}")


def test_hooks_inherit_the_default_network() -> None:
    found = normal("services: {a: {image: x, pre_start: [{}]}}")

    assert found["services"]["a"]["pre_start"] == [{"image": "x", "networks": {"default": None}}]


def test_bare_names_take_their_value_in_services_and_jobs() -> None:
    tree = document("services: {a: {environment: [A, B=2]}}\njobs: {b: {environment: [A, C]}}\n")

    assert plain(resolve_environment(tree, {"A": "1"})) == {
        "services": {"a": {"environment": ["A=1", "B=2"]}},
        "jobs": {"b": {"environment": ["A=1", "C"]}},
    }


def test_contents_of_configs_that_come_from_the_environment_are_not_kept() -> None:
    tree = document("configs: {a: {environment: A}}\n")

    resolved = resolve_environment(tree, {"A": "secret"})

    assert plain(resolved)["configs"]["a"]["content"] == "secret"
    assert plain(normalize(resolved, "shop", {}, Effort()))["configs"] == {
        "a": {"environment": "A", "name": "shop_a"}
    }


@cases("key", ["environment: %s", "build: {args: %s}"])
def test_timestamps_in_lists_of_pairs_are_dropped(key: str) -> None:
    text = "jobs: {a: {%s, network_mode: host}}" % (key % "[A, 2024-05-01]")

    found = normal(text, A="1")["jobs"]["a"]

    assert found.get("environment", found.get("build", {}).get("args")) == ["A=1"]
