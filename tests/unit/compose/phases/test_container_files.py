"""Env and label files add what the container does not say itself."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.context import LoadContext
from policyd.compose.phases.container_files import ContainerFiles
from policyd.errors import ComposeError
from policyd.model import Location, Path
from tests.support.cases import cases
from tests.support.compose_projects import context

PATH: Path = ("services", "web")
WHERE = Location("compose.yaml", 1, 2)


def files(found: LoadContext, places: dict[Path, Location] | None = None) -> ContainerFiles:
    return ContainerFiles(
        found, {"CALLER": "1"}, lambda _path: WHERE, {} if places is None else places
    )


def entry(path: str, **options: Any) -> dict[str, Any]:
    return {"path": path, "required": True, **options}


def test_later_files_win_over_earlier_ones_and_the_environment_over_both() -> None:
    places: dict[Path, Location] = {}
    container = {
        "environment": {"OWN": "own", "CALLER": None, "NOWHERE": None},
        "env_file": [entry("a.env"), entry("b.env")],
    }
    found = context({"a.env": "OWN=a\nA=a\nB=a\n", "b.env": "\nB=$A$OWN$CALLER\n"})

    assert files(found, places).variables(PATH, container, is_lenient=False) == {
        "OWN": "own",
        "CALLER": "1",
        "NOWHERE": None,
        "A": "a",
        "B": "aown1",
    }
    assert places == {
        (*PATH, "environment", "A"): Location("a.env", 2, 1),
        (*PATH, "environment", "B"): Location("b.env", 2, 1),
    }


def test_a_raw_file_is_not_interpolated() -> None:
    container = {"env_file": [entry("a.env", format="raw")]}

    found = files(context({"a.env": "A='$B'\n"})).variables(PATH, container, is_lenient=False)

    assert found == {"A": "'$B'"}


def test_labels_win_over_label_files() -> None:
    container = {"labels": {"a": "own"}, "label_file": ["a.label", "b.label"]}
    found = context({"a.label": "a=1\nb=1\n", "b.label": "b=$a\n"})

    assert files(found).labels(PATH, container, is_lenient=False) == {"b": "1", "a": "own"}


@cases(
    ("option", "message"),
    [
        (entry("gone.env"), "compose.yaml:1:2: the env_file gone.env does not exist"),
        (entry("sub"), "compose.yaml:1:2: sub is a directory, expected a file"),
        (entry(""), "compose.yaml:1:2: the env_file . does not exist"),
        (entry("/etc/a.env"), "compose.yaml:1:2: /etc/a.env: is outside the project"),
        (entry("/project/\0"), "compose.yaml:1:2: '/project/\\x00': the path has a NUL byte"),
        (
            entry("a.env", format="json"),
            "compose.yaml:1:2: unknown format 'json' of a.env: use `raw`",
        ),
        (entry("a.env"), "a.env:1:1: a variable name cannot hold a space"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_or_not_evaluated(
    option: dict[str, Any], message: str
) -> None:
    found = context({"a.env": "A B=1\n", "sub/x": ""})
    container = {"env_file": [option]}

    with pytest.raises(ComposeError) as error:
        files(found).variables(PATH, container, is_lenient=False)
    assert str(error.value).startswith(message)
    assert found.not_evaluated == []

    assert files(found).variables(PATH, container, is_lenient=True) == {}
    (seen,) = found.not_evaluated
    assert (seen.kind, seen.location) == ("env-file", WHERE)
    assert seen.reason == error.value.message


def test_an_optional_file_that_is_missing_is_not_evaluated() -> None:
    found = context()
    container = {"env_file": [entry("gone.env", required=False)]}

    assert files(found).variables(PATH, container, is_lenient=False) == {}
    assert [each.reason for each in found.not_evaluated] == ["the env_file gone.env does not exist"]


def test_every_read_counts() -> None:
    found = context({"a.env": "A=1\n" * 10})
    container = {"env_file": [entry("a.env"), entry("a.env")]}

    files(found).variables(PATH, container, is_lenient=True)

    assert found.effort.steps == 2 * (1 + 3 * 10)
