"""One load shares its effort, its home directory and what it reports."""

from __future__ import annotations

from policyd.compose.nodes import Node
from tests.support.compose_projects import context


def test_paths_are_relative_to_the_working_directory_and_shown_relative_to_the_root() -> None:
    found = context({"sub/a.yaml": ""})

    assert found.absolute("sub/a.yaml") == "/project/sub/a.yaml"
    assert found.absolute("/etc/a") == "/etc/a"
    assert found.display("/project/sub/a.yaml") == "sub/a.yaml"
    assert found.display("-") == "-"


def test_a_tilde_is_the_home_folder() -> None:
    found = context(environment={"HOME": "/home/user"})

    assert found.expand_home("~/data", Node("~/data", None)) == "/home/user/data"
    assert found.expand_home("data/~", Node("data/~", None)) == "data/~"
    assert found.not_evaluated == []


def test_a_tilde_without_a_known_home_folder_is_not_evaluated() -> None:
    found = context()

    assert found.expand_home("~/data", Node("~/data", None)) == "~/data"
    assert [(each.kind, each.what, each.reason) for each in found.not_evaluated] == [
        (
            "home",
            "~/data",
            "`~` is the home directory of the user who deploys, which is unknown here",
        )
    ]
