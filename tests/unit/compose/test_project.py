"""A project has a model to evaluate, places for its paths, and the print of Compose."""

from __future__ import annotations

import pytest

from policyd.errors import ComposeError
from policyd.model import Location
from tests.support.compose_projects import project


def test_the_tree_keeps_what_the_print_omits() -> None:
    found = project("services:\n  web: {image: x, gpus: [{count: 0}, {device_ids: []}]}\n")

    assert found.tree["services"]["web"]["gpus"] == [{"count": 0}, {"device_ids": []}]
    assert found.config()["services"]["web"]["gpus"] == [{}, {}]


def test_a_path_has_a_place() -> None:
    found = project("services:\n  web: {image: x}\n")

    assert found.locate(("services", "web", "image")) == Location("compose.yaml", 2, 16)


def test_text_in_the_file_is_kept_for_values_with_variables() -> None:
    found = project(
        "services:\n"
        "  web:\n"
        "    image: ${IMAGE:-x}\n"
        "    command: run ${A:-b}\n"
        "    environment: [A=1, HOME]\n"
        "    scale: 2\n"
    )

    assert found.written(("services", "web", "image")) == "${IMAGE:-x}"
    assert found.written(("services", "web", "command", 1)) == "run ${A:-b}"
    assert found.written(("services", "web", "environment", "A")) == "A=1"
    assert found.written(("services", "web", "scale")) == "2"
    assert found.written(("services", "web", "environment")) is None
    assert found.written(("services", "web", "labels", "a")) is None


def test_an_ssh_key_with_a_path_cannot_be_printed_and_has_a_place() -> None:
    found = project("services:\n  web:\n    build:\n      ssh: {key: ./id}\n")

    with pytest.raises(ComposeError) as error:
        found.config()

    assert str(error.value) == (
        "compose.yaml:4:18: services.web.build.ssh.key: Compose cannot print an SSH key with a "
        "path as JSON"
    )
