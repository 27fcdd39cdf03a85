from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

CLEAN = "services:\n  web:\n    image: nginx\n"
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"
OVERLAY = "services:\n  web:\n    privileged: true\n"


def put(folder: Path, **texts: str) -> None:
    """Write files: a__compose is a/compose.yaml, and a__prod is a/compose.prod.yaml."""
    for key, text in texts.items():
        place, _, name = key.rpartition("__")
        file = "compose.yaml" if name == "compose" else f"compose.{name}.yaml"
        path = folder / place.replace("__", "/") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def sources(result) -> list[tuple[str, bool]]:
    found = json.loads(result.stdout)
    return [(one["source"], one["allowed"]) for one in found["decisions"]]


def test_a_folder_without_a_project_is_an_error_and_never_its_parents_project(run, folder) -> None:
    put(folder, compose=CLEAN)
    (folder / "empty").mkdir()

    result = run("check", "empty")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "policyd: error: empty: no Compose file in this folder\n"


def test_a_folder_that_may_not_be_read_is_not_called_empty(run, folder, monkeypatch) -> None:
    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read every folder

    result = run("check", "closed")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "policyd: error: closed: cannot be read: Permission denied\n"


@pytest.mark.parametrize("command", ["check", "fix", "config", "review"])
def test_an_empty_path_is_not_this_folder(run, folder, monkeypatch, command: str) -> None:
    put(folder, compose=CLEAN)
    monkeypatch.setenv("POLICYD_URL", "https://policyd.example")

    result = run(command, "")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("policyd: error: a path is empty; write . for this folder\n")


def test_a_hint_names_the_projects_below(run, folder) -> None:
    put(folder, x__a__compose=CLEAN, x__b__compose=CLEAN, x__c__compose=CLEAN, x__d__compose=CLEAN)

    named = run("check", "x")
    here = run("check")

    assert named.stderr == (
        "policyd: error: x: no Compose file in this folder; "
        "--recursive evaluates the projects below it: a, b, c, …\n"
    )
    assert named.exit_code == here.exit_code == 2
    assert here.stderr.startswith(
        "policyd: note: --recursive evaluates the projects below it: x/a, x/b, x/c, …\n"
        f"policyd: error: no Compose file in {folder} or above"
    )


def test_a_hint_names_a_file_that_is_there_alone(run, folder) -> None:
    put(folder, x__prod=CLEAN)

    assert run("check", "x").stderr == (
        "policyd: error: x: no Compose file in this folder; "
        "there is compose.prod.yaml: name the file\n"
    )


def test_names_that_are_not_utf_8_are_undecided_and_hide_nothing(run, folder) -> None:
    put(folder, a__compose=CLEAN)
    place = os.fsencode(folder) + b"/\xff"
    os.mkdir(place)
    with open(place + b"/compose.yaml", "w") as file:
        file.write(PRIVILEGED)

    result = run("check", "-r", "--report", "json=out.json")

    assert result.exit_code == 2
    assert "ALLOWED  a\n" in result.stdout
    assert "the path is not UTF-8" in result.stderr
    assert len(json.loads((folder / "out.json").read_text())["undecided"]) == 1


def test_without_a_path_the_project_of_a_parent_is_announced(run, folder, monkeypatch) -> None:
    put(folder, compose=PRIVILEGED)
    below = folder / "src"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setenv("PWD", str(below))

    result = run("check")

    assert result.exit_code == 1
    assert result.stderr == (
        f"policyd: note: no Compose file in {below}: evaluating the project in {folder}\n"
    )


def test_compose_file_in_the_environment_file_makes_a_folder_a_project(run, folder) -> None:
    (folder / "app").mkdir()
    (folder / "app" / ".env").write_text("COMPOSE_FILE=stack.yml\n")
    (folder / "stack.yml").write_text(CLEAN)
    (folder / "app" / "stack.yml").write_text(PRIVILEGED)

    assert run("check", "app").stdout.startswith("DENIED  app: 1 violation")


def test_recursive_evaluates_every_project_and_combination_below(run, folder) -> None:
    put(folder, compose=CLEAN, prod=OVERLAY, apps__b__compose=PRIVILEGED, apps__a__compose=CLEAN)

    result = run("check", "--recursive", "--format", "json")

    assert result.exit_code == 1
    assert sources(result) == [
        (".", True),
        ("compose.yaml compose.prod.yaml", False),
        ("apps/a", True),
        ("apps/b", False),
    ]
    violation = json.loads(result.stdout)["decisions"][1]["violations"][0]
    assert violation["location"] == {"file": "compose.prod.yaml", "line": 3, "column": 17}


def test_recursive_names_projects_relative_to_the_path_and_evaluates_each_once(run, folder) -> None:
    put(folder, apps__a__compose=CLEAN, apps__b__compose=CLEAN)

    result = run("check", "-r", "apps/b", "./apps", str(folder / "apps"), "--format", "json")

    assert sources(result) == [("apps/b", True), ("apps/a", True)]


def test_recursive_without_a_project_below_is_an_error(run, folder) -> None:
    put(folder, a__compose=CLEAN)
    (folder / "empty").mkdir()

    result = run("check", "-r", "a", "empty")

    assert result.exit_code == 2
    assert result.stderr == "policyd: error: empty: no Compose file in this folder or below it\n"


def test_recursive_leaves_out_what_git_ignores(run, folder) -> None:
    put(folder, a__compose=CLEAN, dist__compose=PRIVILEGED)
    (folder / ".gitignore").write_text("dist\n")

    assert run("check", "-r").exit_code == 0
    assert run("check", "-r", "--no-ignore").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "x.yaml"], "--file cannot be used together with --recursive or --changed-since"),
        (["--project-directory", "."], "--recursive and --project-directory cannot be used"),
    ],
)
def test_flags_of_one_project_exclude_a_search(run, arguments: list[str], message: str) -> None:
    result = run("check", "-r", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_compose_file_in_the_environment_excludes_a_search(run, monkeypatch) -> None:
    monkeypatch.setenv("COMPOSE_FILE", "x.yaml")

    result = run("check", "-r")

    assert result.exit_code == 2
    assert "--recursive cannot be used while COMPOSE_FILE is set" in result.stderr
