"""The containers of a project in the form that policies evaluate.

Keys are snake_case, as in Compose. Every type is frozen, and complete: each key is always present
and typed, and is empty when nothing is set.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from policyd.model import Certainty, GrantedDevices, Path, WorkloadKind


class DeviceRequest(msgspec.Struct, frozen=True):
    """One entry of `gpus` or of `deploy.resources.reservations.devices`, as loaded.

    `count` is -1 for all, 0 for none; `device_ids` is empty when none are named.
    """

    source: Literal["gpus", "reservation"]
    path: Path
    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    options: dict[str, str] = {}


class Device(msgspec.Struct, frozen=True):
    """One entry of `devices`; `node` is `source` as a clean absolute host path."""

    source: str
    target: str
    permissions: str
    node: str
    path: Path


class CgroupRule(msgspec.Struct, frozen=True):
    """One entry of `device_cgroup_rules`, as written."""

    rule: str
    path: Path


class Mount(msgspec.Struct, frozen=True):
    """Something of the host, or a volume, that a container sees.

    `type` is bind, npipe, tmpfs, volume, cluster, image or `filesystem` (a local volume that mounts
    the block device `source` with the filesystem `fstype`). `source` of a bind is a host path:
    absolute, cleaned, /proc/<pid>/root and /var/run resolved; `source_raw` and `target` are cleaned
    only. `origin` says where it came from: volumes, driver_opts, secrets, configs, volumes_from.
    """

    type: str
    source: str
    source_raw: str
    target: str
    read_only: bool
    origin: Literal["volumes", "driver_opts", "secrets", "configs", "volumes_from"]
    path: Path
    volume: str = ""
    fstype: str = ""


class RunFlag(msgspec.Struct, frozen=True):
    """A flag of a RUN instruction in `dockerfile_inline`: --device=nvidia.com/gpu=all."""

    name: str
    value: str


class Build(msgspec.Struct, frozen=True):
    """The `build` section; `environment` is what ENV of the Dockerfile sets in the target stage.

    `base` is the image that the target stage starts from, in the end; "" if it is not known.
    """

    path: Path
    base: str = ""
    context: str = ""
    dockerfile_inline: str = ""
    privileged: bool = False
    entitlements: tuple[str, ...] = ()
    network: str = ""
    environment: dict[str, str] = {}
    run_flags: tuple[RunFlag, ...] = ()


class Hook(msgspec.Struct, frozen=True):
    """A lifecycle hook, or the exec of a watch rule. Only `pre_start` is a container of its own."""

    stage: Literal["pre_start", "post_start", "pre_stop", "watch"]
    path: Path
    privileged: bool = False
    user: str = ""
    image: str = ""
    environment: dict[str, str | None] = {}


class GenericResource(msgspec.Struct, frozen=True):
    """A Swarm generic resource: kind and value."""

    kind: str
    value: int
    path: Path


class Selector(msgspec.Struct, frozen=True):
    """A variable that selects accelerators for a runtime of `family`; `value` None is not set.

    `steers` says whether the runtime that the workload names reads it.
    """

    name: str
    value: str | None
    family: str
    path: Path
    steers: bool = False


class GrantDeclaration(msgspec.Struct, frozen=True):
    """One declaration by which a workload gets an accelerator.

    `devices` are as written. `identities` are the same devices in the form in which they can be
    compared, in order and with repetitions, those of a count included; empty where they are not
    known. `form` tells declarations of one method apart: for `mount` "devices" or
    "volume-request", for `cdi` "devices", "annotations" or "device_ids". `family` is that of the
    selecting variable or of the runtime. `text` quotes the declaration for messages.
    """

    method: str
    vendor: str
    devices: GrantedDevices
    path: Path
    text: str
    identities: tuple[str, ...] = ()
    certainty: Certainty = "certain"
    form: str = ""
    family: str = ""


class Workload(msgspec.Struct, frozen=True):
    """One container as policies evaluate it: every key is present, typed, and empty if not set.

    A workload is a service, a `pre_start` hook (`name` is that of its service, `hook` its index in
    `pre_start`; it holds only what it has beyond its service), or a job. `environment` has null
    for a name that is passed through and has no value. `replicas` counts containers;
    `memory_limit` is in bytes, `cpu_limit` in billionths of a CPU, 0 for no limit.
    `policyd.grants` fills in `runtime_class` (a family of accelerator runtimes, "vetted",
    "unknown", or "" where no runtime is named), `selectors` and `grants`.
    """

    name: str
    path: Path
    kind: WorkloadKind = "service"
    hook: int | None = None
    image: str = ""
    replicas: int = 1
    profiles: tuple[str, ...] = ()
    runtime: str = ""
    privileged: bool = False
    use_api_socket: bool = False
    user: str = ""
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    pid: str = ""
    ipc: str = ""
    uts: str = ""
    userns_mode: str = ""
    cgroup: str = ""
    cgroup_parent: str = ""
    network_mode: str = ""
    provider: str = ""
    volumes_from: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[CgroupRule, ...] = ()
    generic_resources: tuple[GenericResource, ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    build: Build | None = None
    hooks: tuple[Hook, ...] = ()
    memory_limit: int = 0
    cpu_limit: int = 0
    project_directory: str = ""
    runtime_class: str = ""
    selectors: tuple[Selector, ...] = ()
    grants: tuple[GrantDeclaration, ...] = ()
