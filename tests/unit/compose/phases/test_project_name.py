"""A project is named by its caller, its files, or its directory."""

from __future__ import annotations

from typing import Any

from policyd.compose.phases.project_name import normalized
from tests.support.cases import cases
from tests.support.compose_projects import project, refusal

SERVICES = "services: {web: {image: x}}\n"


@cases(
    ("text", "options", "name"),
    [
        ("", {}, "project"),
        ("name: Shop 1\n", {}, "shop1"),
        ("name: ${N:-a}-b\n", {}, "a-b"),
        ("name: ${N:-a}-b\n", {"environment": {"N": "c"}}, "c-b"),
        ("name: a\n", {"environment": {"COMPOSE_PROJECT_NAME": "b"}}, "b"),
        ("name: a\n", {"environment": {"COMPOSE_PROJECT_NAME": "b"}, "project_name": "c"}, "c"),
    ],
)
def test_the_name(text: str, options: dict[str, Any], name: str) -> None:
    assert project(text + SERVICES, **options).name == name


def test_a_name_of_the_caller_must_be_normal() -> None:
    assert refusal(SERVICES, project_name="A b") == (
        "invalid project name 'A b': use lower-case letters, digits, '-' and '_', and start with a "
        "letter or digit"
    )


@cases(("text", "options"), [(f"name: {'a' * 301}\n", {}), ("", {"project_name": "a" * 301})])
def test_a_name_that_the_audit_log_cannot_index_is_refused(
    text: str, options: dict[str, Any]
) -> None:
    assert refusal(text + SERVICES, **options) == (
        "the name of the project has 301 bytes; the limit is 300"
    )


def test_a_name_that_cannot_be_interpolated_is_refused() -> None:
    assert refusal("name: ${A\n" + SERVICES).startswith("compose.yaml: name: invalid interpolation")


def test_a_normal_name_has_few_characters() -> None:
    assert normalized("__My Shop!_1") == "myshop_1"
