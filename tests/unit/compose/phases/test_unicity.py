"""A list of a service keeps the last item of each identity, at the place of the first."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import plain
from policyd.compose.phases.unicity import enforce_unicity
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document


def unique(key: str, items: str, place: str = "services: {a: {%s: %s}}") -> Any:
    return plain(enforce_unicity(document(place % (key, items)), PROJECT))


@cases(
    ("key", "items", "expected"),
    [
        ("environment", "[A=1, B=2, A=3]", ["A=3", "B=2"]),
        ("cap_add", "[A, A]", ["A"]),
        ("devices", "['/a:/x', '/b:/x']", ["/b:/x"]),
        ("volumes", "['data:/x', {type: bind, target: /x}]", [{"type": "bind", "target": "/x"}]),
        ("ports", "[80, '80', '81']", ["80", "81"]),
        (
            "ports",
            "[{target: 80}, {target: 80, protocol: udp}]",
            [{"target": 80}, {"target": 80, "protocol": "udp"}],
        ),
        ("expose", "[80, '80']", ["80"]),
        (
            "secrets",
            "[a, {source: b, target: /run/secrets/a}]",
            [{"source": "b", "target": "/run/secrets/a"}],
        ),
        ("configs", "[a, {source: b, target: /a}]", [{"source": "b", "target": "/a"}]),
        ("env_file", "[a, {path: a}]", [{"path": "a"}]),
        ("security_opt", "[a, a]", ["a", "a"]),
    ],
)
def test_lists_of_services(key: str, items: str, expected: list[Any]) -> None:
    assert unique(key, items)["services"]["a"][key] == expected


@cases("place", ["jobs: {a: {%s: %s}}", "services: {a: {pre_start: [{%s: %s}]}}"])
def test_jobs_and_hooks_keep_everything(place: str) -> None:
    tree = document(place % ("devices", "['/a:/x', '/b:/x']"))

    assert enforce_unicity(tree, PROJECT) is tree


@cases(
    ("key", "items", "message"),
    [
        (
            "devices",
            "[{source: a}, x]",
            "compose.yaml:1:26: services.a.devices[0]: a target is missing: add `target`",
        ),
        (
            "ports",
            "[{published: 1}, 2]",
            "compose.yaml:1:24: services.a.ports[0]: a port needs a `target`",
        ),
        (
            "environment",
            "[{A: 1}]",
            "compose.yaml:1:30: services.a.environment[0]: expected a string, found a mapping: write `A=value`, or quote the text if it contains a colon",
        ),
        (
            "volumes",
            "['aa::b', x]",
            "compose.yaml:1:26: services.a.volumes[0]: volume 'aa::b' has an empty part between colons",
        ),
    ],
)
def test_an_item_without_an_identity_is_refused(key: str, items: str, message: str) -> None:
    with pytest.raises(ComposeError) as error:
        unique(key, items)

    assert str(error.value) == message
