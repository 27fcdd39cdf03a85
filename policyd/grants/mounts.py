"""Grants by mounts: device nodes, volume requests of the NVIDIA runtime, engine sockets.

In: a container. Out: declarations of the methods mount and api-socket. Sources:
nvidia-container-toolkit internal/config/image (requestsFromMounts); docker/compose apiSocket.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from policyd.grants import cdi, toolkit
from policyd.grants.container import Container, everything
from policyd.grants.nodes import FOLDERS_OF_ALL_NODES, is_disk, vendors
from policyd.grants.requests import named
from policyd.grants.selection import by_nvidia_rule
from policyd.model import Path
from policyd.workloads.model import GrantDeclaration, Mount

REQUEST_ROOT: Final = "/var/run/nvidia-container-devices"
IMEX: Final = "imex/"

_CDI: Final = "cdi/"
_PIPE: Final = re.compile(r"[/\\]+(?:\.[/\\]+)?pipe[/\\](?:.*[/\\])?(?P<name>[^/\\]*)", re.DOTALL)
_USER_SOCKET_FOLDER: Final = re.compile(r"/run/user/[0-9]+(?:/podman|/docker)?")

_Request = tuple[str, Path]


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the mounts of `container`.

    The first class that a mount belongs to counts: pipe, volume request, device, disk, socket.
    """
    requests: list[_Request] = []
    workload = container.workload
    if workload.use_api_socket:
        path = (*workload.path, "use_api_socket")
        yield everything("api-socket", path, "use_api_socket: true")
    for mount in workload.mounts:
        if mount.type not in ("bind", "npipe"):
            continue
        if is_engine_pipe(mount.source, container):
            yield everything("api-socket", mount.path, mount.source)
        elif asked := requested(mount):
            requests.append((asked, mount.path))
        elif owners := _device_vendors(mount.source, container):
            yield from _device_mount(container, mount, owners)
        elif not is_disk(mount.source, container.tables) and is_engine_socket(
            mount.source, container
        ):
            yield everything("api-socket", mount.path, mount.source)
    yield from _volume_requests(container, requests)


def requested(mount: Mount) -> str:
    """Return what a volume request asks for: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0".

    "" for other mounts. The toolkit tests a bare prefix of the target.
    """
    if mount.source_raw != "/dev/null" or not mount.target.startswith(REQUEST_ROOT):
        return ""
    return mount.target.removeprefix(REQUEST_ROOT).removeprefix("/")


def is_engine_pipe(source: str, container: Container) -> bool:
    """Return whether `source` is a named pipe of an engine on Windows."""
    found = _PIPE.fullmatch(source.lower())
    return found is not None and found["name"] in container.tables.data.sockets.pipes


def is_engine_socket(path: str, container: Container) -> bool:
    """Return whether the socket of an engine, or a folder that holds one, is at `path`.

    A file in the project directory that has the name of a socket is none.
    """
    known = container.tables.data.sockets
    if path in known.paths or path in known.directories or _USER_SOCKET_FOLDER.fullmatch(path):
        return True
    is_named = path.rpartition("/")[2] in known.names
    return is_named and not _is_below(path, container.workload.project_directory)


def _device_vendors(path: str, container: Container) -> list[str]:
    """Return the vendors of the devices at the clean host path `path`, or below it."""
    known = container.tables.data
    if path in known.driver_directories:
        return [known.driver_directories[path]]
    for folder, vendor in known.driver_trees.items():
        if _is_below(path, folder):
            return [vendor]
    return vendors(path, container.has_kfd, container.tables, container.host)


def _device_mount(
    container: Container, mount: Mount, owners: Iterable[str]
) -> Iterator[GrantDeclaration]:
    source = mount.source
    # The nodes in a folder of a driver cannot be told apart.
    every = source in FOLDERS_OF_ALL_NODES or not source.startswith("/dev")
    for vendor in owners:
        yield container.selected(
            "mount",
            vendor,
            "all" if every else (source,),
            mount.path,
            source,
            form="devices",
        )


def _volume_requests(container: Container, requests: list[_Request]) -> Iterator[GrantDeclaration]:
    asked = [(text, path) for text, path in requests if not text.startswith(IMEX)]
    if not asked or not toolkit.accepts_volume_requests(container):
        return
    path = asked[0][1]
    plain = [text for text, _ in asked if not text.startswith(_CDI)]
    devices = by_nvidia_rule(",".join(plain))
    if devices != ():
        text = f"{REQUEST_ROOT}/{', '.join(plain)}"
        yield container.selected("mount", "nvidia", devices, path, text, form="volume-request")
    names = cdi.names(_cdi_name(text) for text, _ in asked if text.startswith(_CDI))
    yield from named(container, "mount", names, path, REQUEST_ROOT, "volume-request")


def _cdi_name(request: str) -> str:
    """Return the CDI name in cdi/vendor/class/device; "" if it is incomplete."""
    parts = request.split("/")
    minimum = 4
    if len(parts) < minimum:
        return ""
    return f"{parts[1]}/{parts[2]}={'/'.join(parts[3:])}"


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
