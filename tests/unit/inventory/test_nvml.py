"""Reading NVML: a driver in memory that answers as nvidia-ml-py does, and machines without one."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from policyd.inventory import nvml
from policyd.inventory.hosts import GpuFacts, HostFacts, MigDevice
from policyd.inventory.nvml import NvmlError
from tests.support.cases import cases

NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND, GPU_IS_LOST = 3, 6, 13, 15


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({GPU_IS_LOST: "GPU is lost"}.get(value, "other"))
        self.value = value


def raising(value: int) -> Any:
    def function(*_: object) -> None:
        raise NVMLError(value)

    return function


class Driver(SimpleNamespace):
    """The part of the module pynvml that is used; handles are UUIDs."""

    NVMLError = NVMLError
    NVML_ERROR_NOT_SUPPORTED = NOT_SUPPORTED
    NVML_ERROR_NOT_FOUND = NOT_FOUND
    NVML_ERROR_FUNCTION_NOT_FOUND = FUNCTION_NOT_FOUND
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, **functions: Any) -> None:
        self.calls: list[str] = []
        super().__init__(
            **{
                "nvmlInit": lambda: self.calls.append("init"),
                "nvmlShutdown": lambda: self.calls.append("shutdown"),
                "nvmlSystemGetDriverVersion": lambda: "580.159.04",
                "nvmlSystemGetCudaDriverVersion": lambda: 13000,
                "nvmlDeviceGetCount": lambda: 2,
                "nvmlDeviceGetHandleByIndex": lambda index: f"GPU-{index}",
                "nvmlDeviceGetUUID": lambda handle: handle,
                "nvmlDeviceGetName": lambda handle: f"model of {handle}",
                "nvmlDeviceGetPciInfo": lambda handle: SimpleNamespace(busId=f"pci of {handle}"),
                "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=1000),
                "nvmlDeviceGetBrand": lambda _: 14,
                "nvmlDeviceGetCudaComputeCapability": lambda _: (9, 0),
                "nvmlDeviceGetMigMode": lambda _: [0, 0],
                "nvmlDeviceGetMaxMigDeviceCount": lambda _: 7,
                **functions,
            }
        )


def test_each_gpu_is_read() -> None:
    assert nvml.host_facts(Driver()) == HostFacts(
        driver_version="580.159.04",
        cuda_driver_version=13000,
        gpus=tuple(
            GpuFacts(
                index=index,
                uuid=f"GPU-{index}",
                name=f"model of GPU-{index}",
                pci=f"pci of GPU-{index}",
                memory=1000,
                brand=14,
                compute_capability=(9, 0),
            )
            for index in (0, 1)
        ),
    )


def test_texts_in_bytes_are_read() -> None:
    driver = Driver(nvmlDeviceGetName=lambda _: b"H200", nvmlSystemGetDriverVersion=lambda: b"580")

    facts = nvml.host_facts(driver)

    assert (facts.driver_version, facts.gpus[0].name) == ("580", "H200")


@cases("value", [NOT_SUPPORTED, FUNCTION_NOT_FOUND, NOT_FOUND])
def test_what_a_gpu_or_driver_does_not_have_is_unknown(value: int) -> None:
    names = ("MemoryInfo", "Brand", "CudaComputeCapability", "MigMode")
    driver = Driver(**{f"nvmlDeviceGet{name}": raising(value) for name in names})

    found = nvml.host_facts(driver).gpus[0]

    assert found == GpuFacts(0, "GPU-0", "model of GPU-0", "pci of GPU-0")


def test_mig_devices_are_read_with_their_indexes() -> None:
    def part(handle: str, index: int) -> str:
        return f"MIG-{handle}-{index}" if index in (0, 2) else raising(NOT_FOUND)()

    driver = Driver(
        nvmlDeviceGetMigMode=lambda handle: [int(handle == "GPU-1"), 0],
        nvmlDeviceGetMigDeviceHandleByIndex=part,
    )

    whole, parted = nvml.host_facts(driver).gpus

    assert whole.mig_devices == ()
    assert parted.mig_devices == (
        MigDevice(0, "MIG-GPU-1-0", "model of MIG-GPU-1-0"),
        MigDevice(2, "MIG-GPU-1-2", "model of MIG-GPU-1-2"),
    )


def test_the_driver_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)

    assert nvml.read().driver_version == "580.159.04"
    assert driver.calls == ["init", "shutdown"]


def test_failure_of_the_driver_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(nvmlDeviceGetMemoryInfo=raising(GPU_IS_LOST))
    monkeypatch.setitem(sys.modules, "pynvml", driver)

    with pytest.raises(NvmlError, match=r"^the NVIDIA driver does not answer: GPU is lost$"):
        nvml.read()
    assert driver.calls == ["init", "shutdown"]


def test_driver_that_does_not_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver(nvmlInit=raising(NOT_FOUND)))

    with pytest.raises(NvmlError, match=r"^the NVIDIA driver does not answer: "):
        nvml.read()


def test_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(NvmlError, match=r"pip install 'policyd\[inventory\]'$"):
        nvml.read()


def test_real_package_has_all_that_is_called() -> None:
    pynvml = importlib.import_module("pynvml")

    missing = [name for name in vars(Driver()) if name != "calls" and not hasattr(pynvml, name)]

    assert missing == []
    for name, value in vars(Driver).items():
        if name.startswith("NVML_"):
            assert getattr(pynvml, name) == value
    assert hasattr(pynvml, "nvmlDeviceGetMigDeviceHandleByIndex")
    assert pynvml.NVMLError(GPU_IS_LOST).value == GPU_IS_LOST
