"""Return the containers of a project in the form that policies evaluate.

In: a loaded project. Out: a `Workload` for each service, each of its pre_start hooks, and each job:
every key is there, typed, empty when nothing is set; host paths are clean; volumes, secrets,
configs and Dockerfiles are resolved. What the values mean is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from policyd.compose.project import Project
from policyd.errors import ComposeError
from policyd.model import Files, NotEvaluated, Path
from policyd.workloads.containers import Container, hooks_of, services_and_jobs
from policyd.workloads.host_paths import host_path
from policyd.workloads.image_configs import ImageConfigs
from policyd.workloads.inheritance import Inheritance
from policyd.workloads.model import (
    Build,
    CgroupRule,
    Device,
    DeviceRequest,
    GenericResource,
    Hook,
    Mount,
    Schedule,
    Triggers,
    Workload,
)
from policyd.workloads.mounts import mounts_by_container
from policyd.workloads.settings import settings
from policyd.workloads.values import (
    Tree,
    entries,
    flag,
    integer,
    mapping,
    number,
    pairs,
    text,
    texts,
    variables,
)

NO_CONFIGS: Final = ImageConfigs()
MAX_IMAGE_CONFIGS: Final = 8 << 20
"""Characters that the configurations of images may have, counted once for each workload."""

_NANO_CPUS: Final = 1_000_000_000
_RESERVATIONS: Final = ("deploy", "resources", "reservations")
_READ: Final[Mapping[str, Callable[[Tree, str], Any]]] = {
    **dict.fromkeys(
        ("image", "platform", "runtime", "user", "pid", "ipc", "uts", "userns_mode", "cgroup",
         "cgroup_parent", "network_mode", "container_name", "pull_policy"),
        text,
    ),
    **dict.fromkeys(
        ("profiles", "cap_add", "cap_drop", "security_opt", "volumes_from", "extra_hosts",
         "group_add"),
        texts,
    ),
    **dict.fromkeys(
        ("privileged", "use_api_socket", "read_only", "oom_kill_disable", "tty"), flag
    ),
    **dict.fromkeys(("labels", "annotations", "sysctls"), pairs),
    "environment": variables,
    "oom_score_adj": integer,
}  # fmt: skip
"""What reads the fields of a Workload that a container sets with one key, by their names."""
_COMPUTED: Final = frozenset(
    ("scale", "provider", "gpus", "devices", "device_cgroup_rules", "post_start", "pre_stop",
     "develop", "mem_limit", "cpus")
)  # fmt: skip
"""The keys, with `deploy`, of which `_computed` reads fields."""


class Extracted(msgspec.Struct, frozen=True):
    """The workloads of a project, and what of them could not be evaluated."""

    workloads: tuple[Workload, ...]
    not_evaluated: tuple[NotEvaluated, ...]


def extract(project: Project, files: Files, image_configs: ImageConfigs = NO_CONFIGS) -> Extracted:
    """Return the containers of `project`, whatever their profiles; `files` are its bundle's.

    `image_configs` are the configurations of images that are known. Services come first, in order
    of their names, each followed by its hooks; then jobs. Raises ComposeError for a project that
    exceeds a limit: mounts that `volumes_from` multiplies, what hooks inherit, the size of
    Dockerfiles and of configurations; PayloadTooLarge for a limit of the bundle.
    """
    mounts = mounts_by_container(project.tree)
    containers = list(services_and_jobs(project.tree))
    builds = None
    if any("build" in container.keys for container in containers):
        # Imported here: what reads Dockerfiles is a large part of the start of one check.
        from policyd.workloads.builds import Builds

        builds = Builds(project, files, image_configs)
    inheritance = Inheritance()
    found: list[Workload] = []
    for container in containers:
        workload = _workload(container, mounts[container.path], project.directory)
        build = builds.build(container) if builds else None
        workload = _with_image(workload, build, image_configs)
        found.append(workload)
        for hook in hooks_of(container):
            complete = _workload(hook, mounts[hook.path], project.directory)
            complete = msgspec.structs.replace(complete, profiles=workload.profiles)
            complete = _with_image(complete, None, image_configs)
            found.append(inheritance.divide(complete, workload))
    _check_size(found)
    return Extracted(tuple(found), tuple(builds.not_evaluated) if builds else ())


def _with_image(workload: Workload, build: Build | None, configs: ImageConfigs) -> Workload:
    """Return `workload` with its build, and with the configuration of its image or of its base."""
    config = configs.find(workload.image, workload.platform) if workload.image else None
    if config is None and build and build.base:
        config = configs.find(build.base, build.base_platform)
    return msgspec.structs.replace(workload, build=build, image_config=config)


def _check_size(workloads: Iterable[Workload]) -> None:
    configs = [each.image_config for each in workloads if each.image_config]
    if sum(config.characters() for config in configs) > MAX_IMAGE_CONFIGS:
        raise ComposeError(
            f"image: the configurations of the images of all services and hooks exceed the limit "
            f"of {MAX_IMAGE_CONFIGS >> 20} MiB in all"
        )


def _workload(container: Container, mounts: tuple[Mount, ...], project_directory: str) -> Workload:
    keys, path = container.keys, container.path
    fields = {key: _READ[key](keys, key) for key in keys if key in _READ}
    fields.update(settings(keys, path))
    if "deploy" in keys or not _COMPUTED.isdisjoint(keys):
        fields.update(_computed(keys, path))
    return Workload(
        name=container.name,
        path=path,
        kind=container.kind,
        service=container.service,
        title=container.title,
        hook=container.hook,
        triggers=_triggers(keys) if container.kind == "job" else None,
        mounts=mounts,
        project_directory=project_directory,
        **fields,
    )


def _computed(keys: Tree, path: Path) -> dict[str, Any]:
    """Return the fields of a Workload that have several keys, or another name than their key."""
    deploy = mapping(keys, "deploy")
    resources = mapping(deploy, "resources")
    limits, reservations = mapping(resources, "limits"), mapping(resources, "reservations")
    scale = keys if "scale" in keys else deploy
    cpus = number(limits, "cpus") or number(keys, "cpus")
    return {
        "replicas": max(integer(scale, "scale" if scale is keys else "replicas", 1), 0),
        "provider": text(mapping(keys, "provider"), "type"),
        "device_requests": tuple(_device_requests(keys, reservations, path)),
        "devices": tuple(_devices(keys, path)),
        "device_cgroup_rules": tuple(_cgroup_rules(keys, path)),
        "generic_resources": tuple(_generic_resources(reservations, path)),
        "hooks": tuple(_hooks(keys, path)),
        "memory_limit": max(integer(limits, "memory") or integer(keys, "mem_limit"), 0),
        "cpu_limit": max(round(cpus * _NANO_CPUS), 0),
    }


def _triggers(job: Tree) -> Triggers:
    triggers = mapping(job, "triggers")
    manual = triggers.get("manual")
    return Triggers(
        manual=manual if isinstance(manual, bool) else None,
        schedule=tuple(
            Schedule(
                cron=text(entry, "cron"),
                timezone=text(entry, "timezone"),
                concurrency=text(entry, "concurrency"),
                missed_fires=text(entry, "missed_fires"),
            )
            for _, entry in entries(triggers, "schedule")
        ),
    )


def _device_requests(service: Tree, reservations: Tree, path: Path) -> Iterator[DeviceRequest]:
    for place, entry in entries(service, "gpus"):
        yield _device_request("gpus", entry, (*path, "gpus", place))
    for place, entry in entries(reservations, "devices"):
        yield _device_request("reservation", entry, (*path, *_RESERVATIONS, "devices", place))


def _device_request(
    source: Literal["gpus", "reservation"], entry: Tree, path: Path
) -> DeviceRequest:
    return DeviceRequest(
        source=source,
        path=path,
        driver=text(entry, "driver"),
        count=integer(entry, "count"),
        device_ids=texts(entry, "device_ids"),
        capabilities=texts(entry, "capabilities"),
        options=pairs(entry, "options"),
    )


def _devices(service: Tree, path: Path) -> Iterator[Device]:
    for place, entry in entries(service, "devices"):
        source = text(entry, "source")
        yield Device(
            source=source,
            target=text(entry, "target"),
            permissions=text(entry, "permissions"),
            node=host_path(source),
            path=(*path, "devices", place),
        )


def _cgroup_rules(service: Tree, path: Path) -> Iterator[CgroupRule]:
    for place, rule in enumerate(texts(service, "device_cgroup_rules")):
        yield CgroupRule(rule, (*path, "device_cgroup_rules", place))


def _generic_resources(reservations: Tree, path: Path) -> Iterator[GenericResource]:
    for place, entry in entries(reservations, "generic_resources"):
        resource = mapping(entry, "discrete_resource_spec")
        yield GenericResource(
            kind=text(resource, "kind"),
            value=integer(resource, "value"),
            path=(*path, *_RESERVATIONS, "generic_resources", place),
        )


def _hooks(service: Tree, path: Path) -> Iterator[Hook]:
    stages: tuple[Literal["post_start", "pre_stop"], ...] = ("post_start", "pre_stop")
    for stage in stages:
        for place, entry in entries(service, stage):
            yield _hook(stage, entry, (*path, stage, place))
    for place, rule in entries(mapping(service, "develop"), "watch"):
        if isinstance(rule.get("exec"), dict):
            yield _hook("watch", rule["exec"], (*path, "develop", "watch", place, "exec"))


def _hook(stage: Literal["post_start", "pre_stop", "watch"], entry: Tree, path: Path) -> Hook:
    return Hook(
        stage=stage,
        path=path,
        privileged=flag(entry, "privileged"),
        user=text(entry, "user"),
        environment=variables(entry, "environment"),
    )
