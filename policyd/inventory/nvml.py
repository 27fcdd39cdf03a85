"""Read the NVIDIA driver and GPUs of this machine through NVML.

In: the package nvidia-ml-py, which is imported on first use. Out: HostFacts. Errors: NvmlError if
the package is missing or the driver does not answer.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from policyd.errors import PolicydError
from policyd.inventory.hosts import GpuFacts, HostFacts, MigDevice


class NvmlError(PolicydError):
    """The GPUs of this machine cannot be read: no package nvidia-ml-py, or no driver."""


def read() -> HostFacts:
    """Return what the driver reports about this machine. Raises NvmlError."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError as error:
        raise NvmlError(
            "the package nvidia-ml-py is not installed: pip install 'policyd[inventory]'"
        ) from error
    try:
        nvml.nvmlInit()
        try:
            return host_facts(nvml)
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        raise NvmlError(f"the NVIDIA driver does not answer: {error}") from error


def host_facts(nvml: Any) -> HostFacts:
    """Return what `nvml`, the initialised module pynvml, reports about this machine.

    Raises NVMLError of that module.
    """
    return HostFacts(
        driver_version=_text(nvml.nvmlSystemGetDriverVersion()),
        cuda_driver_version=nvml.nvmlSystemGetCudaDriverVersion(),
        gpus=tuple(_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())),
    )


def _gpu(nvml: Any, index: int) -> GpuFacts:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = _where_supported(nvml, "nvmlDeviceGetMemoryInfo", handle)
    return GpuFacts(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        name=_text(nvml.nvmlDeviceGetName(handle)),
        pci=_text(nvml.nvmlDeviceGetPciInfo(handle).busId),
        memory=memory.total if memory else 0,
        brand=_where_supported(nvml, "nvmlDeviceGetBrand", handle),
        compute_capability=_where_supported(nvml, "nvmlDeviceGetCudaComputeCapability", handle),
        mig_devices=tuple(_mig_devices(nvml, handle)),
    )


def _mig_devices(nvml: Any, handle: Any) -> Iterator[MigDevice]:
    mode = _where_supported(nvml, "nvmlDeviceGetMigMode", handle)
    if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        part = _where_supported(nvml, "nvmlDeviceGetMigDeviceHandleByIndex", handle, index)
        if part is not None:
            uuid, name = nvml.nvmlDeviceGetUUID(part), nvml.nvmlDeviceGetName(part)
            yield MigDevice(index, _text(uuid), _text(name))


def _where_supported(nvml: Any, function: str, *arguments: Any) -> Any:
    """Return the result of an NVML function, None if the device or driver does not support it."""
    absent = {
        nvml.NVML_ERROR_NOT_SUPPORTED,
        nvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        nvml.NVML_ERROR_NOT_FOUND,
    }
    try:
        return getattr(nvml, function)(*arguments)
    except nvml.NVMLError as error:
        if error.value in absent:
            return None
        raise


def _text(value: str | bytes) -> str:
    """Return a text of NVML; older versions of nvidia-ml-py return bytes."""
    return value if isinstance(value, str) else value.decode()
