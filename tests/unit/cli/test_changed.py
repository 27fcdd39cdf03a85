from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.repositories import commit, git, repository

BASE = "services:\n  web:\n    image: nginx\n"


@pytest.fixture
def repo(folder: Path) -> Path:
    """Four projects, of which each depends on a file of its own."""
    repository(folder)
    commit(
        folder,
        {
            "plain/compose.yaml": BASE,
            "env/compose.yaml": BASE + "    env_file: app.env\n",
            "env/app.env": "A=1\n",
            "extends/compose.yaml": "services:\n  web:\n    extends: {file: ../lib/web.yaml, "
            "service: web}\n",
            "include/compose.yaml": "include: [../lib/web.yaml]\n",
            "lib/web.yaml": BASE,
            "build/compose.yaml": "services:\n  web:\n    build: .\n",
            "build/Dockerfile": "FROM nginx\n",
            "broken/compose.yaml": "services:\n  web:\n    imag: nginx\n",
        },
    )
    git(folder, "branch", "base")
    return folder


def evaluated(run, *arguments: str) -> list[str]:
    result = run("check", "--changed-since", "base", "--format", "json", *arguments)
    return [one["source"] for one in json.loads(result.stdout)["decisions"]]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ("plain/compose.yaml", ["plain"]),
        ("env/app.env", ["env"]),
        ("lib/web.yaml", ["extends", "include"]),
        ("build/Dockerfile", ["build"]),
        ("broken/compose.yaml", ["broken"]),
        ("README.md", []),
    ],
)
def test_a_project_is_touched_by_each_file_that_it_is_loaded_from(
    run, repo, changed: str, touched: list[str]
) -> None:
    path = repo / changed
    path.write_text((path.read_text() if path.exists() else "") + "# changed\n")

    assert evaluated(run) == touched


@pytest.mark.thorough
@pytest.mark.parametrize("name", [".env", "compose.override.yaml", "compose.yml"])
def test_a_new_file_that_compose_looks_for_touches_a_project(run, repo, name: str) -> None:
    (repo / "plain" / name).write_text("{}\n" if name != ".env" else "A=1\n")

    assert "plain" in evaluated(run)


def test_a_removed_base_touches_the_overlay_that_is_left(run, repo) -> None:
    commit(repo, {"plain/compose.prod.yaml": BASE})
    git(repo, "branch", "-f", "base")
    (repo / "plain" / "compose.yaml").unlink()

    assert evaluated(run) == ["plain/compose.prod.yaml"]


def test_a_changed_policy_set_touches_every_project(run, repo) -> None:
    (repo / "rules").mkdir()
    (repo / "rules" / "policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: x}\nspec: {packs: [container]}\n"
    )

    assert len(evaluated(run, "--policy-set", "rules")) == 6


def test_what_is_left_out_is_counted_and_no_change_is_exit_0(run, repo) -> None:
    result = run("check", "--changed-since", "base")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "policyd: note: 6 of 6 projects have no change since base\n"


def test_an_unknown_ref_is_exit_2(run, repo) -> None:
    result = run("check", "--changed-since", "--output=x")

    assert result.exit_code == 2
    assert result.stderr == (
        "policyd: error: --changed-since --output=x: a ref does not start with '-'\n"
    )
