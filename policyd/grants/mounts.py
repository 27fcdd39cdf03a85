"""Grants by mounts: device nodes, volume requests of the NVIDIA runtime, engine sockets.

In: a container. Out: declarations of the methods mount and api-socket. Sources:
nvidia-container-toolkit internal/config/image (requestsFromMounts); docker/compose apiSocket.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.grants import cdi, toolkit
from policyd.grants.container import Container, everything
from policyd.grants.device_nodes import device_vendors, is_folder_of_nodes
from policyd.grants.host_access import REQUEST_ROOT
from policyd.grants.requests import named
from policyd.grants.selection import by_nvidia_rule
from policyd.model import Path
from policyd.workloads.model import GrantDeclaration, Mount

IMEX: Final = "imex/"

_CDI: Final = "cdi/"
_ENGINE: Final = ("pipe", "engine-socket")

_Request = tuple[str, Path]


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the mounts of `container`.

    The class of a mount decides; see `host_access`.
    """
    requests: list[_Request] = []
    workload = container.workload
    if workload.use_api_socket:
        path = (*workload.path, "use_api_socket")
        yield everything("api-socket", path, "use_api_socket: true")
    for mount in workload.mounts:
        if mount.host_class in _ENGINE:
            yield everything("api-socket", mount.path, mount.source)
        elif mount.host_class == "volume-request":
            requests.append((mount.request, mount.path))
        elif mount.host_class in ("root", "dev"):
            yield from _device_mount(container, mount)
    yield from _volume_requests(container, requests)


def _device_mount(container: Container, mount: Mount) -> Iterator[GrantDeclaration]:
    source = mount.source
    every = is_folder_of_nodes(source)
    for vendor in device_vendors(source, container.has_kfd, container.tables, container.host):
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
