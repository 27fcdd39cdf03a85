"""Services in the form that policies judge.

In: a loaded project. Out: one `Workload` for each service: every key there, typed, empty when
nothing is set; host paths cleaned; volumes, secrets, configs and the inline Dockerfile resolved.
What it all means is for the policies to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from policyd.compose.project import Project
from policyd.errors import ComposeError
from policyd.model import Path
from policyd.workloads import dockerfile
from policyd.workloads.hostpath import host_path
from policyd.workloads.model import (
    Build,
    CgroupRule,
    Device,
    DeviceRequest,
    GenericResource,
    Hook,
    Mount,
    Workload,
)
from policyd.workloads.mounts import mounts_by_service
from policyd.workloads.tree import (
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

MAX_INLINE_DOCKERFILES: Final = 512 * 1024
"""Characters of `dockerfile_inline` in a project, all services together."""

_NANO_CPUS: Final = 1_000_000_000
_RESERVATIONS: Final = ("deploy", "resources", "reservations")


def workloads(project: Project) -> tuple[Workload, ...]:
    """Return the services of `project`, of every profile, in order of their names.

    Raises ComposeError for a project that passes a limit: mounts that `volumes_from` multiplies,
    the size of inline Dockerfiles.
    """
    services = mapping(project.tree, "services")
    inline = sum(
        len(text(mapping(services, name, "build"), "dockerfile_inline")) for name in services
    )
    if inline > MAX_INLINE_DOCKERFILES:
        raise ComposeError(
            f"dockerfile_inline: the services have {inline} characters of it; at most "
            f"{MAX_INLINE_DOCKERFILES} are read"
        )
    mounts = mounts_by_service(project.tree)
    return tuple(
        _workload(name, mapping(services, name), mounts[name], project.directory)
        for name in sorted(services)
    )


def _workload(
    name: str, service: Tree, mounts: tuple[Mount, ...], project_directory: str
) -> Workload:
    path: Path = ("services", name)
    deploy = mapping(service, "deploy")
    limits = mapping(deploy, "resources", "limits")
    scale = service if "scale" in service else deploy
    return Workload(
        name=name,
        path=path,
        image=text(service, "image"),
        replicas=max(integer(scale, "scale" if scale is service else "replicas", 1), 0),
        profiles=texts(service, "profiles"),
        runtime=text(service, "runtime"),
        privileged=flag(service, "privileged"),
        use_api_socket=flag(service, "use_api_socket"),
        user=text(service, "user"),
        cap_add=texts(service, "cap_add"),
        cap_drop=texts(service, "cap_drop"),
        security_opt=texts(service, "security_opt"),
        pid=text(service, "pid"),
        ipc=text(service, "ipc"),
        uts=text(service, "uts"),
        userns_mode=text(service, "userns_mode"),
        cgroup=text(service, "cgroup"),
        cgroup_parent=text(service, "cgroup_parent"),
        network_mode=text(service, "network_mode"),
        provider=text(mapping(service, "provider"), "type"),
        volumes_from=texts(service, "volumes_from"),
        device_requests=tuple(_device_requests(service, path)),
        devices=tuple(_devices(service, path)),
        device_cgroup_rules=tuple(_cgroup_rules(service, path)),
        generic_resources=tuple(_generic_resources(service, path)),
        mounts=mounts,
        environment=variables(service, "environment"),
        labels=pairs(service, "labels"),
        annotations=pairs(service, "annotations"),
        build=_build(service, path),
        hooks=tuple(_hooks(service, path)),
        memory_limit=max(integer(limits, "memory") or integer(service, "mem_limit"), 0),
        cpu_limit=max(round((number(limits, "cpus") or number(service, "cpus")) * _NANO_CPUS), 0),
        project_directory=project_directory,
    )


def _device_requests(service: Tree, path: Path) -> Iterator[DeviceRequest]:
    for place, entry in entries(service, "gpus"):
        yield _device_request("gpus", entry, (*path, "gpus", place))
    for place, entry in entries(mapping(service, *_RESERVATIONS), "devices"):
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


def _generic_resources(service: Tree, path: Path) -> Iterator[GenericResource]:
    for place, entry in entries(mapping(service, *_RESERVATIONS), "generic_resources"):
        resource = mapping(entry, "discrete_resource_spec")
        yield GenericResource(
            kind=text(resource, "kind"),
            value=integer(resource, "value"),
            path=(*path, *_RESERVATIONS, "generic_resources", place),
        )


def _build(service: Tree, path: Path) -> Build | None:
    build = service.get("build")
    if not isinstance(build, dict):
        return None
    inline = text(build, "dockerfile_inline")
    arguments = {
        name: value for name, value in variables(build, "args").items() if value is not None
    }
    sets = dockerfile.read(inline, text(build, "target"), arguments)
    return Build(
        path=(*path, "build"),
        context=text(build, "context"),
        dockerfile_inline=inline,
        privileged=flag(build, "privileged"),
        entitlements=texts(build, "entitlements"),
        network=text(build, "network"),
        environment=sets.environment,
        run_flags=sets.run_flags,
    )


def _hooks(service: Tree, path: Path) -> Iterator[Hook]:
    stages: tuple[Literal["pre_start", "post_start", "pre_stop"], ...] = (
        "pre_start",
        "post_start",
        "pre_stop",
    )
    for stage in stages:
        for place, entry in entries(service, stage):
            yield _hook(stage, entry, (*path, stage, place))
    for place, rule in entries(mapping(service, "develop"), "watch"):
        if isinstance(rule.get("exec"), dict):
            yield _hook("watch", rule["exec"], (*path, "develop", "watch", place, "exec"))


def _hook(
    stage: Literal["pre_start", "post_start", "pre_stop", "watch"], entry: Tree, path: Path
) -> Hook:
    return Hook(
        stage=stage,
        path=path,
        privileged=flag(entry, "privileged"),
        user=text(entry, "user"),
        image=text(entry, "image"),
        environment=variables(entry, "environment"),
    )
