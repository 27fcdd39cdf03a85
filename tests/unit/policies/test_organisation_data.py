"""Facts in data files: what is right is read, and each mistake is told with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from policyd.errors import PolicySetError
from policyd.policies.organisation_data import Entitlement, Method, schema
from policyd.policies.packs import built_in, read_data
from policyd.policies.policy_set import load_policy_set

HOST = """\
policyd:
  inventory:
    hosts:
      gpu-01:
        driver_version: 580.159.04
        cuda_version: '13.0'
        gpus:
          - {index: 0, uuid: GPU-1}
          - {index: 1, uuid: GPU-2, mig_devices: [{index: 0, uuid: MIG-1}]}
"""
ENTITLEMENT = """\
policyd:
  entitlements:
    vision:
      groups: [vision]
      repositories: [ml/vision, ml/vision/**]
      vendors: [nvidia]
      methods: [reservation, gpus]
      devices: ['0', GPU-1]
      count: 2
"""


def read(tmp_path: Path, text: str) -> dict[str, Any]:
    file = tmp_path / "data.yaml"
    file.write_text(text)
    return read_data(file)


@pytest.mark.parametrize(
    "text",
    [HOST, ENTITLEMENT, "policyd: {}\n", "policyd: {inventory: {}, entitlements: {}, more: [1]}\n"],
)
def test_right_facts_are_read(tmp_path: Path, text: str) -> None:
    assert list(read(tmp_path, text)) == ["policyd"]


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (HOST, "580.159.04", "580",
         "5:25: policyd.inventory.hosts.gpu-01.driver_version is invalid: "),
        (HOST, "580.159.04", "r580",
         "5:25: policyd.inventory.hosts.gpu-01.driver_version is invalid: "),
        (HOST, "        cuda_version: '13.0'\n", "",
         "5:9: policyd.inventory.hosts.gpu-01 is invalid: "),
        (HOST, "index: 0, uuid: GPU-1", "index: 0",
         "8:13: policyd.inventory.hosts.gpu-01.gpus[0] is invalid: "),
        (HOST, "index: 1", "index: -1",
         "9:21: policyd.inventory.hosts.gpu-01.gpus[1].index is invalid: "),
        (HOST, "MIG-1", "''",
         "9:68: policyd.inventory.hosts.gpu-01.gpus[1].mig_devices[0].uuid is invalid: "),
        (HOST, "index: 1", "index: 0",
         "5:9: policyd.inventory.hosts.gpu-01 is invalid: two GPUs have the index 0"),
        (HOST, "hosts:", "host:",
         "3:5: policyd.inventory has the unknown key 'host'; did you mean hosts"),
        (HOST, "driver_version", "drivr_version",
         "5:9: policyd.inventory.hosts.gpu-01 has the unknown key 'drivr_version'; did you mean "
         "driver_version?"),
        (ENTITLEMENT, "devices:", "device:",
         "8:7: policyd.entitlements.vision has the unknown key 'device'; did you mean devices?"),
        (ENTITLEMENT, "reservation,", "reservations,",
         "7:17: policyd.entitlements.vision.methods[0] is 'reservations': it must be one of "
         "reservation, gpus, cdi, runtime, environment, device-node, mount, cgroup-rule, "
         "privileged, api-socket, build, generic-resource, image; did you mean reservation?"),
        (ENTITLEMENT, "      vendors: [nvidia]\n", "",
         "4:7: policyd.entitlements.vision is invalid: "),
        (ENTITLEMENT, "[vision]", "[vision-*]",
         "4:16: policyd.entitlements.vision.groups[0] is invalid: "),
        (ENTITLEMENT, "ml/vision,", "ml/*,",
         "5:22: policyd.entitlements.vision.repositories[0] is invalid: "),
        (ENTITLEMENT, "[vision]", "[]", "4:15: policyd.entitlements.vision.groups is invalid: "),
        (ENTITLEMENT, "'0'", "0", "8:17: policyd.entitlements.vision.devices[0] is invalid: "),
        (ENTITLEMENT, "    vision:\n", "    - vision:\n",
         "3:5: policyd.entitlements must be a mapping, not a list"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(
    tmp_path: Path, text: str, old: str, new: str, message: str
) -> None:
    assert old in text
    changed = text.replace(old, new, 1)
    if new.endswith("- vision:\n"):
        changed = "policyd:\n  entitlements:\n    - vision\n"

    with pytest.raises(PolicySetError) as caught:
        read(tmp_path, changed)

    assert str(caught.value).startswith(f"{tmp_path}/data.yaml:{message}")


def test_facts_of_a_policy_set_are_data_and_part_of_its_revision(tmp_path: Path) -> None:
    heading = "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: mine}\n"
    (tmp_path / "host.yaml").write_text(HOST)
    (tmp_path / "more.yaml").write_text(HOST.replace("gpu-01", "gpu-02"))
    file = tmp_path / "policyset.yaml"
    file.write_text(heading + "spec: {packs: [governance], data: [host.yaml, more.yaml]}\n")

    loaded = load_policy_set(file)
    (tmp_path / "more.yaml").write_text(HOST.replace("gpu-01", "gpu-03"))
    changed = load_policy_set(file)

    assert list(loaded.data["policyd"]["inventory"]["hosts"]) == ["gpu-01", "gpu-02"]
    assert loaded.revision != changed.revision


def test_schema_knows_what_the_types_know() -> None:
    found = schema()

    json.dumps(found)
    entitlement = found["$defs"]["Entitlement"]
    assert list(entitlement["properties"]) == list(Entitlement.__struct_fields__)
    assert entitlement["required"] == ["vendors", "methods"]
    assert entitlement["additionalProperties"] is False
    assert sorted(entitlement["properties"]["methods"]["items"]["enum"]) == sorted(get_args(Method))


def test_every_method_is_documented() -> None:
    text = (built_in().parent / "docs" / "policy-authoring.md").read_text()

    assert [method for method in get_args(Method) if f"`{method}`" not in text] == []
