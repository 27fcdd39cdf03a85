"""The examples get the verdict of their folder; the lock files fit pyproject.toml."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from prometheus_client import generate_latest

from policyd.bootstrap import build
from policyd.bundle import directory_bundle
from policyd.config import Settings
from policyd.listen_address import listen_address
from policyd.metrics import CheckpointMetrics, Metrics
from policyd.model import Review
from policyd.policies.levels import level_file
from policyd.settings_reader import load_settings
from tests.support.cases import cases

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "deploy/examples").rglob("compose.yaml"))
METHODS = {"device-reservation", "runtime-nvidia", "raw-device-nodes"}


@pytest.mark.thorough
@cases("folder", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_example_gets_the_verdict_that_it_is_named_for(folder: Path) -> None:
    services = build(Settings())
    try:
        decision = services.decide(
            directory_bundle(str(folder), profiles=()),
            Review(uid="1", enforcement_point="cli", now=1_800_000_000_000_000_000),
        )
    finally:
        services.close()

    assert decision.allowed == (folder.name != "denied")
    assert decision.not_evaluated == ()
    assert bool(decision.grants) == (folder.name != "clean")


def test_each_method_has_a_denied_and_an_allowed_variant() -> None:
    names = {path.relative_to(ROOT / "deploy/examples").as_posix() for path in EXAMPLES}

    assert names == {"clean"} | {f"{m}/{v}" for m in METHODS for v in ("denied", "allowed")}


def test_the_demonstration_shows_every_example() -> None:
    shown = runpy.run_path(str(ROOT / "deploy/demo.py"))["EXAMPLES"]

    assert {ROOT / "deploy/examples" / name for name in shown} == set(EXAMPLES)
    assert all(allowed == (not name.endswith("/denied")) for name, allowed in shown.items())


LOCKS = ROOT / "deploy/requirements"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
LOCKED = {
    "run": [
        *PYPROJECT["project"]["dependencies"],
        *(line for extra in ("inventory", "oidc", "postgres", "signing") for line in EXTRAS[extra]),
    ],
    "test": [*PYPROJECT["project"]["dependencies"], *EXTRAS["test"]],
    "docs": [*PYPROJECT["project"]["dependencies"], *EXTRAS["docs"]],
    "build": PYPROJECT["dependency-groups"]["build"],
}
"""What each lock file is made from."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cases("name", LOCKED)
def test_a_lock_file_has_a_version_in_range_and_hashes_for_each_requirement(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    entries = re.findall(
        r"^([\w.-]+)==([\w.]+)[^\n]*\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)+)", text, re.MULTILINE
    )
    locked = {canonical(package): version for package, version, _ in entries}
    needed = [Requirement(line) for line in LOCKED[name]]

    assert len(locked) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    assert {
        one.name: locked.get(canonical(one.name), "missing")
        for one in needed
        if one.name != "policyd"
        and not one.specifier.contains(locked.get(canonical(one.name), "0"), prereleases=True)
    } == {}


@cases("name", LOCKED)
def test_a_lock_file_names_no_package_index(name: str) -> None:
    assert (
        re.findall(r"://|--(?:extra-)?index|--find-links", (LOCKS / f"{name}.txt").read_text())
        == []
    )


def test_the_lock_files_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCKED:
        for package, version in re.findall(
            r"^([\w.-]+)==([\w.]+)", (LOCKS / f"{name}.txt").read_text(), re.MULTILINE
        ):
            versions.setdefault(package, set()).add(version)

    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


# --- deployment ----------------------------------------------------------------------------------


@pytest.mark.thorough
@cases("level", ["restricted", "gpu-shared-host"])
def test_the_deployment_with_compose_is_allowed_by_our_own_levels(level: str) -> None:
    services = build(Settings(policy_set=str(level_file(level))))
    try:
        decision = services.decide(
            directory_bundle(str(ROOT / "deploy/compose"), profiles=()),
            Review(uid="1", enforcement_point="cli", now=1_800_000_000_000_000_000),
        )
    finally:
        services.close()

    found = {violation.policy for violation in decision.violations}
    assert (decision.allowed, found) == (
        True,
        {"require-image-digest"} if level == "restricted" else set(),
    )


def _settings_of_kubernetes() -> str:
    settings: str = _kubernetes()["ConfigMap"]["data"]["policyd.toml"]
    return settings


def _kubernetes() -> dict[str, Any]:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/policyd.yaml").read_text())
    return {document["kind"]: document for document in documents}


@pytest.mark.parametrize(
    "read",
    [(ROOT / "deploy/compose/policyd.toml").read_text, _settings_of_kubernetes],
    ids=["compose", "kubernetes"],
)
def test_the_settings_of_a_deployment_load(tmp_path: Path, read: Callable[[], str]) -> None:
    for name in ("ci-token", "opa-token"):
        (tmp_path / name).write_text(f"{name}-of-32-characters-or-more")
        (tmp_path / name).chmod(0o440)
    text = re.sub(r"/run/secrets/(policyd/)?([a-z]+-token)", r"\2", read())
    (tmp_path / "policyd.toml").write_text(text)

    settings = load_settings(str(tmp_path / "policyd.toml"), {}, {})

    assert listen_address(settings) == ("0.0.0.0", 8093)
    assert settings.tokens["ci"].scopes == ("review",)


def test_the_pods_have_no_rights_and_probe_the_routes_of_the_webhook() -> None:
    pod = _kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in PROBES}
    assert probes == PROBES


PROBES = {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}


def test_alerts_and_dashboard_name_metrics_that_exist() -> None:
    services = build(Settings())
    try:
        text = Metrics(services.rules, services.clock).text("")[0].decode()
    finally:
        services.close()
    text += generate_latest(CheckpointMetrics().registry).decode()
    exposed = set(re.findall(r"# TYPE ([a-z_]+)", text))
    rules = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text())
    panels = json.loads((ROOT / "deploy/monitoring/grafana.json").read_text())["panels"]
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    expressions += [target["expr"] for panel in panels for target in panel["targets"]]

    named = set(re.findall(r"policyd_[a-z_]+", " ".join(expressions)))
    counted = {re.sub("_(total|bucket)$", "", name) for name in named}
    assert len(counted) >= 7
    assert counted <= {re.sub("_total$", "", name) for name in exposed}
