"""What policies report when they are evaluated without an engine is what OPA reports.

Modules at random, as far as the lint permits them; OPA evaluates all that it does not refuse.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from policyd.bundle import memory_bundle
from policyd.errors import PolicySetError
from policyd.loading import load_project
from policyd.model import Review, Source, to_json
from policyd.policies.lint import compiles, problems
from policyd.policies.rego_values import Doubt, RegoSet
from policyd.policies.simple_reader import Reader
from policyd.policies.simple_rules import ModuleRules, PolicySetRules
from policyd.policies.simple_statements import Body, Scope
from policyd.policies.syntax_tree import parse
from policyd.policy_input import PolicyInput, policy_input
from tests.support import opaserver
from tests.support.rego_programs import Program

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MODULES = 4_000
PROJECT = b"""
name: shop
services:
  web:
    image: ghcr.io/acme/Web:1.0
    cap_add: [NET_ADMIN, SYS_ADMIN]
    environment: {A: "1", B: "", NVIDIA_VISIBLE_DEVICES: all, C: "x=y"}
    volumes: ["/etc:/e:ro", "data:/d", "/var/run/docker.sock:/s"]
    devices: ["/dev/nvidia0", "/dev/fuse:/dev/x:r"]
    labels: {a: b, x.y: z}
    deploy:
      replicas: 3
      resources: {reservations: {devices: [
        {driver: nvidia, count: 2, capabilities: [gpu, utility]},
        {driver: nvidia, device_ids: ["0", "3"], capabilities: [gpu]}]}}
  db: {image: db, privileged: true, pid: host, security_opt: ["seccomp:unconfined"]}
volumes: {data: {}}
"""


@pytest.fixture(scope="module")
def document() -> PolicyInput:
    """The input of policies for a project of two services."""
    loaded = load_project(memory_bundle({"compose.yaml": PROJECT}))
    return policy_input(loaded, Review("u", "ci", 0, source=Source("acme/shop")), {})


def test_random_policies_report_what_opa_reports(document: PolicyInput, tmp_path: Path) -> None:
    random = Random(20_261_201)
    found: dict[str, set[str]] = {}
    for number in range(MODULES):
        package = f"p{number}"
        text = Program(random).module(package)
        if is_permitted(package, text):
            try:
                found[package] = {shown(value) for value in reported(package, text, document)}
            except Doubt:
                continue
            (tmp_path / f"{package}.rego").write_text(text)
    for package in refused_by_opa(tmp_path):
        del found[package]
        (tmp_path / f"{package}.rego").unlink()

    expected = reported_by_opa(tmp_path, to_json(document))

    assert len(found) > 150
    assert sum(1 for values in found.values() if values) > 40
    wrong = [package for package in found if found[package] != expected[package]]
    assert {package: (tmp_path / f"{package}.rego").read_text() for package in wrong} == {}


def is_permitted(package: str, text: str) -> bool:
    """Return whether the lint has nothing against the module."""
    file = f"{package}.rego"
    try:
        compiles({file: text}, {})
        modules = {file: parse(file, text)}
        return not list(problems(modules, modules, {}, knows_input=False))
    except PolicySetError:
        return False


def reported(package: str, text: str, document: PolicyInput) -> Iterator[Any]:
    """Yield the values of `violation` by simple statements. Raises Doubt."""
    file = f"{package}.rego"
    rules, module = PolicySetRules({file: text}, {}), parse(file, text)
    scope = Scope(document)
    for body in bodies(rules, module):
        yield from body.values(scope)


def bodies(rules: PolicySetRules, module: Any) -> Iterator[Body]:
    """Yield the bodies of `violation`."""
    for rule in module.tree["rules"]:
        definition = rule["Spec"]
        head = definition["head"].get("Set")
        if head and head["refr"].get("Var", {}).get("value") == "violation":
            statements = definition["bodies"][0]["query"]["stmts"]
            yield Reader(ModuleRules(rules, module)).beginning(statements, head["key"])


def refused_by_opa(folder: Path) -> set[str]:
    """Return the modules in `folder` that OPA does not compile."""
    refused: set[str] = set()
    while True:
        command = [opaserver.opa(), "check", "--format", "json", str(folder)]
        command += [f"--ignore={package}.rego" for package in refused]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return refused
        errors = json.loads(done.stderr)["errors"]
        # OPA names ten errors at most, and then says that there are more.
        refused |= {Path(error["location"]["file"]).stem for error in errors if "location" in error}


def reported_by_opa(folder: Path, document: bytes) -> dict[str, set[str]]:
    """Return the values of `violation` of each module in `folder`.

    Only these are evaluated: rules that no module needs may have several values.
    """
    packages = [file.stem for file in folder.glob("*.rego")]
    query = ", ".join(f'"{name}": data.{name}.violation' for name in packages)
    command = [opaserver.opa(), "eval", "--format", "json", "--stdin-input", "--data", str(folder)]
    done = subprocess.run(
        [*command, f"{{{query}}}"], input=document, capture_output=True, check=False
    )
    answer = json.loads(done.stdout)
    assert "errors" not in answer, answer["errors"]
    values = answer["result"][0]["expressions"][0]["value"]
    return {name: set(map(shown, reported)) for name, reported in values.items()}


def shown(value: Any) -> str:
    """Return `value` as a text. Lists are sorted, as OPA's JSON does not tell sets from lists."""
    return json.dumps(plain(value), sort_keys=True)


def plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        value = json.loads(to_json(value))
    if isinstance(value, RegoSet):
        value = list(value.by_form.values())
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return sorted(map(plain, value), key=lambda one: json.dumps(one, sort_keys=True))
    return value
