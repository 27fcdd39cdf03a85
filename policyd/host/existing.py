"""Describe the containers and volumes that a daemon has already as Compose would.

In: names. Out: Asked and the configuration of its image; definitions of volumes. Errors:
EngineUnavailable, RequestError. Sources: Docker Engine API 1.41 and 1.51: ContainerInspect,
ImageInspect, VolumeInspect; moby daemon/create.go, daemon/container.go (what the daemon fills in).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec

from policyd.host.asked import PROJECT_LABEL, SERVICE_LABEL, Asked, numbered
from policyd.host.container_request import read_container
from policyd.host.engine_info import EngineInfo
from policyd.host.folded_json import Fields
from policyd.host.known_images import KnownImages
from policyd.host.submounts import WRITABLE
from policyd.model import ImageConfig
from policyd.receipts.coverage import has_label_disabled
from policyd.workloads.image_configs import DockerConfig

INFO_SECONDS: Final = 30.0
"""How long it is remembered what the daemon says of itself."""

_JOINED: Final = ("pid", "ipc", "network_mode")
"""Keys that name a container or a service whose namespace is shared."""


class Engine(Protocol):
    """Knows what a daemon has: by its API, or by its files."""

    def container(self, name: str) -> Fields | None:
        """Return the container `name`, None if there is none."""

    def image(self, name: str) -> Fields | None:
        """Return the image `name`, None if there is none."""

    def volume(self, name: str) -> Fields | None:
        """Return the volume `name`, None if there is none."""

    def info(self) -> EngineInfo:
        """Return what the daemon says of itself."""

    def running(self, labels: Mapping[str, str]) -> list[str]:
        """Return the ids of containers with `labels` that run."""


class Existing:
    """What one daemon has. May be used by many threads at once."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._info: tuple[float, EngineInfo] | None = None
        self.images = KnownImages(self._image, self._is_in_swarm, clock)

    def volume(self, name: str) -> Mapping[str, Any]:
        """Return the definition of the volume `name`, {} if there is none."""
        found = self._engine.volume(name)
        options = found.pairs("Options") if found else {}
        return {"driver": found.text("Driver"), "driver_opts": options} if found and options else {}

    def container(self, name: str) -> tuple[Asked, ImageConfig | None, str] | None:
        """Return the container `name`, the configuration of its image, and its id.

        None if there is no such container.
        """
        found = self._engine.container(name)
        if found is None:
            return None
        asked, image = self.described(found, found.object("HostConfig"))
        return asked, image, found.text("Id")

    def described(self, container: Fields, host: Fields) -> tuple[Asked, ImageConfig | None]:
        """Return a container that the engine describes, and the configuration of its image."""
        image = self.image(container.text("Image"))
        name = container.text("Name").lstrip("/")
        asked = read_container(container.object("Config"), host, name, "", self.volume)
        return msgspec.structs.replace(asked, keys=self._as_asked(asked.keys, image)), image

    def without_own_runtime(self, asked: Asked) -> Asked:
        """Return `asked` without its runtime if that is policyd-runtime."""
        if "runtime" not in asked.keys or asked.keys["runtime"] not in self.info().asking_runtimes:
            return asked
        keys = {key: value for key, value in asked.keys.items() if key != "runtime"}
        return msgspec.structs.replace(asked, keys=keys)

    def with_others(self, asked: Asked) -> Asked:
        """Return `asked` with what it takes over from other containers.

        Those of the same project are named by their services: Compose turns `pid: service:db` into
        `container:ID` when it creates a container. The mounts of `volumes_from` count as its own.
        """
        keys, volumes = dict(asked.keys), dict(asked.volumes)
        for key in _JOINED:
            kind, _, name = str(keys.get(key, "")).partition(":")
            if kind == "container" and (service := self._service(name, asked.project)):
                keys[key] = f"service:{service}"
        if others := keys.get("volumes_from"):
            more = [one for entry in others for one in self._mounts_of(entry, volumes)]
            keys["volumes"] = [*keys.get("volumes", ()), *more]
            keys["volumes_from"] = [self._volumes_from(one, asked.project) for one in others]
        return msgspec.structs.replace(asked, keys=keys, volumes=volumes)

    def _mounts_of(self, entry: str, volumes: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the mounts of the container in `entry`, and add its volumes to `volumes`."""
        name, _, mode = entry.removeprefix("container:").partition(":")
        found = self._engine.container(name)
        told = {"bind": {"recursive": WRITABLE}} if found and _may_leave_writable(found) else {}
        for mount in found.objects("Mounts") if found else ():
            kind, source = mount.text("Type"), mount.text("Source")
            if kind == "volume":
                volume = mount.text("Name")
                source = numbered(volumes, volume, dict(self.volume(volume)))
            yield {
                "type": kind,
                "source": source,
                "target": mount.text("Destination"),
                "read_only": not mount.flag("RW") or "ro" in mode.split(","),
                **(told if kind == "bind" else {}),
            }

    def _volumes_from(self, entry: str, project: str) -> str:
        _, _, reference = entry.partition(":")
        name, colon, mode = reference.partition(":")
        service = self._service(name, project)
        return f"{service}{colon}{mode}" if service else entry

    def _service(self, container: str, project: str) -> str:
        """Return the service of `container`, "" if it is not of the project."""
        found = self._engine.container(container) if project else None
        labels = found.object("Config").pairs("Labels") if found else {}
        return labels.get(SERVICE_LABEL, "") if labels.get(PROJECT_LABEL) == project else ""

    def running(self, project: str, service: str) -> list[str]:
        """Return the ids of the containers of a service that run."""
        return self._engine.running({PROJECT_LABEL: project, SERVICE_LABEL: service})

    def _as_asked(self, keys: Mapping[str, Any], image: ImageConfig | None) -> dict[str, Any]:
        """Return the keys of a container without what the daemon and the image filled in."""
        baked = image.environment if image else {}
        environment = {
            name: value
            for name, value in keys.get("environment", {}).items()
            if name not in baked or baked[name] != value
        }
        filled = {
            "cgroup",
            *(("runtime",) if keys.get("runtime") == self.default_runtime() else ()),
        }
        kept = {key: value for key, value in keys.items() if key not in filled}
        if has_label_disabled(keys.get("privileged", False), keys.get("pid"), keys.get("ipc")):
            options = [one for one in keys.get("security_opt", []) if one != "label=disable"]
            kept["security_opt"] = options
        return {**kept, "environment": environment}

    def image(self, name: str) -> ImageConfig | None:
        """Return the configuration of the image `name`, None if the engine does not have it."""
        return self.images.config(name) if name else None

    def _image(self, name: str) -> ImageConfig | None:
        found = self._engine.image(name)
        if found is None:
            return None
        config = found.object("Config")
        return DockerConfig(config.texts("Env"), config.text("User"), config.pairs("Labels")).read()

    def default_runtime(self) -> str:
        """Return the runtime of containers that name none."""
        return self.info().default_runtime

    def info(self) -> EngineInfo:
        """Return what the engine says of itself."""
        with self._lock:
            known = self._info
        if known is None or self._clock() - known[0] > INFO_SECONDS:
            return self._info_now()
        return known[1]

    def _info_now(self) -> EngineInfo:
        known = (self._clock(), self._engine.info())
        with self._lock:
            self._info = known
        return known[1]

    def _is_in_swarm(self) -> bool:
        return self._info_now().is_in_swarm


def _may_leave_writable(container: Fields) -> bool:
    """Return whether read-only mounts of `container` may leave those below them writable.

    Who takes over a mount takes over this option too. Of mounts that `container` itself took over,
    the daemon does not show it.
    """
    host = container.object("HostConfig")
    return bool(host.texts("VolumesFrom")) or any(
        mount.object("BindOptions").flag("ReadOnlyNonRecursive") for mount in host.objects("Mounts")
    )
