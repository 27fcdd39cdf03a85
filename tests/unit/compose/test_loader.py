"""Loading ends with a project, or with one error that says where and why."""

from __future__ import annotations

import gc

import msgspec
import pytest

from policyd.compose import load
from policyd.errors import ComposeError
from tests.support.compose_projects import bundle, project, refusal


def test_an_empty_file_and_a_project_without_a_name_are_refused() -> None:
    assert refusal("") == "compose.yaml: the Compose file is empty"
    nameless = msgspec.structs.replace(
        bundle({"compose.yaml": "services: {web: {image: x}}\n"}),
        compose_files=("/project/compose.yaml",),
        project_directory="/___",
    )
    with pytest.raises(ComposeError, match="the project has no name: set `name`"):
        load(nameless)


def test_an_error_names_the_variables_without_a_value_at_its_place() -> None:
    assert refusal("services:\n  web: {image: x, scale: $COUNT}\n") == (
        "compose.yaml:2:26: services.web.scale: '' is not a decimal integer "
        "(COUNT has no value here)"
    )


def test_an_error_names_no_long_list_of_variables() -> None:
    names = "".join(f"${{V{number}}}" for number in range(6))

    assert refusal(f"services:\n  web: {{image: x, scale: '{names}'}}\n").endswith(
        "'' is not a decimal integer"
    )


def test_the_garbage_collector_is_enabled_again() -> None:
    assert gc.isenabled()
    project("services: {web: {image: x}}\n")
    assert gc.isenabled()
    refusal("services: []\n")
    assert gc.isenabled()


def test_a_collector_that_was_disabled_stays_disabled() -> None:
    gc.disable()
    try:
        project("services: {web: {image: x}}\n")
        assert not gc.isenabled()
    finally:
        gc.enable()
