"""Compose is called with the files, the directory and the environment that it would find."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policyd.compose.context import LoadContext
from policyd.compose.phases.invocation import Invocation, prepare, read_env_files
from policyd.errors import ComposeError, NoComposeFile
from tests.support.cases import cases
from tests.support.compose_projects import bundle, context

EMPTY = "services: {}\n"


def call(files: dict[str, str], **changes: Any) -> tuple[Invocation, LoadContext]:
    environment = changes.pop("environment", {})
    given = msgspec.structs.replace(
        bundle(files), environment=environment, compose_files=(), **changes
    )
    found = LoadContext(given)
    return prepare(found), found


def test_default_names_and_their_override() -> None:
    found, seen = call(
        {"compose.yaml": EMPTY, "compose.yml": EMPTY, "compose.override.yaml": EMPTY}
    )

    assert found.files == ("/project/compose.yaml", "/project/compose.override.yaml")
    assert found.directory == "/project"
    assert seen.warnings == ["found compose.yaml, compose.yml: using compose.yaml"]


def test_the_nearest_parent_with_a_file_is_searched() -> None:
    found, _ = call({"compose.yaml": EMPTY, "a/b/x": ""}, working_directory="/project/a/b")

    assert (found.files, found.directory) == (("/project/compose.yaml",), "/project")


def test_no_file_is_an_error_of_its_own() -> None:
    with pytest.raises(NoComposeFile) as error:
        call({"a": ""})

    assert str(error.value) == (
        "no Compose file in /project or above: looked for compose.yaml, compose.yml, "
        "docker-compose.yml, docker-compose.yaml"
    )


def test_dot_env_chooses_files_and_profiles() -> None:
    found, _ = call(
        {
            ".env": "COMPOSE_FILE=a.yaml:sub/b.yaml\nCOMPOSE_PROFILES=x,y\nA=$B\n",
            "a.yaml": EMPTY,
            "sub/b.yaml": EMPTY,
        },
        environment={"B": "caller"},
        profiles=None,
    )

    assert found.files == ("/project/a.yaml", "/project/sub/b.yaml")
    assert found.profiles.names == {"x", "y"}
    assert found.environment["A"] == "caller"


@cases(
    ("value", "message"),
    [
        ("gone.yaml", "COMPOSE_FILE lists gone.yaml, which does not exist"),
        ("sub", "COMPOSE_FILE lists sub, which is a directory, not a file"),
        ("", "COMPOSE_FILE lists ., which is a directory, not a file"),
        ("a.yaml:", "COMPOSE_FILE lists ., which is a directory, not a file"),
        ("oci://example.com/a", "COMPOSE_FILE lists 'oci', which"),
    ],
)
def test_entries_of_compose_file_are_checked(value: str, message: str) -> None:
    separator = "" if "oci" in value else ":"
    environment = {"COMPOSE_FILE": value, "COMPOSE_PATH_SEPARATOR": separator or ","}
    message = (
        message
        if separator
        else (
            "COMPOSE_FILE lists 'oci://example.com/a', which is remote; remote files are never fetched"
        )
    )

    with pytest.raises((ComposeError, NoComposeFile)) as error:
        call({"a.yaml": EMPTY, "sub/b": ""}, environment=environment)

    assert str(error.value) == message


def test_the_home_folder_may_come_from_dot_env() -> None:
    _, seen = call({"compose.yaml": EMPTY, ".env": "HOME=/home/other\n"})

    assert seen.home == "/home/other"


def test_variables_without_a_value_are_reported_once() -> None:
    _, seen = call({"compose.yaml": EMPTY, ".env": "A=$NOWHERE\n"})

    assert [(use.variable, str(use.location)) for use in seen.unresolved_in_files] == [
        ("NOWHERE", ".env:1:1")
    ]


def test_an_environment_file_that_cannot_be_read_is_refused() -> None:
    found = context({"a.env": "A B\n", "sub/x": ""})

    for name, message in (
        ("gone.env", "the environment file gone.env does not exist"),
        ("sub", "the environment file sub is a directory, expected a file"),
        ("a.env", "a.env:1:1: a variable name cannot hold a space"),
    ):
        with pytest.raises(ComposeError) as error:
            read_env_files(found, (f"/project/{name}",), {})
        assert str(error.value) == message


def test_a_switch_that_is_no_boolean_is_refused() -> None:
    with pytest.raises(ComposeError, match="COMPOSE_DISABLE_ENV_FILE: 'maybe' is not a boolean"):
        call({"compose.yaml": EMPTY}, environment={"COMPOSE_DISABLE_ENV_FILE": "maybe"})
