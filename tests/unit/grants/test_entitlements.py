"""Entitlements that cover a grant: a grant that the policy allowed-gpus denies has none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import PolicySetError
from policyd.grants.entitlements import in_force, read_entitlements
from policyd.loading import prepare
from policyd.model import Review, Source, UserInfo
from policyd.policies.policy_set import load_policy_set
from tests.support.cases import cases

POLICY_SET = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu, governance], data: [data.yaml]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: entitled}
spec: {policy: allowed-gpus, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: counted}
spec: {policy: max-gpus, enforcementAction: deny, parameters: {limit: 90}, match: {services: [n*]}}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: only-a-warning}
spec: {policy: no-all-gpus, enforcementAction: warn}
"""
DATA = """\
policyd:
  inventory:
    hosts:
      gpu-01:
        driver_version: 580.159.04
        cuda_version: '13.0'
        gpus: [{index: 0, uuid: GPU-aa}, {index: 1, uuid: GPU-bb}]
  entitlements:
    by-uuid: {vendors: [nvidia], methods: [reservation], devices: [GPU-AA], hosts: [gpu-01]}
    by-number: {vendors: [nvidia], methods: [reservation], devices: ['3'], users: [ana]}
    counted: {vendors: [nvidia], methods: [reservation], count: 4, repositories: [ml/**]}
    fewer: {vendors: [nvidia], methods: [reservation], count: 1, groups: [ml]}
    all-amd: {vendors: [amd], methods: [cdi], devices: [all]}
    other: {vendors: [nvidia], methods: [gpus], devices: ['0', '1', '3'], count: 9}
"""
PROJECT = """\
services:
  named-zero: {image: x, deploy: {resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, device_ids: ['0']}]}}}}
  named-one: {image: x, deploy: {resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, device_ids: ['1']}]}}}}
  named-two: {image: x, deploy: {resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, device_ids: ['0', '3']}]}}}}
  number: {image: x, deploy: {replicas: 2, resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, count: 2}]}}}}
  none-so-many: {image: x, deploy: {replicas: 3, resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, count: 2}]}}}}
  one: {image: x, deploy: {resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, count: 1}]}}}}
  everything: {image: x, deploy: {resources: {reservations: {devices: [
    {capabilities: [gpu], driver: nvidia, count: all}]}}}}
  amd: {image: x, devices: [amd.com/gpu=all]}
"""
REVIEW = Review(
    uid="r-1",
    enforcement_point="ci",
    now=1_800_000_000_000_000_000,
    user_info=UserInfo("ana", ("ml",)),
    source=Source("ml/train", host="gpu-01"),
)


@pytest.fixture(scope="module")
def admission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admission]:
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "policyset.yaml").write_text(POLICY_SET)
    (folder / "data.yaml").write_text(DATA)
    rules = load_policy_set(folder)
    engine = EmbeddedEngine(rules.modules, rules.data)
    yield Admission(engine, rules)
    engine.close()


@cases(
    ("review", "covering"),
    [
        (
            REVIEW,
            {
                "named-zero": ("by-uuid",),
                "named-two": ("by-number", "by-uuid"),
                "number": ("counted",),
                "one": ("counted", "fewer"),
                "amd": ("all-amd",),
            },
        ),
        (
            msgspec.structs.replace(REVIEW, source=Source("ml", host="gpu-02")),
            {"named-two": ("by-number",), "one": ("fewer",), "amd": ("all-amd",)},
        ),
        (
            msgspec.structs.replace(REVIEW, user_info=UserInfo(), source=Source()),
            {"amd": ("all-amd",)},
        ),
    ],
)
def test_grants_name_the_entitlements_that_cover_them(
    admission: Admission, review: Review, covering: dict[str, tuple[str, ...]]
) -> None:
    project = prepare(memory_bundle({"compose.yaml": PROJECT.encode()}))

    decision = admission.decide(project, review)

    found = {grant.service: grant.entitlements for grant in decision.grants}
    assert {service: names for service, names in found.items() if names} == covering
    denied = {one.service for one in decision.violations if one.policy == "allowed-gpus"}
    partly = {"named-two"} if denied & {"named-two"} else set()
    assert denied == {service for service, names in found.items() if not names} | partly
    constraints = {grant.service: grant.constraints for grant in decision.grants}
    assert constraints["named-zero"] == constraints["number"] == ("counted", "entitled")
    assert constraints["one"] == constraints["amd"] == ("entitled",)


def test_entitlements_are_those_of_the_data() -> None:
    one = {"vendors": ["nvidia"], "methods": ["gpus"], "repositories": ["ml/**"]}
    found = read_entitlements({"policyd": {"entitlements": {"own": one}}})

    assert read_entitlements({}) == {}
    assert list(in_force(found, REVIEW)) == ["own"]
    for repository in ("ml", "mlops/train", ""):
        other = msgspec.structs.replace(REVIEW, source=Source(repository))
        assert in_force(found, other) == {}
    with pytest.raises(PolicySetError, match=r"policyd.entitlements: .*vendors"):
        read_entitlements({"policyd": {"entitlements": {"own": {}}}})
