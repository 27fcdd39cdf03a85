"""Facts about a host become a data file: checked against what a real H200 host said of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policyd.inventory.hosts import Gpu, GpuFacts, Host, HostFacts, MigDevice, data_file, describe
from policyd.policies.packs import read_data
from tests.support.cases import cases

H200 = HostFacts(
    driver_version="580.159.04",
    cuda_driver_version=13000,
    gpus=(
        GpuFacts(
            index=0,
            uuid="GPU-00000000-0000-0000-0000-000000000001",
            name="NVIDIA H200",
            pci="00000000:00:06.0",
            memory=150754820096,
            brand=14,
            compute_capability=(9, 0),
        ),
    ),
)
FILE = """\
# Written by `policyd inventory collect`. Add this file to `spec.data` of a policy set.
policyd:
  inventory:
    hosts:
      gpu-01:
        driver_version: 580.159.04
        cuda_version: '13.0'
        gpus:
        - index: 0
          uuid: GPU-00000000-0000-0000-0000-000000000001
          name: NVIDIA H200
          brand: nvidia
          memory: 150754820096
          compute_capability: '9.0'
          pci: '00000000:00:06.0'
"""


def gpu(**fields: object) -> GpuFacts:
    return msgspec.structs.replace(H200.gpus[0], **fields)


def described(facts: GpuFacts) -> Gpu:
    return describe(HostFacts("580", 13000, (facts,))).gpus[0]


def test_recorded_host_becomes_this_file() -> None:
    assert data_file("gpu-01", describe(H200)) == FILE


def test_file_is_read_back_as_the_same_host(tmp_path: Path) -> None:
    parts = (MigDevice(0, "MIG-1", "1g.5gb"), MigDevice(1, "MIG-2"))
    host = describe(
        HostFacts("9.10", 9000, (gpu(mig_devices=parts), gpu(index=1, uuid="GPU-2", pci="")))
    )
    file = tmp_path / "gpu.yaml"
    for name in ("gpu-01", "on", "1.0", "ü: #"):
        file.write_text(data_file(name, host), encoding="utf-8")

        data = read_data(file)["policyd"]["inventory"]["hosts"]

        assert msgspec.convert(data, dict[str, Host]) == {name: host}


@cases(("number", "version"), [(13000, "13.0"), (12040, "12.4"), (11080, "11.8"), (13100, "13.10")])
def test_cuda_version_is_read_as_nvml_writes_it(number: int, version: str) -> None:
    assert describe(HostFacts("580", number, ())) == Host("580", version, ())


@cases(
    ("brand", "name"),
    [(0, "unknown"), (2, "tesla"), (5, "geforce"), (14, "nvidia"), (99, ""), (None, "")],
)
def test_brand_is_named_as_requirements_name_it(brand: int | None, name: str) -> None:
    assert described(gpu(brand=brand)).brand == name


def test_what_is_not_known_is_left_out() -> None:
    facts = gpu(memory=0, brand=None, compute_capability=None, pci="")

    text = data_file("a", describe(HostFacts("580", 13000, (facts,))))

    assert text.splitlines()[-3:] == [
        "        - index: 0",
        "          uuid: GPU-00000000-0000-0000-0000-000000000001",
        "          name: NVIDIA H200",
    ]


@cases(
    ("fields", "message"),
    [
        ({"index": 0}, "two GPUs have the index 0"),
        (
            {"uuid": H200.gpus[0].uuid.lower()},
            f"two devices have the uuid {H200.gpus[0].uuid.lower()}",
        ),
        ({"pci": H200.gpus[0].pci}, "two GPUs have the pci 00000000:00:06.0"),
        (
            {"mig_devices": (MigDevice(0, "a"), MigDevice(0, "b"))},
            "two MIG devices have the index 0",
        ),
        ({"mig_devices": (MigDevice(0, "a"), MigDevice(1, "A"))}, "two devices have the uuid a"),
    ],
)
def test_two_devices_of_one_name_are_no_host(fields: dict[str, object], message: str) -> None:
    other = gpu(**({"index": 1, "uuid": "GPU-2", "pci": ""} | fields))

    with pytest.raises(ValueError, match=message):
        describe(HostFacts("580", 13000, (H200.gpus[0], other)))
