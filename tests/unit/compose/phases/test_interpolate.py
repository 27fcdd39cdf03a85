"""Variables are replaced in values, and texts of typed fields are parsed."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import plain
from policyd.compose.phases.interpolate import interpolate
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import context, document

VARIABLES = {"ONE": "1", "YES": "yes", "MASK": "022"}


def interpolated(text: str) -> Any:
    return plain(interpolate(document(text), PROJECT, VARIABLES.get, context()))


def test_keys_are_left_alone() -> None:
    assert interpolated("x-$ONE: $ONE\n") == {"x-$ONE": "1"}


@cases("place", ["services: {a: %s}", "services: {a: {pre_start: [%s]}}", "jobs: {a: %s}"])  # fmt: skip
def test_casts_reach_services_hooks_and_jobs(place: str) -> None:
    text = place % "{privileged: $YES, cpu_count: $ONE, cpus: '0.1', umask: $MASK}"

    found = interpolated(text)

    container = next(iter(found.values()))["a"]
    container = container.get("pre_start", [container])[0]
    assert container == {"privileged": True, "cpu_count": 1, "cpus": 0.1, "umask": 18}


def test_a_text_that_is_not_of_its_type_is_refused_with_its_path() -> None:
    with pytest.raises(ComposeError) as error:
        interpolated("services: {a: {volumes: [{read_only: maybe}]}}\n")

    assert str(error.value) == (
        "compose.yaml:1:38: services.a.volumes[0].read_only: 'maybe' is not a boolean: write true "
        "or false"
    )


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ComposeError, match="'inf' is not a finite number"):
        interpolated("services: {a: {cpu_percent: inf}}\n")


def test_variables_without_a_value_are_reported() -> None:
    found = context()

    interpolate(document("services: {a: {image: 'x:$TAG'}}\n"), PROJECT, VARIABLES.get, found)

    assert [(name, str(node.location)) for name, node in found.unresolved] == [
        ("TAG", "compose.yaml:1:23")
    ]


def test_what_holds_no_variable_is_not_copied() -> None:
    tree = document("services: {a: {image: x}}\n")

    assert interpolate(tree, PROJECT, VARIABLES.get, context()) is tree
