"""Find what stays writable below a read-only mount.

In: what a request asks for, and the mounts of the host. Out: the same, with the mounts of the host
below a read-only one as mounts of their own. A read-only bind mount leaves them writable: engines
before 25 always do, newer ones if they are told to or the kernel is older than 5.12. Below /sys,
that is the control group of devices. Errors: RequestError. Sources: mount_setattr(2); moby
daemon/oci_linux.go (withMounts), API 1.44 (ReadOnlyNonRecursive); proc(5), mountinfo.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from policyd.errors import RequestError
from policyd.host.asked import Asked

MAX_BELOW: Final = 50
"""Mounts below one mount that are told apart."""
WRITABLE: Final = "writable"
"""What Compose says for `recursive` of a read-only bind mount whose mounts below are writable."""
TABLE: Final = "/proc/1/mountinfo"
"""The mounts of the host: the gate has mounts of its own, which systemd makes for it."""
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")
_AUTOFS: Final = b"autofs"
"""The type of automount points: the kernel mounts another file system at the first access."""
_FIRST_KERNEL: Final = (5, 12)
_RBIND: Final = "rbind"


class _Point(NamedTuple):
    """A folder on which the host has mounted something."""

    path: str
    is_read_only: bool


def with_submounts(
    asked: Asked, is_deep: Callable[[], bool] = lambda: True, table: str = ""
) -> Asked:
    """Return `asked` with the mounts of the host that stay writable below its read-only ones.

    `is_deep` says whether the engine makes those below read-only too, unless it is told not to.
    Raises RequestError where the mounts of the host cannot be read.
    """
    entries = asked.keys.get("volumes", ())
    leaving = [(one, source) for one in entries if (source := _left(one, asked.volumes, is_deep))]
    if not leaving:
        return asked
    points = _points(table or TABLE)
    more = [found for entry, source in leaving for found in _below(entry, source, points)]
    return msgspec.structs.replace(asked, keys={**asked.keys, "volumes": [*entries, *more]})


def kernel_is_deep(release: str = "") -> bool:
    """Return whether the kernel can make a mount read-only with all that is below it."""
    found = re.match(r"(\d+)\.(\d+)", release or os.uname().release)
    return bool(found and (int(found[1]), int(found[2])) >= _FIRST_KERNEL)


def _left(entry: Mapping[str, Any], volumes: Mapping[str, Any], is_deep: Callable[[], bool]) -> str:
    """Return the folder of the host below which `entry` may leave mounts writable, else ""."""
    is_read_only = bool(entry.get("read_only"))
    if entry.get("type") == "bind":
        source = str(entry.get("source", "")) if is_read_only else ""
    else:
        options = volumes.get(entry.get("source", ""), {}).get("driver_opts") or {}
        words = {word.strip() for word in str(options.get("o", "")).split(",")}
        source = str(options.get("device", "")) if _RBIND in words else ""
    told = (entry.get("bind") or {}).get("recursive") == WRITABLE
    if source in ("", "/") or (is_read_only and not told and is_deep()):
        return ""
    return source


def _below(
    entry: Mapping[str, Any], source: str, points: Sequence[_Point]
) -> Iterator[dict[str, Any]]:
    above, target = source.rstrip("/") + "/", str(entry.get("target", ""))
    found = [one for one in points if one.path.startswith(above)]
    if len(found) > MAX_BELOW:
        yield {"type": "bind", "source": source, "target": target, "read_only": False}
        return
    for one in found:
        yield {
            "type": "bind",
            "source": one.path,
            "target": f"{target}/{one.path[len(above) :]}",
            "read_only": one.is_read_only,
        }


def _points(table: str) -> list[_Point]:
    try:
        with open(table, "rb") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise RequestError(
            f"the mounts of the host cannot be read: {table}: {error.strerror}"
        ) from error
    found = {}
    for line in lines:
        fields, _, system = line.partition(b" - ")
        words = fields.split(b" ")
        if len(words) > 5 and not system.startswith(_AUTOFS):
            path = os.fsdecode(_ESCAPED.sub(lambda one: bytes([int(one[1], 8)]), words[4]))
            found[path] = _Point(path, b"ro" in words[5].split(b","))
    return list(found.values())
