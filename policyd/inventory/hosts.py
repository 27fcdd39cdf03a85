"""Describe hosts and their accelerators in the form that policies read.

In: what NVML reports about a host (`nvml.py`), what its engine, toolkit and other drivers report.
Out: Host, and the data file of a policy set that describes it. These types are the schema of
`policyd.inventory` in data files: `organisation_data.py` checks files against them. Source of the
brands: NVML's nvmlBrandType_t, spelled as in NVIDIA_REQUIRE_CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

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
# Written by `policyd inventory collect`. Add this file to `spec.data` of a policy set.
"""


class MigDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A MIG device: a part of a GPU. `index` is its number on that GPU."""

    index: Number
    uuid: Text
    name: str = ""


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An NVIDIA GPU. `name` is its model, `memory` is in bytes, `brand` is in lower case.

    A key that is left out is unknown.
    """

    index: Number
    uuid: Text
    name: str = ""
    brand: str = ""
    memory: Number = 0
    compute_capability: OptionalVersion = ""
    pci: str = ""
    mig_devices: tuple[MigDevice, ...] = ()


class Accelerator(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An accelerator of another vendor: `node` is its device node, `unique_id` as its driver says.

    `memory` is in bytes. A key that is left out is unknown.
    """

    vendor: Literal["amd", "intel", "habana"]
    index: Number
    name: str = ""
    node: str = ""
    pci: str = ""
    unique_id: str = ""
    memory: Number = 0


Mode = Literal["", "auto", "legacy", "cdi", "jit-cdi", "csv"]
"""Modes of the nvidia runtime; "" is unknown, and then the toolkit takes auto."""


class Toolkit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The NVIDIA Container Toolkit: its version and what its config.toml changes.

    `mode` is that of the nvidia runtime. `environment_when_unprivileged` is
    accept-nvidia-visible-devices-envvar-when-unprivileged, `volume_mounts` is
    accept-nvidia-visible-devices-as-volume-mounts, `swarm_resource` names the variables that select
    GPUs instead of NVIDIA_VISIBLE_DEVICES. The defaults are those of the toolkit.
    """

    version: OptionalVersion = ""
    mode: Mode = ""
    disable_require: bool = False
    environment_when_unprivileged: bool = True
    volume_mounts: bool = False
    swarm_resource: str = ""


NO_TOOLKIT: Final = Toolkit()
"""A toolkit of which nothing is known: it is left out of data files."""


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A host: its drivers, its accelerators, and the settings of its engine.

    `driver_version` is that of the NVIDIA driver, `cuda_version` the newest CUDA version that it
    offers; both are empty on a host without NVIDIA GPUs. `drivers` are the versions of the drivers
    of other vendors: amd (the module amdgpu), intel (i915 or xe), habana.
    `default_runtime` is the name of the engine's default runtime, `runtimes` gives the path or name
    of the binary of each runtime that the engine knows. `cdi_devices` are the names of CDI devices,
    null if they are unknown. `usb_accelerators` says that accelerators are attached to the USB bus.
    A key that is left out is unknown.
    """

    driver_version: OptionalVersion
    cuda_version: OptionalVersion
    gpus: tuple[Gpu, ...]
    accelerators: tuple[Accelerator, ...] = ()
    drivers: dict[str, Version] = {}
    architecture: str = ""
    docker_version: OptionalVersion = ""
    default_runtime: str = ""
    runtimes: dict[str, str] = {}
    cdi_devices: tuple[str, ...] | None = None
    toolkit: Toolkit = NO_TOOLKIT
    usb_accelerators: bool = False

    def __post_init__(self) -> None:
        uuids = [gpu.uuid.lower() for gpu in self.gpus]
        uuids += [part.uuid.lower() for gpu in self.gpus for part in gpu.mig_devices]
        if self.gpus and not (self.driver_version and self.cuda_version):
            raise ValueError("a host with GPUs needs driver_version and cuda_version")
        _refuse_doubles("GPUs have the index", [gpu.index for gpu in self.gpus])
        _refuse_doubles("devices have the uuid", uuids)
        _refuse_doubles("GPUs have the pci", [gpu.pci.lower() for gpu in self.gpus if gpu.pci])
        for gpu in self.gpus:
            _refuse_doubles("MIG devices have the index", [part.index for part in gpu.mig_devices])


def _refuse_doubles(what: str, values: Sequence[str | int]) -> None:
    """Raise ValueError for a value that occurs twice; msgspec adds the place."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"two {what} {value}")


class GpuFacts(msgspec.Struct, frozen=True):
    """What NVML reports about a GPU. `brand` and `compute_capability` are None if unknown."""

    index: int
    uuid: str
    name: str
    pci: str
    memory: int = 0
    brand: int | None = None
    compute_capability: tuple[int, int] | None = None
    mig_devices: tuple[MigDevice, ...] = ()


class HostFacts(msgspec.Struct, frozen=True):
    """What NVML reports about a host. `cuda_driver_version` is 13020 for CUDA 13.2."""

    driver_version: str
    cuda_driver_version: int
    gpus: tuple[GpuFacts, ...]


def describe(facts: HostFacts) -> Host:
    """Return the host that `facts` describe."""
    cuda = facts.cuda_driver_version
    return Host(
        driver_version=facts.driver_version,
        cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}",
        gpus=tuple(map(_gpu, facts.gpus)),
    )


def data_file(name: str, host: Host) -> str:
    """Return the data file, in YAML, that adds the host `name` to a policy set."""
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
