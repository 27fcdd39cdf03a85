"""An include brings in a model with a directory and an environment of its own."""

from __future__ import annotations

import pytest

from policyd.compose.context import Scope
from policyd.compose.effort import Effort
from policyd.compose.nodes import plain
from policyd.compose.phases.include import import_resources, include_entries, resolve_include
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import context, document, project, refusal

SCOPE = Scope("/project", "/project", {"A": "caller"}, ("/project/compose.yaml",))
FILES = {"sub/b.yaml": "services: {}\n", "sub/.env": "A=file\nB=file\n", "c.env": "B=c\n"}


def entry(text: str) -> object:
    (found,) = include_entries(document(f"include: [{text}]\n"))
    return found


def test_a_path_alone() -> None:
    found = resolve_include(context(FILES), entry("sub/b.yaml"), SCOPE)

    assert found is not None
    assert found.files == ("/project/sub/b.yaml",)
    assert (found.scope.directory, found.scope.base) == ("sub", "/project/sub")
    assert found.scope.environment == {"A": "caller", "B": "file"}
    assert found.scope.depth == 1


def test_options() -> None:
    text = "{path: [sub/b.yaml], env_file: c.env, project_directory: /project}"

    found = resolve_include(context(FILES), entry(text), SCOPE)

    assert found is not None
    assert (found.scope.directory, found.scope.base) == ("/project", "/project")
    assert found.scope.environment == {"A": "caller", "B": "c"}


def test_entries_that_give_the_same_model_have_one_identity() -> None:
    one = resolve_include(context(FILES), entry("sub/b.yaml"), SCOPE)
    same = resolve_include(context(FILES), entry("{path: sub/b.yaml}"), SCOPE)
    other = resolve_include(context(FILES), entry("{path: sub/b.yaml, env_file: c.env}"), SCOPE)

    assert one
    assert same
    assert other
    assert one.identity == same.identity
    assert one.identity != other.identity


def test_a_remote_include_is_not_evaluated() -> None:
    found = context()

    assert resolve_include(found, entry("'https://example.com/a.git'"), SCOPE) is None
    assert [(each.kind, each.what, each.reason) for each in found.not_evaluated] == [
        ("remote-include", "https://example.com/a.git", "remote includes are never fetched")
    ]


def test_a_remote_include_that_is_disabled_is_refused() -> None:
    found = context(environment={"COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false"})

    with pytest.raises(ComposeError, match="COMPOSE_EXPERIMENTAL_GIT_REMOTE disables it"):
        resolve_include(found, entry("'https://example.com/a.git'"), SCOPE)


@cases(
    ("text", "message"),
    [
        ("include: a.yaml\n", "compose.yaml:1:10: include: expected a list, found a string"),
        (
            "include: [1]\n",
            "compose.yaml:1:11: include: expected a path or a mapping, found an integer",
        ),
        ("include: [b.yaml]\n", "compose.yaml:1:11: the file b.yaml does not exist"),
        (
            "include: [{path: sub/b.yaml, env_file: gone.env}]\n",
            "compose.yaml:1:11: include: the environment file gone.env does not exist",
        ),
        (
            "include: [compose.yaml]\n",
            "compose.yaml:1:11: include: files include each other: compose.yaml includes compose.yaml",
        ),
    ],
)
def test_a_wrong_entry_is_refused(text: str, message: str) -> None:
    assert refusal(text, FILES) == message


def test_resources_are_imported_and_the_including_file_wins() -> None:
    tree = document("services: {web: {user: a, cap_add: [A]}}\n")
    imported = document(
        "services: {web: {user: b, cap_add: [B]}, db: {image: x}}\njobs: {seed: {image: y}}\n"
    )

    assert plain(import_resources(tree, imported, [], Effort())) == {
        "services": {"web": {"user": "a", "cap_add": ["B", "A"]}, "db": {"image": "x"}},
        "jobs": {"seed": {"image": "y"}},
    }


def test_a_diamond_does_not_double_requests() -> None:
    request = "services: {gpu: {image: x, gpus: [{count: 1}]}}\n"

    found = project(
        "include: [a.yaml, b.yaml]\n",
        {"a.yaml": "include: [c.yaml]\n", "b.yaml": "include: [c.yaml]\n", "c.yaml": request},
    )

    assert found.tree["services"]["gpu"]["gpus"] == [{"count": 1}]
