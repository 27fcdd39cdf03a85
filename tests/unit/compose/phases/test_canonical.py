"""Short forms become long ones, and missing values are filled in."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.effort import Effort
from policyd.compose.nodes import plain
from policyd.compose.phases.canonical import fill_defaults, to_long_forms
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document

PLACES = ["services: {a: %s}", "services: {a: {pre_start: [%s]}}", "jobs: {a: %s}"]


def container(tree: Any) -> Any:
    found = next(iter(plain(tree).values()))["a"]
    return found.get("pre_start", [found])[0]


def long(text: str) -> Any:
    return to_long_forms(document(text), PROJECT, Effort())


@cases("place", PLACES)
@cases(
    ("short", "expected"),
    [
        ("gpus: all", {"gpus": [{"count": "all"}]}),
        ("networks: [n]", {"networks": {"n": None}}),
        ("env_file: a", {"env_file": [{"path": "a", "required": True}]}),
        ("label_file: a", {"label_file": ["a"]}),
        ("dns: a", {"dns": ["a"]}),
        (
            "devices: [/dev/a]",
            {"devices": [{"source": "/dev/a", "target": "/dev/a", "permissions": "rwm"}]},
        ),
        ("secrets: [s]", {"secrets": [{"source": "s"}]}),
        (
            "volumes: ['data:/d']",
            {"volumes": [{"type": "volume", "source": "data", "target": "/d", "volume": {}}]},
        ),
    ],
)
def test_short_forms_of_every_container(place: str, short: str, expected: Any) -> None:
    assert container(long(place % f"{{{short}}}")) == expected


def test_empty_servers_are_dropped_but_not_in_hooks() -> None:
    assert [container(long(place % "{dns: ['', a]}"))["dns"] for place in PLACES] == [
        ["a"],
        ["", "a"],
        ["a"],
    ]


def test_a_schedule_is_a_cron_expression_or_a_mapping() -> None:
    found = plain(long("jobs: {a: {triggers: {schedule: ['@daily', {cron: x}]}}}"))

    assert found["jobs"]["a"]["triggers"]["schedule"] == [{"cron": "@daily"}, {"cron": "x"}]


@cases(
    ("key", "expected"),
    [
        ("gpus: [{driver: n}]", [{"driver": "n", "count": "all"}]),
        ("secrets: [{source: s}]", [{"source": "s", "target": "/run/secrets/s"}]),
    ],
)
def test_defaults_reach_services_and_jobs_but_not_hooks(key: str, expected: Any) -> None:
    filled = [
        container(fill_defaults(document(place % f"{{{key}}}"), PROJECT))[key.partition(":")[0]]
        for place in PLACES
    ]

    assert filled[0] == filled[2] == expected
    assert filled[1] == [{k: v for k, v in expected[0].items() if k not in ("count", "target")}]


@cases(
    ("text", "message"),
    [
        (
            "services: {a: {ports: ['x']}}",
            "compose.yaml:1:24: services.a.ports: port 'x' has a part that is not a port number",
        ),
        (
            "services: {a: {devices: ['a:b:c:d']}}",
            "compose.yaml:1:26: services.a.devices: device 'a:b:c:d' has more than three parts: use the long form",
        ),
        (
            "services: {a: {build: {ssh: [key]}}}",
            "compose.yaml:1:30: services.a.build.ssh: expected `default` or ID=PATH, found 'key'",
        ),
        (
            "networks: {a: {external: {name: x}, name: y}}",
            "compose.yaml:1:43: networks.a: name 'y' and external.name 'x' differ: use `name` alone",
        ),
    ],
)
def test_what_has_no_long_form_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as error:
        long(text)

    assert str(error.value) == message


def test_ports_of_a_range_are_steps() -> None:
    effort = Effort()

    to_long_forms(document("services: {a: {ports: ['1-10']}}"), PROJECT, effort)

    assert effort.steps == 40
