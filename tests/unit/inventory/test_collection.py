"""The description of a machine as a whole, and of a real one as it was recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from policyd.inventory.collection import collect
from policyd.inventory.hosts import Accelerator, Host, data_file
from policyd.inventory.machine import Machine
from policyd.inventory.nvml import NvmlError
from policyd.policies.packs import read_data

RECORDED = Path(__file__).parent / "recorded" / "h200.yaml"
"""`policyd inventory collect` on a host with one NVIDIA H200, in a container without an engine."""


def test_the_recorded_host_is_a_data_file_of_a_policy_set() -> None:
    hosts = read_data(RECORDED)["policyd"]["inventory"]["hosts"]

    host = msgspec.convert(hosts["gpu-01"], Host)
    assert (host.driver_version, host.cuda_version) == ("580.159.04", "13.0")
    assert (host.architecture, host.default_runtime, host.cdi_devices) == ("x86_64", "", ())
    assert data_file("gpu-01", host) == RECORDED.read_text()


def test_a_machine_without_nvidia_is_described_by_its_other_accelerators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    node = tmp_path / "sys/class/drm/renderD128/device"
    node.mkdir(parents=True)
    (node / "vendor").write_text("0x1002\n")

    assert collect(Machine(tmp_path)) == Host(
        driver_version="",
        cuda_version="",
        gpus=(),
        accelerators=(Accelerator("amd", 0, node="/dev/dri/renderD128"),),
    )


def test_a_machine_with_nothing_to_describe_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(NvmlError, match="nvidia-ml-py is not installed"):
        collect(Machine(tmp_path))


def test_a_driver_that_does_not_answer_is_an_error_beside_other_accelerators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    (tmp_path / "sys/class/accel/accel0/device").mkdir(parents=True)
    (tmp_path / "sys/class/accel/accel0/device/vendor").write_text("0x1da3\n")
    assert len(collect(Machine(tmp_path)).accelerators) == 1

    version = tmp_path / "proc/driver/nvidia/version"
    version.parent.mkdir(parents=True)
    version.write_text("NVRM\n")
    with pytest.raises(NvmlError):
        collect(Machine(tmp_path))
