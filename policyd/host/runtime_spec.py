"""Read what the kernel would give to a container from its config.json.

In: the configuration that an OCI runtime gets. Out: devices by their numbers, mounts, variables,
hooks, privileges. It is final: the variables of the image are merged, links are resolved, folders
of device nodes and CDI devices are expanded. Errors: RequestError. Source: OCI runtime
specification 1.2, config.md and config-linux.md; moby oci/defaults.go, oci/caps/defaults.go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.errors import RequestError
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.folded_json import Fields, read_object

DEFAULT_CAPABILITIES: Final = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
"""What Docker gives to every container."""
_DEFAULT_RULES: Final = frozenset(
    (
        ("c", 1, 3), ("c", 1, 5), ("c", 1, 7), ("c", 1, 8), ("c", 1, 9), ("c", 5, 0), ("c", 5, 1),
        ("c", 5, 2), ("c", 136, -1), ("c", 10, 200),
    )
)  # fmt: skip
"""The devices that every container may use: null, zero, full, random, urandom, terminals."""
_OWN_FILE: Final = re.compile(r"(/.+)/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf)")
_JOINED: Final = re.compile(r"/containers/[0-9a-f]{64}/(hostname|hosts|resolv\.conf|mounts/shm)")
_OWN_TARGETS: Final = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_DEEP: Final = "rro"
"""The option of a mount that is read-only with all mounts below it, as Docker 25 and newer has."""
_READ_ONLY: Final = frozenset(("ro", _DEEP))
_ENGINE_MOUNTS: Final = ("/dev/shm", "/dev/mqueue")  # noqa: S108
"""Mounted where a container shares the IPC namespace of the host, which counts as that."""
_GPU_HOOK: Final = re.compile(
    r"nvidia-container-(runtime-hook|toolkit)|habana-container-hook|ascend-docker-hook"
)
"""Programs of hooks that give GPUs because of variables. CDI hooks give what is in the spec."""
_NAMESPACES: Final = {"pid": "pid", "network": "network_mode", "ipc": "ipc", "uts": "uts"}


class SpecDevice(msgspec.Struct, frozen=True):
    """A device node: its path in the container, and its node on the host ("" if not known).

    `vendor` is that of the accelerator that the node belongs to, "" if it is not known.
    """

    target: str
    node: str
    permissions: str = "rwm"
    vendor: str = ""


class SpecMount(msgspec.Struct, frozen=True):
    """A bind mount. `source` is a path of the host without links.

    `volume` is the name of the volume of the engine that is mounted, "" for a path of the host. A
    mount that `leaves_writable` is read-only, but the mounts below it are not.
    """

    source: str
    target: str
    read_only: bool
    propagation: str = ""
    volume: str = ""
    leaves_writable: bool = False


class Spec(msgspec.Struct, frozen=True):
    """What a container would get.

    `state` is the folder of the engine that describes the container, `root` that of all its data;
    both are "" where they are not known. `has_gpu_hook` says whether a hook or the real runtime
    gives GPUs because of variables. `rules` are the device rules beyond those of its devices.
    """

    state: str
    root: str
    environment: dict[str, str]
    devices: tuple[SpecDevice, ...]
    mounts: tuple[SpecMount, ...]
    rules: tuple[str, ...]
    capabilities: tuple[str, ...]
    namespaces: tuple[str, ...]
    all_devices: bool
    has_gpu_hook: bool


def read_spec(content: bytes, container: str, numbers: DeviceNumbers) -> Spec:
    """Return the configuration in `content` of the container with this id. Raises RequestError."""
    body = read_object(content)
    linux, process = body.object("linux"), body.object("process")
    root = _root(body, container)
    rules = list(_rules(linux))
    devices = tuple(_devices(linux, numbers, rules))
    return Spec(
        state=f"{root}/containers/{container}" if root else "",
        root=root,
        environment=dict(_pair(entry) for entry in process.texts("env")),
        devices=devices,
        mounts=tuple(_mounts(body, root, container)),
        rules=tuple(_extra_rules(linux, rules)),
        capabilities=tuple(
            sorted(
                {one.removeprefix("CAP_") for one in _capabilities(process)} - DEFAULT_CAPABILITIES
            )
        ),
        namespaces=tuple(_shared_namespaces(linux)),
        all_devices=any(kind == "a" and major < 0 for kind, major, _, _ in rules),
        has_gpu_hook=any(map(_GPU_HOOK.fullmatch, _hooks(body))),
    )


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name, value


def _root(body: Fields, container: str) -> str:
    """Return the folder of the engine's data, by the files that it mounts into the container.

    A container may mount files of the same names from elsewhere, but only the engine chooses where
    its root is, which is below the folder too.
    """
    below = body.object("root").text("path")
    for mount in body.objects("mounts"):
        found = _OWN_FILE.fullmatch(mount.text("source"))
        if (
            found
            and found[2] == container
            and mount.text("destination") in _OWN_TARGETS
            and below.startswith(f"{found[1]}/")
        ):
            return found[1]
    return ""


def _capabilities(process: Fields) -> set[str]:
    sets = process.object("capabilities")
    names = ("bounding", "effective", "permitted", "inheritable", "ambient")
    return {one for name in names for one in sets.texts(name)}


def _hooks(body: Fields) -> Iterator[str]:
    """Yield the names of the programs of all hooks."""
    hooks = body.object("hooks")
    for name in (
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
    ):  # fmt: skip
        for hook in hooks.objects(name):
            yield os.path.basename(hook.text("path"))


def _rules(linux: Fields) -> Iterator[tuple[str, int, int, str]]:
    """Yield the device rules that allow: kind, numbers (-1 for all) and access."""
    for rule in linux.object("resources").objects("devices"):
        if rule.flag("allow"):
            major = rule.integer("major") if rule.has("major") else -1
            minor = rule.integer("minor") if rule.has("minor") else -1
            yield rule.text("type") or "a", major, minor, rule.text("access")


def _devices(
    linux: Fields, numbers: DeviceNumbers, rules: list[tuple[str, int, int, str]]
) -> Iterator[SpecDevice]:
    for device in linux.objects("devices"):
        kind, major, minor = device.text("type"), device.integer("major"), device.integer("minor")
        access = [one[3] for one in rules if one[:3] == (kind, major, minor)]
        yield SpecDevice(
            device.text("path"),
            numbers.node(kind, major, minor),
            access[0] if access else "rwm",
            "" if kind == "b" else numbers.vendor(major, minor),
        )


def _extra_rules(linux: Fields, rules: list[tuple[str, int, int, str]]) -> Iterator[str]:
    """Yield the rules that allow devices which the container does not have, as Compose does."""
    own = {
        (one.text("type"), one.integer("major"), one.integer("minor"))
        for one in linux.objects("devices")
    }
    for kind, major, minor, access in rules:
        key = (kind, major, minor)
        if kind != "a" and key not in own and key not in _DEFAULT_RULES and access.strip("m"):
            shown = ["*" if one < 0 else str(one) for one in (major, minor)]
            yield f"{kind} {':'.join(shown)} {access}"


def _mounts(body: Fields, root: str, container: str) -> Iterator[SpecMount]:
    own = f"{root}/containers/{container}/mounts/" if root else "\0"
    volume = re.compile(rf"{re.escape(root)}/volumes/([^/]+)/_data(?:/.*)?") if root else None
    shares_ipc = "ipc" in set(_shared_namespaces(body.object("linux")))
    for mount in body.objects("mounts"):
        options = mount.texts("options")
        is_bind = mount.text("type") == "bind" or {"bind", "rbind"} & set(options)
        source = mount.text("source")
        target = mount.text("destination")
        if not is_bind or source.startswith(own):
            continue
        if shares_ipc and source == target and source in _ENGINE_MOUNTS:
            continue
        if root and _is_of_joined_namespace(source.removeprefix(root), target):
            continue
        if not source.startswith("/"):
            raise RequestError("config.json has a bind mount whose source is not absolute")
        propagation = next((one for one in options if one in ("shared", "rshared")), "")
        named = volume.fullmatch(source) if volume else None
        yield SpecMount(
            os.path.realpath(source),
            target,
            bool(_READ_ONLY & set(options)),
            propagation,
            named[1] if named else "",
            "rbind" in options and _DEEP not in options and "ro" in options,
        )


def _is_of_joined_namespace(path: str, target: str) -> bool:
    """Return whether the engine mounts `path` where a container joins a namespace of another."""
    found = _JOINED.fullmatch(path)
    return found is not None and target == (
        "/dev/shm" if found[1] == "mounts/shm" else f"/etc/{found[1]}"  # noqa: S108
    )


def _shared_namespaces(linux: Fields) -> Iterator[str]:
    """Yield the keys of Compose for the namespaces that the container shares with the host."""
    own = {one.text("type"): one.text("path") for one in linux.objects("namespaces")}
    for kind, key in _NAMESPACES.items():
        if kind not in own or own[kind].startswith("/proc/1/ns/"):
            yield key


def truth(spec: Spec, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return `keys` of a service with what `spec` gives beyond them, or instead of them.

    Devices that the service names are replaced by the nodes that they are. Devices that the engine
    adds for a device request are left out: the request stands for them.
    """
    found = dict(keys)
    found.pop("runtime", None)  # what it does is in `spec`
    found["devices"] = _true_devices(spec, found.get("devices"))
    found["device_cgroup_rules"] = list(
        dict.fromkeys((*_texts(found, "device_cgroup_rules"), *spec.rules))
    )
    found["volumes"] = [
        *(one for one in _entries(found.get("volumes")) if one.get("type") != "bind"),
        *(
            {
                "type": "bind",
                "source": one.source,
                "target": one.target,
                "read_only": one.read_only,
                **_bind_options(one),
            }
            for one in spec.mounts
            if not one.volume
        ),
    ]
    if spec.all_devices:
        found["privileged"] = True
    elif "ALL" not in {one.upper() for one in _texts(found, "cap_add")}:
        named = {one.upper().removeprefix("CAP_") for one in _texts(found, "cap_add")}
        added = [one for one in spec.capabilities if one not in named]
        found["cap_add"] = [*_texts(found, "cap_add"), *added]
    for key in spec.namespaces:
        found.setdefault(key, "host")
    return found


def _bind_options(mount: SpecMount) -> dict[str, dict[str, str]]:
    found = {"propagation": mount.propagation} if mount.propagation else {}
    if mount.leaves_writable:
        found["recursive"] = "writable"
    return {"bind": found} if found else {}


def requested(spec: Spec, keys: Mapping[str, Any]) -> tuple[SpecDevice, ...]:
    """Return the devices of `spec` that the service names by path, with those in its folders."""
    named = _entries(keys.get("devices"))
    targets = [str(one["target"]) for one in named if one.get("target")]
    return tuple(
        device
        for device in spec.devices
        if any(
            device.target == one or device.target.startswith(f"{one}/") for one in targets if one
        )
    )


def _true_devices(spec: Spec, named: Any) -> list[dict[str, Any]]:
    devices = requested(spec, {"devices": named})
    cdi = [one for one in _entries(named) if "=" in str(one.get("source", ""))]
    return [
        *cdi,
        *(
            {
                "source": one.node or one.target,
                "target": one.target,
                "permissions": one.permissions,
            }
            for one in devices
        ),
    ]


def _entries(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(keys: Mapping[str, Any], name: str) -> list[str]:
    value = keys.get(name)
    return [str(one) for one in value] if isinstance(value, list) else []
