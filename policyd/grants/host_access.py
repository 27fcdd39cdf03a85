"""Say what a workload reaches on its host by mounts, devices and device rules.

In: a workload as loaded. Out: the same workload with the class of each mount, the kinds of disks,
and the reason for which a device rule is dangerous. Policies report classes, grants are worked out
from them. Sources of the paths: policies/data.yaml; volume requests: nvidia-container-toolkit
internal/config/image (requestsFromMounts).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from policyd.grants import cgroup_rules
from policyd.grants.device_nodes import ROOT, device_vendors, disk_kind, is_below
from policyd.grants.runtimes import HostSettings
from policyd.grants.tables import Tables
from policyd.lazy_pattern import lazy_pattern
from policyd.workloads.model import Device, Mount, Workload

REQUEST_ROOT: Final = "/var/run/nvidia-container-devices"

_DEV: Final = "/dev/"
_DISK: Final = "a disk"
_EVERY_DISK: Final = "every disk"
_POOLS: Final = ("zfs",)
"""File systems whose device is the name of a part of the host's disks, without a path."""
_FOLDERS_OF_DISKS: Final = ("/", "/dev")
_FOLDER_OF_LINKS: Final = lazy_pattern(r"/dev/disk(/by-[^/]+)?")
_KERNEL: Final = ("/proc", "/sys")
_PIPE: Final = lazy_pattern(r"[/\\]+(?:\.[/\\]+)?pipe[/\\](?:.*[/\\])?(?P<name>[^/\\]*)", re.DOTALL)
_USER_FOLDER: Final = lazy_pattern(r"/run/user/[0-9]+/(?P<below>.+)")
_HIDDEN: Final = "/."
_USER_SOCKET_FOLDER: Final = lazy_pattern(
    r"/run/user/[0-9]+(?:/(?:podman|docker|containerd|buildkit))?"
    r"|.*/\.docker/(?:run|desktop)|.*/\.(?:rd|orbstack(?:/run)?|colima(?:/[^/]+)?)"
    r"|.*/\.lima(?:/[^/]+(?:/sock)?)?|.*/containers/podman/machine(?:/[^/]+)?",
    re.DOTALL,
)
"""Folders of sockets of rootless engines, and of desktop engines in the home of a user."""
_START_FILE: Final = lazy_pattern(
    r"/(?:root|home/[^/]+)/\."
    r"(?:ssh|profile|bashrc|bash_profile|bash_login|bash_logout|zshrc|zshenv|zprofile|pam_environment"
    r"|config/(?:systemd|autostart|environment\.d|fish)|docker/cli-plugins|local/bin)(?:/.*)?",
    re.DOTALL,
)
"""Keys, shell files and session files of a user: who writes them runs programs as the user."""

_PROGRAM: Final = lazy_pattern(r"/(?:usr/(?:local/)?)?s?bin/[^/]+(?<!smi)")
"""Programs of the host, except those that show devices: their names end with smi."""
_LIBRARY: Final = lazy_pattern(
    r"/(?:usr/(?:local/)?)?lib(?:32|64)?/(?:[a-z0-9_]+-linux-gnu[a-z0-9]*/)?"
    r"(?:ld-[^/]+|lib(?:c|m|dl|pthread|rt|crypt|pam|selinux|seccomp|systemd|nss_[a-z]+)[.-][^/]+"
    r"|python3[^/]*(?:/.+)?)"
)
"""Libraries of every program of the host, and those of the interpreter that starts containers."""


def described(workload: Workload, tables: Tables, host: HostSettings) -> Workload:
    """Return `workload` with what its mounts, devices and device rules reach on `host`."""
    if not (workload.mounts or workload.devices or workload.device_cgroup_rules):
        return workload
    replace = msgspec.structs.replace
    return replace(
        workload,
        mounts=tuple(_described(mount, workload, tables, host) for mount in workload.mounts),
        devices=tuple(_with_disk(device, tables) for device in workload.devices),
        device_cgroup_rules=tuple(
            replace(rule, danger=cgroup_rules.danger(rule.rule, tables, host))
            for rule in workload.device_cgroup_rules
        ),
    )


def _with_disk(device: Device, tables: Tables) -> Device:
    every = device.node in _FOLDERS_OF_DISKS
    disk = _EVERY_DISK if every else disk_kind(device.node, tables)
    return msgspec.structs.replace(device, disk=disk)


def _described(mount: Mount, workload: Workload, tables: Tables, host: HostSettings) -> Mount:
    if mount.type not in ("bind", "npipe", "filesystem") or _is_harmless(mount.source, tables):
        return mount
    disk = disk_kind(mount.source, tables)
    if mount.type == "filesystem":
        is_device = mount.source.startswith(_DEV) or mount.fstype in _POOLS
        disk = disk or (_DISK if is_device else "")
        found = "disk" if disk else ""
    else:
        found = _class(mount, disk, workload.project_directory, tables, host)
    request = _requested(mount) if mount.type != "filesystem" else ""
    return msgspec.structs.replace(mount, host_class=found, request=request, disk=disk)


def _is_harmless(source: str, tables: Tables) -> bool:
    """Return whether no table can concern `source`: most mounts are folders of users."""
    return (
        source.startswith("/")
        and source[1:].partition("/")[0] not in tables.top_folders
        and source.rpartition("/")[2] not in tables.data.sockets.names
        and _HIDDEN not in source
        and "pipe" not in source.lower()
    )


def _class(
    mount: Mount, disk: str, project_directory: str, tables: Tables, host: HostSettings
) -> str:
    """Return the first class that `mount` belongs to; "" for a mount that is harmless."""
    source = mount.source
    if _is_engine_pipe(source, tables):
        return "pipe"
    if _requested(mount):
        return "volume-request"
    if source == ROOT:
        return "root"
    if device_vendors(source, False, tables, host):
        return "dev"
    if disk and not (mount.read_only and _FOLDER_OF_LINKS.fullmatch(source)):
        return "disk"
    if _is_engine_socket(source, project_directory, tables):
        return "engine-socket"
    if _is_service_socket(source, tables):
        return "service-socket"
    return "" if mount.read_only else _class_if_writable(source, tables)


def _class_if_writable(source: str, tables: Tables) -> str:
    if any(is_below(source, folder) for folder in _KERNEL):
        return "proc-sys"
    if source in tables.folders_above_config or _is_in(source, tables.data.runtime_config):
        return "runtime-config"
    if (
        tables.data.system_directories.get(source)
        or _is_in(source, tables.data.system_trees)
        or _PROGRAM.fullmatch(source)
        or _LIBRARY.fullmatch(source)
        or _START_FILE.fullmatch(source)
    ):
        return "system"
    return ""


def _requested(mount: Mount) -> str:
    """Return what a volume request asks for: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0".

    "" for other mounts. The toolkit tests a bare prefix of the target.
    """
    if mount.source_raw != "/dev/null" or not mount.target.startswith(REQUEST_ROOT):
        return ""
    return mount.target.removeprefix(REQUEST_ROOT).removeprefix("/")


def _is_engine_pipe(source: str, tables: Tables) -> bool:
    """Return whether `source` is a named pipe of an engine on Windows."""
    found = _PIPE.fullmatch(source.lower())
    return found is not None and tables.data.sockets.pipes.get(found["name"], False)


def _is_engine_socket(path: str, project_directory: str, tables: Tables) -> bool:
    """Return whether the socket of an engine, or a folder that holds one, is at `path`.

    A file in the project directory that has the name of a socket is none.
    """
    known = tables.data.sockets
    is_known = known.paths.get(path) or known.directories.get(path)
    if is_known or _USER_SOCKET_FOLDER.fullmatch(path):
        return True
    is_named = known.names.get(path.rpartition("/")[2], False)
    return is_named and not is_below(path, project_directory)


def _is_service_socket(path: str, tables: Tables) -> bool:
    known = tables.data.service_sockets
    if known.paths.get(path):
        return True
    found = _USER_FOLDER.fullmatch(path)
    return found is not None and known.user_paths.get(found["below"], False)


def _is_in(path: str, folders: dict[str, bool]) -> bool:
    """Return whether one of `folders` is `path` or contains it."""
    parts = path.split("/")
    return any(folders.get("/".join(parts[:end])) for end in range(2, len(parts) + 1))
