"""Work out the grants of workloads: the one place where the methods come together.

In: the workloads of a project, the data of the policy set, the name of the host. Out: the same
workloads with their runtime class, selectors and grants; and the grants that a decision lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from policyd.compose.project import Project
from policyd.errors import PolicySetError
from policyd.grants import (
    builds,
    cgroup_rules,
    device_nodes,
    host_access,
    images,
    mounts,
    requests,
    selectors,
)
from policyd.grants.container import Container
from policyd.grants.entitlements import Entitlements, in_force, read_entitlements
from policyd.grants.identity import NO_NAMES, DeviceNames
from policyd.grants.permission import Permissions
from policyd.grants.remediation import Remediations
from policyd.grants.runtimes import HostSettings
from policyd.grants.tables import read_tables
from policyd.inventory.hosts import Host
from policyd.loading import Loaded
from policyd.model import Certainty, Grant, GrantedDevices, NotEvaluated, Path, Review
from policyd.workloads.model import GrantDeclaration, Selector, Workload

UNKNOWN: Final = Permissions()
"""Permits without entitlements, exceptions and known constraints."""

_ALONE: Final = ("reservation", "gpus", "generic-resource")
"""Methods of which each declaration is a grant of its own; those of other methods add up."""


class GrantResolver:
    """Works out grants by the tables and the inventory of one policy set.

    May be used by many threads at once.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read the data of a policy set. Raises PolicySetError for tables that are not valid."""
        self._tables = read_tables(data)
        self._no_host = HostSettings(self._tables)
        self._hosts = {
            name: HostSettings(self._tables, host) for name, host in inventory(data).items()
        }
        self._entitlements = read_entitlements(data)

    def with_grants(self, loaded: Loaded, host: str = "") -> Loaded:
        """Return `loaded` with the grants of its workloads on the host that is named `host`.

        Images that may select devices there and are not known are not evaluated.
        """
        containers = list(self._containers(loaded.workloads, host))
        return msgspec.structs.replace(
            loaded,
            workloads=tuple(map(_resolved, containers)),
            not_evaluated=(*loaded.not_evaluated, *_unknown_images(containers, loaded.project)),
        )

    def resolve(self, workloads: Sequence[Workload], host: str = "") -> tuple[Workload, ...]:
        """Return `workloads` with their grants on the host that is named `host`."""
        return tuple(_resolved(container) for container in self._containers(workloads, host))

    def remediations(self, workloads: Iterable[Workload]) -> Remediations:
        """Return what finds the remediations of violations by `workloads`, which have grants."""
        return Remediations(workloads, self._tables)

    def entitlements(self, review: Review) -> Entitlements:
        """Return the entitlements of the requester on the host that `review` names."""
        names = self._hosts.get(review.source.host, self._no_host).names
        found = in_force(self._entitlements, review)
        return Entitlements(found, self._tables.data.cdi_vendors, names)

    def listed(
        self, workloads: Iterable[Workload], host: str = "", permissions: Permissions = UNKNOWN
    ) -> tuple[Grant, ...]:
        """Return the grants of `workloads`, which have grants on `host`. See `listed`."""
        return listed(workloads, permissions, self._hosts.get(host, self._no_host).names)

    def _containers(self, workloads: Sequence[Workload], host: str) -> Iterator[Container]:
        settings = self._hosts.get(host, self._no_host)
        owners = {one.service: one for one in workloads if one.kind != "hook"}
        for workload in workloads:
            service = owners[workload.service] if workload.kind == "hook" else None
            known = host_access.described(workload, self._tables, settings)
            yield Container(known, service, self._tables, settings)


def inventory(data: Mapping[str, Any]) -> dict[str, Host]:
    """Return the hosts of the inventory in the data of a policy set. Raises PolicySetError."""
    hosts = data.get("policyd", {}).get("inventory", {}).get("hosts", {})
    try:
        return msgspec.convert(hosts, dict[str, Host])
    except msgspec.ValidationError as error:
        raise PolicySetError(f"policyd.inventory.hosts: {error}") from error


def _unknown_images(containers: Iterable[Container], project: Project) -> Iterator[NotEvaluated]:
    for container in containers:
        image = images.unknown_image(container)
        if image:
            yield NotEvaluated(
                "image",
                image,
                f"the default runtime of the host gives accelerators to {container.workload.title}"
                f" if its image selects them, and the image is not known",
                project.locate(images.path_of(container)),
            )


def listed(
    workloads: Iterable[Workload],
    permissions: Permissions = UNKNOWN,
    names: DeviceNames = NO_NAMES,
) -> tuple[Grant, ...]:
    """Return the grants of `workloads` as a decision lists them.

    Declarations of one workload, vendor and method add up to one grant, except requests for
    devices, which stand for themselves. `permissions` knows what permits them; `names` are the
    names of the devices of the host.
    """
    return tuple(
        msgspec.structs.replace(
            _grant(workload, declarations),
            identities=_identities(declarations),
            aliases=_aliases(declarations, names),
            **msgspec.structs.asdict(permissions.of(workload, declarations)),
        )
        for workload in workloads
        for declarations in _listed(workload)
    )


def _resolved(container: Container) -> Workload:
    found = selectors.selectors(container)
    return msgspec.structs.replace(
        container.workload,
        runtime_class=container.host.class_of(container.workload.runtime),
        selectors=found,
        grants=tuple(_granted(container, found)),
    )


def _granted(container: Container, found: tuple[Selector, ...]) -> Iterator[GrantDeclaration]:
    yield from requests.granted(container)
    by_variables = tuple(selectors.granted(container, found))
    yield from by_variables
    vendors = {grant.vendor for grant in by_variables if grant.method == "environment"}
    yield from images.granted(container, vendors)
    for method in (device_nodes, mounts, cgroup_rules, builds):
        yield from method.granted(container)


def _listed(workload: Workload) -> Iterator[Sequence[GrantDeclaration]]:
    together: dict[tuple[str, str], list[GrantDeclaration]] = {}
    for declaration in workload.grants:
        if declaration.method in _ALONE:
            yield [declaration]
        else:
            key = (declaration.vendor, declaration.method)
            together.setdefault(key, []).append(declaration)
    yield from together.values()


def _grant(workload: Workload, declarations: Sequence[GrantDeclaration]) -> Grant:
    certain: Certainty = "certain"
    return Grant(
        service=workload.service,
        vendor=declarations[0].vendor,
        method=declarations[0].method,
        devices=_devices(declarations),
        replicas=workload.replicas,
        path=min((declaration.path for declaration in declarations), key=_order),
        kind=workload.kind,
        hook=workload.hook,
        certainty=(
            certain
            if any(declaration.certainty == certain for declaration in declarations)
            else declarations[0].certainty
        ),
        schedule=tuple(one.cron for one in workload.triggers.schedule) if workload.triggers else (),
    )


def _devices(declarations: Iterable[GrantDeclaration]) -> GrantedDevices:
    ids: set[str] = set()
    for declaration in declarations:
        if not isinstance(declaration.devices, tuple):
            return declaration.devices
        ids |= set(declaration.devices)
    return tuple(sorted(ids))


def _identities(declarations: Iterable[GrantDeclaration]) -> tuple[str, ...]:
    """Return the identities of a grant; none for a grant of all devices."""
    ids: set[str] = set()
    for declaration in declarations:
        if declaration.devices == "all":
            return ()
        ids |= set(declaration.identities)
    return tuple(sorted(ids))


def _aliases(
    declarations: Sequence[GrantDeclaration], names: DeviceNames
) -> dict[str, tuple[str, ...]]:
    if declarations[0].vendor != "nvidia":
        return {}
    found = {identity: names.aliases(identity) for identity in _identities(declarations)}
    return {identity: others for identity, others in found.items() if others}


def _order(path: Path) -> tuple[tuple[bool, int, str], ...]:
    """Return a key that sorts paths whose steps are names and places."""
    return tuple((False, step, "") if isinstance(step, int) else (True, 0, step) for step in path)
