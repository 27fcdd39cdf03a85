"""Grants by builds, generic resources and privileges.

In: a container. Out: declarations of the methods build, generic-resource and privileged. Sources:
BuildKit entitlements and RUN --device; Docker Swarm, generic resources; docker/compose create.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.grants.container import Container, everything
from policyd.grants.requests import named
from policyd.grants.tables import Tables
from policyd.lazy_pattern import lazy_pattern
from policyd.workloads.model import Build, GrantDeclaration

_OPENING: Final = ("security.insecure", "device")
_BUILD_DEVICE: Final = lazy_pattern(r"[^/=]+/[^/=]+(=.+)?")
_SEPARATORS: Final = lazy_pattern(r"[^A-Z0-9]+")


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the build, the generic resources and the privileges of `container`."""
    workload = container.workload
    if workload.privileged:
        yield everything("privileged", (*workload.path, "privileged"), "privileged: true")
    if workload.build is not None:
        yield from _build(container, workload.build)
    for resource in workload.generic_resources:
        vendor = resource_vendor(resource.kind, container.tables)
        if vendor and resource.value > 0:
            yield GrantDeclaration(
                method="generic-resource",
                vendor=vendor,
                devices={"count": resource.value},
                path=resource.path,
                text=f"{resource.kind}: {resource.value}",
            )


def resource_vendor(kind: str, tables: Tables) -> str:
    """Return the vendor of a generic resource; "" for a kind that does not name accelerators."""
    known = tables.data.resource_kinds
    owners = {known[token] for token in _SEPARATORS.split(kind.upper()) if token in known}
    return max(owners - {"unknown"}, default="unknown" if owners else "")


def _build(container: Container, build: Build) -> Iterator[GrantDeclaration]:
    if build.privileged:
        yield everything("build", (*build.path, "privileged"), "build: privileged: true")
    for place, entitlement in enumerate(build.entitlements):
        if entitlement in _OPENING or entitlement.startswith("device="):
            yield everything("build", (*build.path, "entitlements", place), entitlement)
    path = build.dockerfile_path
    for flag in build.run_flags:
        if flag.name == "device":
            yield from named(
                container, "build", _device_names(flag.value), path, "RUN --device", "devices"
            )
        elif flag.name == "security" and flag.value == "insecure":
            yield everything("build", path, "RUN --security=insecure")


def _device_names(value: str) -> list[str]:
    """Return the CDI name in `RUN --device=[name=]VENDOR/CLASS[=DEVICE][,required]`."""
    name = value.partition(",")[0].removeprefix("name=")
    return [name.replace("=*", "=all")] if _BUILD_DEVICE.fullmatch(name) else []
