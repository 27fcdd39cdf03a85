"""Read the requests that change or prepare containers without creating one.

In: the body of a request. Out: Asked, None if the request asks for nothing that policies evaluate.
Errors: RequestError. Sources: Docker Engine API 1.41 and 1.51: ContainerExec, ContainerUpdate,
VolumeCreate, ServiceCreate, ImageBuild.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policyd.errors import Forbidden
from policyd.host.asked import (
    Asked,
    names,
    numbered,
    own_labels,
    project_of,
    variables,
    without_empty,
)
from policyd.host.container_request import Definition, no_volumes
from policyd.host.folded_json import Fields
from policyd.host.host_config import host_keys
from policyd.host.request_mounts import Mounts

_UPDATABLE: Final = ("devices", "device_cgroup_rules", "deploy")
"""Keys of the host configuration that an update carries and policies evaluate."""
_HIDDEN: Final = "FROM scratch"
"""Stands for a Dockerfile, which the daemon does not hand over."""


def read_exec(body: Fields, container: str) -> Asked | None:
    """Return what a command in `container` asks for: a privileged one, as a hook."""
    if not body.flag("Privileged"):
        return None
    hook = {
        "command": body.texts("Cmd"),
        "user": body.text("User"),
        "privileged": True,
        "environment": variables(body.texts("Env")),
    }
    project, service = names({}, container)
    return Asked(project, service, {"post_start": [hook]}, about=(("post_start",),))


def read_update(body: Fields, container: str) -> Asked | None:
    """Return what a change of `container` asks for: devices."""
    keys = without_empty({key: host_keys(body)[key] for key in _UPDATABLE})
    if not keys:
        return None
    project, service = names({}, container)
    return Asked(project, service, keys, about=tuple((key,) for key in _UPDATABLE))


def restarts(body: Fields) -> bool:
    """Return whether a change of a container makes the daemon start it again by itself."""
    return body.object("RestartPolicy").text("Name") not in ("", "no")


def read_volume(body: Fields) -> Asked | None:
    """Return what a new volume asks for, as a service that mounts it."""
    options = body.pairs("DriverOpts")
    if not options:
        return None
    _, service = names({}, body.text("Name") or "volume")
    volumes: dict[str, Any] = {}
    definition = {"driver": body.text("Driver"), "driver_opts": options}
    key = numbered(volumes, body.text("Name") or "volume", definition)
    keys = {"volumes": [{"type": "volume", "source": key, "target": f"/{service}"}]}
    project = project_of(body.pairs("Labels"))
    return Asked(project, service, keys, volumes, about=(("volumes",),))


def read_service(body: Fields, volume: Definition = no_volumes) -> Asked:
    """Return what a service of Swarm asks for: its tasks are containers like those of Compose.

    `volume` looks up the volumes of this host. Raises Forbidden for a service that installs a
    plugin.
    """
    task = body.object("TaskTemplate")
    if task.is_set("PluginSpec") or task.text("Runtime") == "plugin":
        raise Forbidden("a service of Swarm cannot install a plugin of Docker here")
    spec = task.object("ContainerSpec")
    project, service = names({}, body.text("Name") or "service")
    mounts = Mounts(volume)
    mounts.add_mounts(spec.objects("Mounts"))
    resources = task.object("Resources")
    keys = {
        "image": spec.text("Image"),
        "entrypoint": spec.texts("Command"),
        "command": spec.texts("Args"),
        "user": spec.text("User"),
        "environment": variables(spec.texts("Env")),
        "labels": own_labels(spec.pairs("Labels")),
        "cap_add": spec.texts("CapabilityAdd"),
        "cap_drop": spec.texts("CapabilityDrop"),
        "security_opt": _privileges(spec.object("Privileges")),
        "sysctls": spec.pairs("Sysctls"),
        "read_only": spec.flag("ReadOnly"),
        "runtime": task.text("Runtime") if task.text("Runtime") != "container" else "",
        "volumes": mounts.entries,
        "deploy": _deploy(body, resources),
        "mem_limit": max(resources.object("Limits").integer("MemoryBytes"), 0),
        "cpus": max(resources.object("Limits").integer("NanoCPUs"), 0) / 1_000_000_000,
    }
    return Asked(project, service, without_empty(keys), mounts.volumes)


def read_build(query: Mapping[str, str]) -> Asked:
    """Return what the visible part of a build asks for: its network."""
    project, service = names({}, query.get("t", "") or "build")
    build = {
        "context": "/",
        "dockerfile_inline": _HIDDEN,
        **({"network": query["networkmode"]} if query.get("networkmode") else {}),
    }
    return Asked(project, service, {"build": build}, about=(("build",),))


def _privileges(privileges: Fields) -> list[str]:
    found = []
    for name in ("Seccomp", "AppArmor"):
        mode = privileges.object(name).text("Mode")
        if mode and mode != "default":
            found.append(f"{name.lower()}=unconfined")
    if privileges.object("SELinuxContext").flag("Disable"):
        found.append("label=disable")
    return found


def _deploy(body: Fields, resources: Fields) -> dict[str, Any]:
    reservations = resources.object("Reservations")
    generic = [
        {"discrete_resource_spec": {"kind": kind, "value": value}}
        for resource in reservations.objects("GenericResources")
        for kind, value in _generic(resource)
    ]
    mode = body.object("Mode")
    replicated = mode.object("Replicated")
    replicas = replicated.integer("Replicas") if replicated.has("Replicas") else 1
    return {
        "replicas": max(replicas, 1),
        "resources": {"reservations": {"generic_resources": generic}} if generic else {},
    }


def _generic(resource: Fields) -> list[tuple[str, int]]:
    discrete, named = resource.object("DiscreteResourceSpec"), resource.object("NamedResourceSpec")
    found = []
    if discrete.has("Kind"):
        found.append((discrete.text("Kind"), discrete.integer("Value")))
    if named.has("Kind"):
        found.append((named.text("Kind"), 1))
    return found
