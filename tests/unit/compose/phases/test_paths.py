"""Relative paths of every container are joined to the folder of their file."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import plain
from policyd.compose.phases.paths import resolve_paths
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import context, document


def resolved(text: str) -> Any:
    found = context(environment={"HOME": "/home/user"})
    return plain(resolve_paths(document(text), PROJECT, "/project/sub", found))


@cases("place", ["services: {a: %s}", "services: {a: {pre_start: [%s]}}", "jobs: {a: %s}"])
def test_files_and_binds_of_every_container(place: str) -> None:
    text = "{env_file: [{path: a}], label_file: [../b], volumes: [{type: bind, source: ./c}]}"

    found = next(iter(resolved(place % text).values()))["a"]

    assert found.get("pre_start", [found])[0] == {
        "env_file": [{"path": "/project/sub/a"}],
        "label_file": ["/project/b"],
        "volumes": [{"type": "bind", "source": "/project/sub/c"}],
    }


@cases(
    ("text", "expected"),
    [
        ("services: {a: {build: {context: .}}}", "/project/sub"),
        (
            "services: {a: {build: {context: 'https://example.com/a.git'}}}",
            "https://example.com/a.git",
        ),
        ("services: {a: {build: {context: ~/a}}}", "/home/user/a"),
        ("jobs: {a: {build: {context: b}}}", "/project/sub/b"),
    ],
)
def test_build_contexts(text: str, expected: str) -> None:
    assert next(iter(resolved(text).values()))["a"]["build"]["context"] == expected


def test_a_path_of_windows_is_left_alone() -> None:
    found = resolved("secrets: {a: {file: 'C:\\\\a'}, b: {file: b}}")

    assert {key: each["file"] for key, each in found["secrets"].items()} == {
        "a": "C:\\\\a",
        "b": "/project/sub/b",
    }


def test_the_device_of_a_local_bind_volume_is_a_path() -> None:
    text = "volumes: {a: {driver: local, driver_opts: {o: %s, device: d}}}"

    assert resolved(text % "bind")["volumes"]["a"]["driver_opts"]["device"] == "/project/sub/d"
    assert resolved(text % "'bind,ro'")["volumes"]["a"]["driver_opts"]["device"] == "d"


def test_a_bind_without_a_source_is_refused_with_its_path() -> None:
    with pytest.raises(ComposeError) as error:
        resolved("services: {a: {volumes: [{type: bind}]}}")

    assert str(error.value) == (
        "compose.yaml:1:26: services.a.volumes: a bind mount needs a `source`"
    )
