"""A tree is loaded into the types of Compose."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.phases.decode import decode_project
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document


def service(text: str) -> Any:
    return decode_project(document(f"services:\n  web: {text}\n"), PROJECT)["services"]["web"]


@cases(
    ("text", "expected"),
    [
        ("{environment: [A=1, B]}", {"environment": {"A": "1", "B": None}}),
        ("{labels: {a: 1.5, b: null}}", {"labels": {"a": "1.5", "b": ""}}),
        ("{extra_hosts: {a: [2, 1], b: '[::1]'}}", {"extra_hosts": ["a=1", "a=2", "b=::1"]}),
        (
            "{ulimits: {n: 1, m: {soft: 1, hard: 2}}}",
            {"ulimits": {"n": 1, "m": {"soft": 1, "hard": 2}}},
        ),
        ("{IMAGE: x}", {"image": "x"}),
        ("{image: null, x-a: 1}", {}),
        (
            "{pre_start: [{per_replica: 'yes', umask: 18}]}",
            {"pre_start": [{"per_replica": True, "umask": 18}]},
        ),
    ],
)
def test_a_service(text: str, expected: Any) -> None:
    assert service(text) == expected


def test_x_keys_are_names_of_services_and_extensions_of_jobs() -> None:
    found = decode_project(
        document(
            "services: {x-a: {image: i}}\njobs: {x-b: {image: i}, c: {triggers: {manual: 'no'}}}\nx-top: {a: 1}\n"
        ),
        PROJECT,
    )

    assert found == {
        "services": {"x-a": {"image": "i"}},
        "jobs": {"#extensions": {}, "c": {"triggers": {"manual": False}}},
        "x-top": {"a": 1},
    }


@cases(
    ("text", "message"),
    [
        (
            "{mem_limit: many}",
            "2:20: services.web.mem_limit: 'many' is not a size: write bytes, or a number and k, m, g, t or p",
        ),
        (
            "{command: 'a \"'}",
            "2:18: services.web.command: the double quote is not closed in 'a \"'",
        ),
        (
            "{volumes: [{tmpfs: {mode: -1}}]}",
            "2:34: services.web.volumes[0].tmpfs.mode: expected 0 or more, found -1",
        ),
        (
            "{extra_hosts: ['a']}",
            "2:23: services.web.extra_hosts: expected HOST=ADDRESS, found 'a'",
        ),
        (
            "{environment: ['A =1']}",
            "2:23: services.web.environment: the variable name 'A ' ends with a space",
        ),
        (
            "{gpus: [{count: some}]}",
            "2:24: services.web.gpus[0].count: expected a whole number or `all`, found 'some'",
        ),
    ],
)
def test_a_value_that_compose_cannot_load_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as error:
        service(text)

    assert str(error.value) == f"compose.yaml:{message}"
