"""Read the mounts of a container as the volumes of a Compose service.

In: the body of a request and its HostConfig. Out: entries of `volumes`, and the definitions of the
volumes that they name. Errors: RequestError. Sources: Docker Engine API 1.51, HostConfig.Binds and
Mount; moby volume/mounts/linux_parser.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from policyd.host.asked import numbered
from policyd.host.folded_json import Fields

_PROPAGATIONS: Final = ("private", "rprivate", "shared", "rshared", "slave", "rslave")


def _bind_options(options: Fields) -> dict[str, str]:
    propagation = options.text("Propagation")
    return {
        **({"propagation": propagation} if propagation else {}),
        **({"recursive": "writable"} if options.flag("ReadOnlyNonRecursive") else {}),
    }


class Mounts:
    """The mounts of one request: `entries` of its service, and the `volumes` of its project."""

    def __init__(self, volume: Callable[[str], Mapping[str, Any]]) -> None:
        """`volume` returns the definition of a volume that exists, {} for a plain one."""
        self.entries: list[dict[str, Any]] = []
        self.volumes: dict[str, Any] = {}
        self._existing = volume

    def read(self, body: Fields, host: Fields) -> None:
        """Add the mounts of `body` and of its HostConfig `host`. Raises RequestError."""
        driver = host.text("VolumeDriver") or body.text("VolumeDriver")  # old daemons take both
        for bind in host.texts("Binds"):
            self._bind(bind, driver)
        for mount in host.objects("Mounts"):
            self._mount(mount, driver)
        for target in body.keys("Volumes"):
            self.entries.append({"type": "volume", "source": "", "target": target})

    def add_mounts(self, mounts: list[Fields]) -> None:
        """Add `mounts`, as a Swarm service has them."""
        for mount in mounts:
            self._mount(mount, "")

    def _bind(self, bind: str, driver: str) -> None:
        parts = bind.split(":")
        if len(parts) == 1:
            self.entries.append({"type": "volume", "source": "", "target": bind})
            return
        options = parts[2].split(",") if len(parts) > 2 else []
        entry: dict[str, Any] = {"target": parts[1], "read_only": "ro" in options}
        if parts[0].startswith("/"):
            propagation = next((word for word in options if word in _PROPAGATIONS), "")
            given = {"bind": {"propagation": propagation}} if propagation else {}
            self.entries.append({"type": "bind", "source": parts[0], **entry, **given})
        else:
            self._volume(parts[0], driver, {}, entry)

    def _mount(self, mount: Fields, driver: str) -> None:
        kind, source = mount.text("Type"), mount.text("Source")
        entry: dict[str, Any] = {
            "target": mount.text("Target"),
            "read_only": mount.flag("ReadOnly"),
        }
        if kind == "volume" and source:
            options = mount.object("VolumeOptions")
            if subpath := options.text("Subpath"):
                entry["volume"] = {"subpath": subpath}
            config = options.object("DriverConfig")
            self._volume(source, config.text("Name") or driver, config.pairs("Options"), entry)
            return
        if kind == "bind" and (how := _bind_options(mount.object("BindOptions"))):
            entry["bind"] = how
        self.entries.append({"type": kind, "source": source, **entry})
        if kind == "volume" and mount.has("VolumeOptions"):
            config = mount.object("VolumeOptions").object("DriverConfig")
            if config.is_set("Options"):
                self.entries.pop()
                name = config.text("Name") or driver
                self._volume("anonymous", name, config.pairs("Options"), entry)

    def _volume(
        self, name: str, driver: str, options: dict[str, str], entry: dict[str, Any]
    ) -> None:
        """Add a volume, by what it is now and by what the request would create."""
        existing = dict(self._existing(name))
        asked = {"driver": driver, "driver_opts": options} if driver or options else {}
        for definition in (existing, asked) if existing and asked else (existing or asked,):
            found = {"type": "volume", "source": numbered(self.volumes, name, definition), **entry}
            self.entries.append(found)
            if "volume" in found and definition.get("driver_opts"):  # old daemons ignore subpaths
                self.entries.append({key: found[key] for key in found if key != "volume"})
