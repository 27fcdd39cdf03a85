"""Every mechanical fix, on the denied samples of the packs and on the services of FIXES."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policyd.admission import Admission
from policyd.bundle import directory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.fixes.fixing import FixedProject, fix_project
from policyd.fixes.mechanical import MECHANICAL
from policyd.loading import Loaded, prepare
from policyd.model import Bundle, Review
from policyd.policies.packs import built_in
from policyd.policies.policy_set import load_policy_set
from tests.support.fixes import FIXES
from tests.support.fixes.evaluation import project

REVIEW = Review(uid="1", enforcement_point="cli", now=1_795_446_000_000_000_000)
SAMPLES = {
    f"{path.parents[2].name}/{path.parent.name}": path.read_text()
    for path in sorted(built_in().glob("*/*/samples/denied*/compose.yaml"))
    if path.parents[3].name in ("container", "gpu", "hardening")
}
SERVICES = {
    name: project(fix.denied)
    for name, fix in FIXES.items()
    if fix.policy in MECHANICAL and not fix.host
}
PROJECTS = {**SAMPLES, **SERVICES}


@pytest.fixture(scope="module")
def admission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admission]:
    """Decides by all mechanical policies, some of which the default policy set leaves out."""
    documents = [
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: all}\n"
        "spec: {packs: [gpu, container, hardening]}\n"
    ]
    documents += [
        f"apiVersion: policyd/v1\nkind: Constraint\nmetadata: {{name: {policy}}}\n"
        f"spec: {{policy: {policy}, enforcementAction: deny}}\n"
        for policy in MECHANICAL
    ]
    file = tmp_path_factory.mktemp("rules") / "policyset.yaml"
    file.write_text("---\n".join(documents))
    policy_set = load_policy_set(file)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, 60)
    try:
        yield Admission(engine, policy_set)
    finally:
        engine.close()


def bundle(folder: Path) -> Bundle:
    return directory_bundle(str(folder), root=str(folder), profiles=())


def tree(folder: Path) -> dict[str, Any]:
    loaded = prepare(bundle(folder))
    assert isinstance(loaded, Loaded)
    return copy.deepcopy(loaded.project.tree)


def fixed(admission: Admission, folder: Path) -> FixedProject:
    return fix_project(bundle(folder), lambda one: admission.decide(prepare(one), REVIEW))


def without(tree: dict[str, Any], result: FixedProject) -> dict[str, Any]:
    """Return `tree` without the keys of services in which something was fixed."""
    for violation in result.fixed:
        here: Any = tree
        for part in violation.path[:2]:
            here = here[part]
        here.pop(violation.path[2], None)
        if violation.path[2] == "network_mode":  # Compose connects it to the default network now
            here.pop("networks", None)
            tree.pop("networks", None)
    # A named volume that no service uses any more is not in the model.
    tree.pop("volumes", None)
    return tree


def write(folder: Path, text: str) -> None:
    (folder / "compose.yaml").write_text(text)
    (folder / "Dockerfile").write_text("FROM alpine\n")
    (folder / "shared.yaml").write_text("services: {other: {image: a}}\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_a_fixed_project_is_allowed_by_the_policy_and_otherwise_the_same(
    name: str, admission: Admission, tmp_path: Path
) -> None:
    write(tmp_path, PROJECTS[name])
    before = tree(tmp_path)
    result = fixed(admission, tmp_path)
    for file, (old, new) in result.texts.items():
        assert (tmp_path / file).read_text() == old
        (tmp_path / file).write_text(new)
    after = admission.decide(prepare(bundle(tmp_path)), REVIEW)

    expected = {one.policy for one in result.before.violations if one.policy in MECHANICAL}
    left = {one.policy for one in after.violations if not result.problem(one)}
    assert not expected & left
    assert without(before, result) == without(tree(tmp_path), result)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["device-reservation", "raw-device-nodes", "runtime-nvidia"])
def test_a_denied_example_loses_what_has_a_mechanical_fix(
    name: str, admission: Admission, tmp_path: Path
) -> None:
    folder = tmp_path / "example"
    shutil.copytree(built_in().parent / "deploy/examples" / name / "denied", folder)
    before = tree(folder)
    result = fixed(admission, folder)
    for file, (_, new) in result.texts.items():
        (folder / file).write_text(new)
    after = admission.decide(prepare(bundle(folder)), REVIEW)

    expected = {one.policy for one in result.before.violations if one.policy in MECHANICAL}
    assert not expected & {one.policy for one in after.violations if not result.problem(one)}
    assert without(before, result) == without(tree(folder), result)


@pytest.mark.thorough
def test_every_mechanical_fix_is_made_on_a_sample(admission: Admission, tmp_path: Path) -> None:
    made: set[str] = set()
    for text in PROJECTS.values():
        write(tmp_path, text)
        result = fixed(admission, tmp_path)
        after = {one.policy for one in result.after.violations}
        made |= {one.policy for one in result.before.violations} - after

    assert made >= set(MECHANICAL)


def test_every_mechanical_fix_is_that_of_a_policy(admission: Admission) -> None:
    assert set(MECHANICAL) <= set(admission.policy_set.policies)
    assert all(fix.does and not fix.does.endswith(".") for fix in MECHANICAL.values())
