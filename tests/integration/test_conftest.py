"""A real conftest runs our packs on the input of policies; policyd runs the rules of conftest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyd.policies.packs import built_in

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"

OF_THE_MODEL = """package main

import data.lib.images

deny contains msg if {
	some name, service in input.services
	image := service.image
	not images.is_ours(image)
	msg := sprintf("%v runs the image %v", [name, image])
}

warn_tag contains {"msg": sprintf("%s has no tag", [name])} if {
	some name, service in input.services
	image := service.image
	not contains(image, ":")
}
"""
LIBRARY = """package lib.images

is_ours(image) if startswith(image, "registry.example/")
"""
OF_THE_REVIEW = """package compose.users

violation_root contains {"msg": msg, "service": w.name, "path": ["services", w.name, "user"]} if {
	some w in input.workloads
	w.user == "root"
	msg := concat(" ", [w.name, "runs as", input.project.services[w.name].user])
}
"""
POLICY_SET = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: plain}
spec: {packs: [rules]}
"""
COMPOSE = """services:
  db:
    image: registry.example/db:1
  web:
    image: nginx
    user: root
"""

Conftest = Callable[..., set[tuple[str, str]]]


@pytest.fixture
def conftest(tmp_path: Path) -> Conftest:
    """Run `conftest test` on a document; return the namespace and the message of each result."""
    program = shutil.which("conftest")
    if program is None:
        assert not os.environ.get("CI"), "CI has no conftest"
        pytest.skip("there is no conftest on the PATH")

    def run(document: str, *arguments: str) -> set[tuple[str, str]]:
        command = [program, "test", "--output", "json", *arguments, "-"]
        done = subprocess.run(
            command, input=document, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.stderr == ""
        return {
            (result["namespace"], found["msg"])
            for result in json.loads(done.stdout)
            for kind in ("failures", "warnings")
            for found in result.get(kind, ())
        }

    return run


def policyd(*arguments: str) -> str:
    command = [sys.executable, "-m", "policyd", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def decision(*arguments: str) -> dict[str, Any]:
    answer = json.loads(policyd("check", "--format", "json", *arguments))
    found: dict[str, Any] = answer["decisions"][0]
    return found


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder with a project, a policy set, and rules as conftest has them."""
    for name, text in {
        "policyset.yaml": POLICY_SET,
        "rules/model/main.rego": OF_THE_MODEL,
        "rules/model/images.rego": LIBRARY,
        "rules/review/users.rego": OF_THE_REVIEW,
        "app/compose.yaml": COMPOSE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*/denied")), ids=lambda p: p.parent.name)
def test_our_packs_find_under_conftest_what_policyd_finds(
    conftest: Conftest, example: Path
) -> None:
    document = policyd("config", "--format", "review", "--project-directory", str(example),
                       *(f"--file={file}" for file in sorted(example.glob("compose*.yaml"))[::-1])
                       )  # fmt: skip
    packs = built_in()

    found = conftest(
        document,
        f"--policy={packs}",
        f"--data={packs / 'data.yaml'}",
        "--namespace=policyd.policies.*",
    )

    violations = decision(str(example))["violations"]
    assert violations
    assert found >= {
        (f"policyd.policies.{one['policy'].replace('-', '_')}", one["message"])
        for one in violations
    }


@pytest.mark.slow
def test_rules_on_the_model_find_under_policyd_what_conftest_finds(
    conftest: Conftest, plain: Path
) -> None:
    project = str(plain / "app" / "compose.yaml")

    found = conftest(policyd("config", "-f", project), f"--policy={plain / 'rules' / 'model'}")

    assert found == {("main", "web runs the image nginx"), ("main", "web has no tag")}
    judged = decision("--policy-set", str(plain), str(plain / "app"))
    assert {
        (one["policy"], one["enforcementAction"], one["message"])
        for one in judged["violations"]
        if one["policy"].startswith("main-")
    } == {
        ("main-deny", "deny", "web runs the image nginx"),
        ("main-warn-tag", "warn", "web has no tag"),
    }


@pytest.mark.slow
def test_rules_on_the_review_find_under_policyd_what_conftest_finds(
    conftest: Conftest, plain: Path
) -> None:
    project = str(plain / "app" / "compose.yaml")
    document = policyd("config", "--format", "review", "-f", project)

    found = conftest(
        document, f"--policy={plain / 'rules' / 'review'}", "--namespace=compose.users"
    )

    assert found == {("compose.users", "web runs as root")}
    judged = decision("--policy-set", str(plain), str(plain / "app"))
    (violation,) = [
        one for one in judged["violations"] if one["policy"] == "compose-users-violation-root"
    ]
    assert violation["message"] == "web runs as root"
    location = violation["location"]
    assert location["file"].endswith("app/compose.yaml")
    assert (location["line"], location["column"]) == (6, 11)
