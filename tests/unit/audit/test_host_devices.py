from __future__ import annotations

from typing import Any

from policyd.audit.event import GrantRecord
from policyd.audit.host_devices import host_devices, identities
from policyd.inventory.hosts import Accelerator, Gpu, Host, MigDevice
from tests.unit.audit.test_usage import held

HOST = Host(
    driver_version="580",
    cuda_version="13.0",
    gpus=(
        Gpu(index=0, uuid="GPU-AA", name="H200", pci="0000:18:00.0"),
        Gpu(
            index=1,
            uuid="GPU-BB",
            mig_devices=(
                MigDevice(index=0, uuid="MIG-B0", name="1g"),
                MigDevice(index=1, uuid="MIG-B1"),
            ),
        ),
    ),
    accelerators=(Accelerator(vendor="amd", index=0, node="/dev/dri/renderD128"),),
)


def holders(*records: GrantRecord) -> dict[str, list[str]]:
    found = host_devices("gpu-01", HOST, records)
    assert [one.held for one in found] == [bool(one.grants) for one in found]
    return {f"{one.vendor} {one.device}": [own.service for own in one.grants] for one in found}


def by(service: str, *names: str, **fields: Any) -> GrantRecord:
    return held((1, None), *names, service=service, **fields)


def test_each_device_has_its_own_grants() -> None:
    assert holders() == {"nvidia 0": [], "nvidia 1:0": [], "nvidia 1:1": [], "amd 0": []}
    assert holders(
        by("index", "0"),
        by("uuid", "gpu-aa"),
        by("pci", "00000000:18:00.0"),
        by("part", "mig-b1"),
        by("whole", "1"),
        by("all", devices="all"),
        by("amd", "0", vendor="amd"),
        by("node", "/dev/dri/renderD128", vendor="amd"),
        by("everything", devices="all", vendor="unknown"),
    ) == {
        "nvidia 0": ["index", "uuid", "pci", "all", "everything"],
        "nvidia 1:0": ["whole", "all", "everything"],
        "nvidia 1:1": ["part", "whole", "all", "everything"],
        "amd 0": ["amd", "node", "everything"],
    }


def test_a_device_is_described() -> None:
    gpu, part = host_devices("gpu-01", HOST, [])[:2]

    assert (gpu.host, gpu.uuid, gpu.model) == ("gpu-01", "GPU-AA", "H200")
    assert (part.device, part.uuid, part.model) == ("1:0", "MIG-B0", "1g")


def test_the_identities_are_those_of_grants() -> None:
    assert identities(HOST) == ("0", "mig-b0", "mig-b1")
