"""Grants by device control group rules, and why a rule is dangerous.

In: a container, or a rule. Out: declarations of the method cgroup-rule, or a reason. Sources: moby
opts, "device cgroup rules"; Linux Documentation/admin-guide/devices.txt (majors).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.grants.container import Container
from policyd.grants.runtimes import HostSettings
from policyd.grants.selection import without_zeros
from policyd.grants.tables import Tables
from policyd.lazy_pattern import lazy_pattern
from policyd.workloads.model import GrantDeclaration

_RULE: Final = lazy_pattern(r"([abc]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")
_DYNAMIC_MAJORS: Final = (range(234, 255), range(384, 512))
_MISC_MAJOR: Final = "10"
_VFIO_MINORS: Final = ("*", "196")
_DISK_MAJORS: Final = ("21", "90", "162")
"""Character devices that take commands to disks: SCSI generic, flash memory, raw disks."""
_MEMORY_MAJOR: Final = "1"
_MEMORY_MINORS: Final = ("*", "1", "2", "4")


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the rules of `container` that open accelerators for use."""
    for rule in container.workload.device_cgroup_rules:
        found = _RULE.fullmatch(rule.rule)
        if found is None or not {"r", "w"} & set(found[4]):
            continue
        major, minor = _number(found[2]), _number(found[3])
        vendor = _vendor(container, found[1], major, minor)
        if vendor:
            every = found[1] == "a" or "*" in (major, minor)
            devices = "all" if every else (f"{major}:{minor}",)
            yield GrantDeclaration(
                method="cgroup-rule",
                vendor=vendor,
                devices=devices,
                path=rule.path,
                text=rule.rule,
                identities=() if devices == "all" else (f"{major}:{minor}",),
            )


def danger(rule: str, tables: Tables, host: HostSettings) -> str:
    """Return the reason for which a rule, as written, is dangerous; "" for a harmless rule."""
    found = _RULE.fullmatch(rule)
    if found is None:
        return "it is malformed"
    kind, major, minor = found[1], _number(found[2]), _number(found[3])
    known = tables.data
    reasons = (
        (kind == "a", "it covers every device"),
        (kind == "b", "it covers block devices"),
        (major == "*", "it covers every character device"),
        (major in known.majors, "it covers an accelerator major"),
        (_is_dynamic(major), "it covers a dynamic major, as accelerators have"),
        (
            major in known.usb_majors and host.has_usb_accelerators,
            "it covers the USB bus, which has accelerators on this host",
        ),
        (major == _MISC_MAJOR and minor in _VFIO_MINORS, "it covers VFIO"),
        (major in _DISK_MAJORS, "it covers disks, to which the device passes commands"),
        (major == _MEMORY_MAJOR and minor in _MEMORY_MINORS, "it covers physical memory"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _vendor(container: Container, kind: str, major: str, minor: str) -> str:
    """Return the vendor of the devices that a rule covers; "" if it covers no accelerator."""
    known = container.tables.data
    if kind == "a":
        return "unknown"
    if kind == "b":
        return ""
    if major in known.majors:
        return known.majors[major]
    if major in known.usb_majors and container.host.has_usb_accelerators:
        return known.usb_majors[major]
    if major == "*" or _is_dynamic(major):
        return "unknown"
    return "unknown" if major == _MISC_MAJOR and minor in _VFIO_MINORS else ""


def _is_dynamic(major: str) -> bool:
    is_short = major != "*" and len(major) <= len(str(_DYNAMIC_MAJORS[-1].stop))
    return is_short and any(int(major) in majors for majors in _DYNAMIC_MAJORS)


def _number(text: str) -> str:
    return text if text == "*" else without_zeros(text)
