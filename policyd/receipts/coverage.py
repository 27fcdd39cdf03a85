"""Which containers a receipt covers.

In: the settings of a container, as workloads describe them. Out: a digest over those that give
rights on the host, which is the same for the service of a project and for the container that
Compose creates from it; which settings it determines; and what a receipt says about such a
container. Pure.

Bind mounts of files of the project, networks and most variables are not part of the digest: they
differ on every host, and give no rights there. The image is, so that a grant stays with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from policyd.model import Path, to_json
from policyd.receipts.statement import AdmittedWorkload
from policyd.workloads.model import DeviceRequest, Inherited, Mount, Workload

ANNOTATIONS: Final = (
    *("cdi.k8s.io/", "nvidia.cdi.k8s.io/", "org.systemd.property."),
    *("io.katacontainers.config.", "dev.gvisor.flag.", "run.oci.hooks."),
)
"""Beginnings of annotations that name CDI devices, and that set up the unit or the runtime."""

_VAR_RUN: Final = re.compile("^/var/run(?=/|$)")
_PINNED: Final = "@sha256:"
_WHOLE: Final = frozenset(
    (
        *("user", "runtime", "privileged", "use_api_socket", "cap_add", "cap_drop"),
        *("security_opt", "devices", "device_cgroup_rules"),
    )
)
"""Keys of a service whose value is part of the digest as a whole."""

_NOTHING: Final = Inherited()


def admitted(workloads: Iterable[Workload]) -> tuple[AdmittedWorkload, ...]:
    """Return `workloads`, whose grants are worked out, as a receipt lists them."""
    return tuple(
        AdmittedWorkload(
            name=one.name,
            service=one.service,
            kind=one.kind,
            replicas=one.replicas,
            digest=workload_digest(one),
        )
        for one in workloads
    )


def workload_digest(workload: Workload) -> str:
    """Return "sha256:…" over the settings of `workload` that give rights on its host.

    Its grants must be worked out: they say which mounts and variables count. The settings that a
    hook inherits count as its own.
    """
    above = workload.inherited or _NOTHING
    settings: dict[str, Any] = {
        "image": workload.image,
        "user": workload.user,
        "runtime": workload.runtime or above.runtime,
        "privileged": workload.privileged or above.privileged,
        "apiSocket": workload.use_api_socket or above.use_api_socket,
        "capAdd": sorted({_capability(one) for one in (*above.cap_add, *workload.cap_add)}),
        "capDrop": sorted({_capability(one) for one in workload.cap_drop}),
        "securityOpt": sorted(_security_options(workload, above)),
        "pid": _namespace(workload.pid or above.pid),
        "ipc": _namespace(workload.ipc or above.ipc),
        "uts": _namespace(workload.uts or above.uts),
        "userns": _namespace(workload.userns_mode or above.userns_mode),
        "cgroup": _namespace(workload.cgroup or above.cgroup),
        "network": _namespace(workload.network_mode or above.network_mode),
        "deviceRequests": sorted(
            map(_request, (*above.device_requests, *workload.device_requests))
        ),
        "devices": sorted(
            (one.node, one.target, one.permissions) for one in (*above.devices, *workload.devices)
        ),
        "deviceCgroupRules": sorted(
            one.rule for one in (*above.device_cgroup_rules, *workload.device_cgroup_rules)
        ),
        "mounts": sorted(
            _mount(one) for one in (*above.mounts, *workload.mounts) if one.host_class
        ),
        "variables": sorted(_variables(workload, above).items()),
        "annotations": sorted(
            (name, value)
            for name, value in {**above.annotations, **workload.annotations}.items()
            if name.startswith(ANNOTATIONS)
        ),
    }
    return f"sha256:{hashlib.sha256(to_json(settings)).hexdigest()}"


def workload_digests(workload: Workload) -> frozenset[str]:
    """Return the digests of `workload` as a project may have written it.

    The daemon describes a container of an image that sets a user as if it named this user.
    """
    found = {workload_digest(workload)}
    if workload.user and _is_user_of_image(workload):
        found.add(workload_digest(msgspec.structs.replace(workload, user="")))
    return frozenset(found)


def is_covered(workload: Workload, path: Path) -> bool:
    """Return whether the digest of `workload` determines the setting at the model path `path`.

    The digest has the reference of the image, so it determines what is in the image only where
    the reference has a digest itself.
    """
    classed = (one.path for one in workload.mounts if one.host_class)
    if any(one and path[: len(one)] == one for one in classed):
        return True
    if path[: len(workload.path)] != workload.path:
        return False
    key, *below = (*path[len(workload.path) :], "")
    if key in (modes := _modes(workload)):
        return modes[key] == "host"
    if key == "environment":
        return str(below[0] if below else "") in _variables(workload, _NOTHING)
    if key == "annotations":
        return bool(below) and str(below[0]).startswith(ANNOTATIONS)
    if key == "deploy":
        return tuple(below[:3]) == ("resources", "reservations", "devices")
    if key == "image" or (key == "user" and _is_user_of_image(workload)):
        return _PINNED in workload.image
    return key in _WHOLE


def _modes(workload: Workload) -> dict[str | int, str]:
    return {
        "pid": workload.pid,
        "ipc": workload.ipc,
        "uts": workload.uts,
        "userns_mode": workload.userns_mode,
        "cgroup": workload.cgroup,
        "network_mode": workload.network_mode,
    }


def _is_user_of_image(workload: Workload) -> bool:
    image = workload.image_config
    return image is not None and workload.user == image.user


def has_label_disabled(privileged: object, pid: object, ipc: object) -> bool:
    """Return whether Docker adds label=disable to the security options of such a container.

    Source: moby daemon/create.go (generateSecurityOpt).
    """
    return bool(privileged) or "host" in (pid, ipc)


def _security_options(workload: Workload, above: Inherited) -> set[str]:
    """Return the security options without the one that Docker adds by itself."""
    written = (*above.security_opt, *workload.security_opt)
    options = {one.replace("=", ":", 1) for one in written}
    if has_label_disabled(
        workload.privileged or above.privileged,
        workload.pid or above.pid,
        workload.ipc or above.ipc,
    ):
        options.discard("label:disable")
    return options


def _variables(workload: Workload, above: Inherited) -> dict[str, str]:
    """Return the variables of the project that select accelerators; those of images vary."""
    environment = {**above.environment, **workload.environment}
    return {
        one.name: one.value
        for one in workload.selectors
        if one.value is not None and one.name in environment
    }


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _namespace(mode: str) -> str:
    """Return "host", "joined" for the namespace of another container, and "" for an own one."""
    if mode.startswith(("container:", "service:")):
        return "joined"
    return mode if mode == "host" else ""


def _request(request: DeviceRequest) -> tuple[Any, ...]:
    # Compose adds gpu to the capabilities of `gpus`.
    added = {"gpu"} if request.source == "gpus" else set()
    return (
        request.driver,
        request.count,
        sorted(request.device_ids),
        sorted({*request.capabilities, *added}),
        sorted(request.options.items()),
    )


def _mount(mount: Mount) -> tuple[Any, ...]:
    # On hosts, /var/run is a link to /run, which the gate follows. A review cannot follow it.
    source = _VAR_RUN.sub("/run", mount.source)
    return (mount.type, source, mount.target, mount.read_only, mount.propagation)
