"""The containers of a project in the form that policies evaluate.

Keys are snake_case, as in Compose. Every type is frozen, and complete: each key is always present
and typed, and is empty when nothing is set.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from policyd.model import Certainty, GrantedDevices, ImageConfig, Path, WorkloadKind


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
    """One entry of `devices`; `node` is `source` as a clean absolute host path.

    `disk` is the kind of the disk or memory that the node is, "" for other nodes.
    """

    source: str
    target: str
    permissions: str
    node: str
    path: Path
    disk: str = ""


class CgroupRule(msgspec.Struct, frozen=True):
    """One entry of `device_cgroup_rules`, as written.

    `danger` is the reason for which the rule is dangerous, "" for a harmless rule.
    """

    rule: str
    path: Path
    danger: str = ""


class Mount(msgspec.Struct, frozen=True):
    """Something of the host, or a volume, that a container sees.

    `type` is bind, npipe, tmpfs, volume, cluster, image or `filesystem` (a local volume that mounts
    the block device `source` with the filesystem `fstype`). `source` of a bind is a host path:
    absolute, cleaned, /proc/<pid>/root and /var/run resolved; `source_raw` and `target` are cleaned
    only. `origin` says where it came from: volumes, driver_opts, secrets, configs, volumes_from.
    `host_class` says what it reaches on the host: pipe, volume-request, root, dev, disk,
    engine-socket, service-socket, proc-sys, runtime-config or system, "" for nothing of these; the
    first that applies counts. `request` is what a volume request asks for ("all", "0", "imex/0"),
    `disk` the kind of the disk or memory at `source`, and both are "" for other mounts.
    `propagation` is that of a bind, "" if none is named.
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
    host_class: str = ""
    request: str = ""
    disk: str = ""
    propagation: str = ""


class RunFlag(msgspec.Struct, frozen=True):
    """A flag of a RUN instruction of a Dockerfile: --device=nvidia.com/gpu=all."""

    name: str
    value: str


class Port(msgspec.Struct, frozen=True):
    """One published port, or one range of ports of the host.

    `first` and `last` are ports of the host, 0 if the engine chooses one. `reach` says from where
    the port can be reached by its address: `all` interfaces, `loopback` only, or an `address`.
    """

    target: int
    first: int
    last: int
    protocol: str
    host_ip: str
    reach: Literal["all", "loopback", "address"]
    path: Path


class Tmpfs(msgspec.Struct, frozen=True):
    """One entry of `tmpfs`: its options without the target, as written."""

    target: str
    options: tuple[str, ...]
    path: Path


class Logging(msgspec.Struct, frozen=True):
    """The `logging` section; `driver` is "" for the default of the engine."""

    driver: str = ""
    options: dict[str, str] = {}


class Restart(msgspec.Struct, frozen=True):
    """When the engine restarts the container: `restart`, else `deploy.restart_policy`.

    `condition` is no, always, unless-stopped or on-failure. `max_attempts` is 0 for no limit.
    """

    condition: str = "no"
    max_attempts: int = 0
    path: Path = ()


class Ulimit(msgspec.Struct, frozen=True):
    """The limits of one resource; -1 is unlimited."""

    soft: int
    hard: int


class Build(msgspec.Struct, frozen=True):
    """The `build` section and what its Dockerfile sets.

    `dockerfile` is the file that was read, as messages show it; "" for `dockerfile_inline` and for
    a file that could not be read. `dockerfile_path` is the model path of the key that names or
    holds the Dockerfile. `base` is the image that the target starts from in the end, "" if unknown,
    and `base_platform` its platform, "" if none is named.
    `environment` is what ENV sets in the target, `user` what USER sets; `run_flags` are those of
    the stages up to the target.
    """

    path: Path
    context: str = ""
    dockerfile: str = ""
    dockerfile_inline: str = ""
    dockerfile_path: Path = ()
    base: str = ""
    base_platform: str = ""
    privileged: bool = False
    entitlements: tuple[str, ...] = ()
    network: str = ""
    environment: dict[str, str] = {}
    user: str = ""
    run_flags: tuple[RunFlag, ...] = ()


class Hook(msgspec.Struct, frozen=True):
    """A command that Compose runs inside the container of a service.

    The stages post_start and pre_stop, and the `exec` of a watch rule. A pre_start hook is a
    container of its own and therefore a Workload.
    """

    stage: Literal["post_start", "pre_stop", "watch"]
    path: Path
    privileged: bool = False
    user: str = ""
    environment: dict[str, str | None] = {}


class GenericResource(msgspec.Struct, frozen=True):
    """A Swarm generic resource: kind and value."""

    kind: str
    value: int
    path: Path


class Schedule(msgspec.Struct, frozen=True):
    """One entry of a job's `triggers.schedule`, as loaded; Compose does not check `cron`."""

    cron: str
    timezone: str = ""
    concurrency: str = ""
    missed_fires: str = ""


class Triggers(msgspec.Struct, frozen=True):
    """What starts a job: `manual` is null when the job does not say it; the schedules."""

    manual: bool | None = None
    schedule: tuple[Schedule, ...] = ()


class Inherited(msgspec.Struct, frozen=True):
    """What the container of a pre_start hook has exactly as its service has it.

    The container has these values and those of the Workload together. The paths are those of the
    service, where the values are written. `mounts` are all mounts of the service except those
    that the hook replaces at the same target: the container gets them with `volumes_from`.
    """

    runtime: str = ""
    privileged: bool = False
    use_api_socket: bool = False
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    pid: str = ""
    ipc: str = ""
    uts: str = ""
    userns_mode: str = ""
    cgroup: str = ""
    network_mode: str = ""
    volumes_from: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[CgroupRule, ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: dict[str, str | None] = {}
    annotations: dict[str, str] = {}


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


CompatibilitySource = Literal["service", "dockerfile", "image", "registry", "table", ""]


class CompatibilityAnswer(msgspec.Struct, frozen=True):
    """Whether the host of the review can run a workload: the answer to one question.

    `question` is `start` (does NVIDIA_REQUIRE_… refuse the container), `cuda` and `cuda-exact` (do
    CUDA programs work with the driver, with minor version compatibility and without),
    `architecture` (has the toolkit code for the GPU) or `driver` (is the driver of another vendor
    recent enough). `outcome` is `ok`, `fails`, `may-fail` or `unknown`. `source` says by what:
    `service`, `dockerfile`, `image` (its configuration, which was handed over), `registry` (its
    configuration there), `table` (its tag), "" if by nothing. `message` is the predicate of a
    sentence about the workload.
    """

    question: Literal["start", "cuda", "cuda-exact", "architecture", "driver"]
    outcome: Literal["ok", "fails", "may-fail", "unknown"]
    source: CompatibilitySource
    message: str
    path: Path


class Workload(msgspec.Struct, frozen=True):
    """One container as policies evaluate it: every key is present, typed, and empty if not set.

    `kind` is service, job, or hook for a pre_start hook, which is a container of its own. `name` is
    unique in the project: the name of the service or job, and web/pre_start/0 for a hook, whose
    index is `hook`. `service` is the name of the service or job, for a hook that of its service.
    `title` is what messages call it: "service web", "job nightly", "hook 0 of service web".

    A hook counts for what it has beyond its service: the fields that `Inherited` names hold what
    the service does not have in the same form, and `inherited` holds the rest. All other fields
    (image, user, labels, limits …) hold what its container really has.

    `image_config` is the configuration of the image, or of the image that it is built from; null if
    it is not known. `environment` has null for a name that is passed through and has no value.
    `replicas` counts containers; `memory_limit` is in bytes, `cpu_limit` in billionths of a CPU, 0
    for no limit; `pids_limit` is 0 for no limit, too. `healthcheck` is "" if the project does not
    say anything about it. `networks` are names in the project.
    `policyd.grants` fills in `runtime_class` (a family of accelerator runtimes, "vetted",
    "unknown", or "" where no runtime is named), `selectors`, `grants`, and what mounts, devices and
    device rules reach on the host;
    `policyd.compatibility` fills in `compatibility` for a host that is in the inventory.
    """

    name: str
    path: Path
    kind: WorkloadKind = "service"
    service: str = ""
    title: str = ""
    hook: int | None = None
    triggers: Triggers | None = None
    inherited: Inherited | None = None
    image: str = ""
    image_config: ImageConfig | None = None
    platform: str = ""
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
    pids_limit: int = 0
    read_only: bool = False
    ports: tuple[Port, ...] = ()
    networks: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    healthcheck: Literal["", "set", "disabled"] = ""
    logging: Logging = Logging()
    restart: Restart = Restart()
    sysctls: dict[str, str] = {}
    ulimits: dict[str, Ulimit] = {}
    group_add: tuple[str, ...] = ()
    oom_kill_disable: bool = False
    oom_score_adj: int = 0
    container_name: str = ""
    pull_policy: str = ""
    tty: bool = False
    project_directory: str = ""
    runtime_class: str = ""
    selectors: tuple[Selector, ...] = ()
    grants: tuple[GrantDeclaration, ...] = ()
    compatibility: tuple[CompatibilityAnswer, ...] = ()
