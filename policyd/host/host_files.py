"""Follow links on the host, and find the device nodes behind paths.

In: the keys of a service. Out: the same keys, whose host paths are those of the files themselves:
the daemon follows links too, so a link to /dev/nvidia0 is /dev/nvidia0. A node of another name is
called what the kernel calls its device. Errors: RequestError if the disk does not answer in time.
The links may change before the daemon follows them; only the runtime of the container sees what it
gets in the end. Source: moby daemon/pkg/oci/devices_linux.go (DevicesFromPath); Linux
Documentation/admin-guide/devices.txt.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from policyd import deadline
from policyd.errors import RequestError
from policyd.host.asked import Asked
from policyd.host.links import without_links
from policyd.workloads.mounts import OVERLAYS, STACKED

MAX_NODES: Final = 1_000
"""Files of a folder that are looked at for device nodes."""
SECONDS: Final = 2.0
"""How long the disk may take: a file system of the network may never answer."""
_THREADS: Final = 8
_NVIDIA: Final = 195
_NVIDIA_CONTROL: Final = 255
_BIND_WORDS: Final = frozenset(("bind", "rbind"))
_LAYERS: Final = frozenset(("lowerdir", "upperdir", "datadir"))
"""Options of an overlay that name folders of the host."""


class HostFiles:
    """The files of the host that this process sees. May be used by many threads at once."""

    def __init__(self, sys: str = "/sys/dev") -> None:
        """`sys` is the folder in which the kernel names devices by their numbers."""
        self._sys = sys
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="policyd-links")

    def followed(self, asked: Asked) -> Asked:
        """Return `asked` with the files that its host paths lead to. Raises RequestError."""
        if not _has_paths(asked):
            return asked
        try:
            return self._pool.submit(self._followed, asked).result(deadline.remaining(SECONDS))
        except TimeoutError:
            raise RequestError(
                "the files of the host that the request names cannot be looked at in time"
            ) from None

    def _followed(self, asked: Asked) -> Asked:
        keys = dict(asked.keys)
        if "volumes" in keys:
            keys["volumes"] = [_bind(entry) for entry in keys["volumes"]]
        if "devices" in keys:
            keys["devices"] = [new for entry in keys["devices"] for new in self._device(entry)]
        volumes = {name: self._volume(each) for name, each in asked.volumes.items()}
        return msgspec.structs.replace(asked, keys=keys, volumes=volumes)

    def _device(self, entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        source = str(entry["source"])
        if not source.startswith("/"):
            yield dict(entry)  # the name of a CDI device
            return
        real = without_links(source)
        for node in self._nodes(real) or (real,):
            yield {**entry, "source": node}

    def _volume(self, definition: dict[str, Any]) -> dict[str, Any]:
        """Return `definition` of a volume, whose options name the files themselves.

        The daemon gives the options to mount(2), and its own folder is the root of the host.
        """
        options = definition.get("driver_opts") or {}
        words, device = str(options.get("o", "")), str(options.get("device", ""))
        # mount(2) ignores the type of a bind.
        is_bind = bool({word.strip() for word in words.split(",")} & _BIND_WORDS)
        if options.get("type") in OVERLAYS and not is_bind:
            options = {**options, "o": _without_links_in(words)}
        elif device and (is_bind or options.get("type") in STACKED):
            options = {**options, "device": without_links(f"/{device}")}
        elif device:
            file = without_links(f"/{device}")
            if file.startswith("/dev/") or (os.path.exists(file) and not os.path.isdir(file)):
                options = {**options, "device": self._name(file)}
        return {**definition, "driver_opts": options} if options else definition

    def _nodes(self, path: str) -> tuple[str, ...]:
        """Return what the kernel calls the nodes at `path`, or in the folder `path` and below."""
        try:
            mode = os.stat(path).st_mode
        except OSError:
            return ()
        if not stat.S_ISDIR(mode):
            return (self._name(path),)
        if path == "/dev" or path.startswith("/dev/"):
            return ()  # a folder of that name means all of its nodes
        found: list[str] = []
        for number, file in enumerate(_files(path)):
            if number >= MAX_NODES:
                return ("/dev",)  # too many to tell
            name = self._name(file)
            if name != file:
                found.append(name)
        return (path, *found)

    def _name(self, path: str) -> str:
        """Return what the kernel calls the device of the node `path`; `path` for other files."""
        try:
            status = os.stat(path)
        except OSError:
            return path
        kind = {stat.S_IFCHR: "char", stat.S_IFBLK: "block"}.get(stat.S_IFMT(status.st_mode), "")
        if not kind:
            return path
        major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        if kind == "char" and major == _NVIDIA:
            return f"/dev/nvidia{'ctl' if minor == _NVIDIA_CONTROL else minor}"
        try:
            with open(f"{self._sys}/{kind}/{major}:{minor}/uevent", encoding="ascii") as file:
                names = [line[8:] for line in file.read().splitlines() if line[:8] == "DEVNAME="]
        except (OSError, UnicodeDecodeError):
            return path
        return f"/dev/{names[0]}" if names else path


def _has_paths(asked: Asked) -> bool:
    return bool(asked.volumes or asked.keys.get("devices")) or any(
        entry["type"] == "bind" for entry in asked.keys.get("volumes", ())
    )


def _bind(entry: dict[str, Any]) -> dict[str, Any]:
    source = str(entry["source"])
    if entry["type"] != "bind" or not source.startswith("/"):
        return entry
    return {**entry, "source": without_links(source)}


def _without_links_in(words: str) -> str:
    """Return the options `words` of an overlay, whose folders are paths without links."""
    found = []
    for word in words.split(","):
        name, equals, folders = word.partition("=")
        if name.rstrip("+") in _LAYERS:
            if "\\" in folders:
                raise RequestError("the folders of an overlay must not contain a backslash")
            folders = ":".join(without_links(one) if one else "" for one in folders.split(":"))
        found.append(f"{name}{equals}{folders}")
    return ",".join(found)


def _files(folder: str) -> Iterator[str]:
    for path, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(path, name)
