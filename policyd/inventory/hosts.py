"""Hosts and their GPUs, in the form that policies know them.

In: what NVML says of a host (`nvml.py`). Out: Host, and the data file of a policy set that names
it. These types are the schema of `policyd.inventory` in data files: `facts.py` checks files
against them. Source of the brands: NVML's nvmlBrandType_t, in the words of NVIDIA_REQUIRE_CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import yaml

_VERSION: Final = r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}"

Text = Annotated[str, msgspec.Meta(min_length=1)]
Version = Annotated[str, msgspec.Meta(pattern=f"^{_VERSION}$", description="As in 580.159.04.")]
OptionalVersion = Annotated[
    str, msgspec.Meta(pattern=f"^({_VERSION})?$", description="As in 9.0; empty for unknown.")
]
Number = Annotated[int, msgspec.Meta(ge=0)]

_BRANDS: Final = (
    "unknown",
    "quadro",
    "tesla",
    "nvs",
    "grid",
    "geforce",
    "titan",
    "vapps",
    "vpc",
    "vcs",
    "vws",
    "cloudgaming",
    "quadrortx",
    "nvidiartx",
    "nvidia",
    "geforcertx",
    "titanrtx",
)
_HEADING: Final = """\
# Written by `policyd inventory collect`. Name this file in `spec.data` of a policy set.
"""


class MigDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a GPU in MIG mode; `index` counts on its GPU."""

    index: Number
    uuid: Text
    name: str = ""


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A GPU as nvidia-smi has it: `name` is its model, `memory` in bytes, `brand` in lower case.

    What is left out is unknown, and taken to be as a service asks for it.
    """

    index: Number
    uuid: Text
    name: str = ""
    brand: str = ""
    memory: Number = 0
    compute_capability: OptionalVersion = ""
    pci: str = ""
    mig_devices: tuple[MigDevice, ...] = ()


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A host: the version of its driver, the newest CUDA version that it offers, and its GPUs.

    `default_runtime` is the name of the engine's default runtime, `runtimes` gives the path or name
    of the binary of each runtime that the engine knows. `usb_accelerators` says that accelerators
    are attached to the USB bus. Each of these is unknown if it is left out.
    """

    driver_version: Version
    cuda_version: Version
    gpus: tuple[Gpu, ...]
    default_runtime: str = ""
    runtimes: dict[str, str] = {}
    usb_accelerators: bool = False

    def __post_init__(self) -> None:
        uuids = [gpu.uuid.lower() for gpu in self.gpus]
        uuids += [part.uuid.lower() for gpu in self.gpus for part in gpu.mig_devices]
        _refuse_doubles("GPUs have the index", [gpu.index for gpu in self.gpus])
        _refuse_doubles("devices have the uuid", uuids)
        _refuse_doubles("GPUs have the pci", [gpu.pci.lower() for gpu in self.gpus if gpu.pci])
        for gpu in self.gpus:
            _refuse_doubles("MIG devices have the index", [part.index for part in gpu.mig_devices])


def _refuse_doubles(what: str, values: Sequence[str | int]) -> None:
    """Raise ValueError, which msgspec reports with its place, for a value that stands twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"two {what} {value}")


class GpuFacts(msgspec.Struct, frozen=True):
    """What NVML says of a GPU: `brand` and `compute_capability` are numbers, None for unknown."""

    index: int
    uuid: str
    name: str
    pci: str
    memory: int = 0
    brand: int | None = None
    compute_capability: tuple[int, int] | None = None
    mig_devices: tuple[MigDevice, ...] = ()


class HostFacts(msgspec.Struct, frozen=True):
    """What NVML says of a host; `cuda_driver_version` is 13020 for CUDA 13.2."""

    driver_version: str
    cuda_driver_version: int
    gpus: tuple[GpuFacts, ...]


def describe(facts: HostFacts) -> Host:
    """Return the host that `facts` are about."""
    cuda = facts.cuda_driver_version
    return Host(
        driver_version=facts.driver_version,
        cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}",
        gpus=tuple(map(_gpu, facts.gpus)),
    )


def data_file(name: str, host: Host) -> str:
    """Return the data file, in YAML, that gives a policy set the host `name`."""
    document = {"policyd": {"inventory": {"hosts": {name: msgspec.to_builtins(host)}}}}
    return _HEADING + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _gpu(facts: GpuFacts) -> Gpu:
    known = facts.brand is not None and facts.brand < len(_BRANDS)
    return Gpu(
        index=facts.index,
        uuid=facts.uuid,
        name=facts.name,
        brand=_BRANDS[facts.brand] if facts.brand is not None and known else "",
        memory=facts.memory,
        compute_capability=".".join(map(str, facts.compute_capability or ())),
        pci=facts.pci,
        mig_devices=facts.mig_devices,
    )
