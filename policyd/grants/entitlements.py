"""Find the entitlements of the policy set that cover a grant, so that an audit can name them.

In: the data of a policy set, a review, a workload with its grants. Out: names of entitlements. The
rules are those of the policy allowed-gpus, which decides; this names what its decision rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from policyd.errors import PolicySetError
from policyd.grants.identity import NO_NAMES, DeviceNames, normal_form
from policyd.model import Review
from policyd.policies.organisation_data import Entitlement
from policyd.workloads.model import GrantDeclaration, Workload

POLICY: Final = "allowed-gpus"
"""The policy that denies grants which no entitlement covers."""

_ALL: Final = "all"
_BELOW: Final = "/**"
_MOST: Final = 1_000_000
"""Devices and replicas that are counted, as in policies/lib/gpus.rego."""


class Entitlements:
    """The entitlements in force for one review, on the host that it names."""

    def __init__(
        self,
        in_force: Mapping[str, Entitlement],
        domains: Mapping[str, str],
        names: DeviceNames = NO_NAMES,
    ) -> None:
        """`domains` are the known vendors of CDI names, `names` the devices of the host."""
        self._in_force = in_force
        self._domains = domains
        self._names = names

    def covering(
        self, workload: Workload, declarations: Iterable[GrantDeclaration]
    ) -> tuple[str, ...]:
        """Return the names of the entitlements that cover one of `declarations`, sorted.

        One that covers some of the devices of a declaration counts, because entitlements add up.
        """
        found = {
            name
            for declaration in declarations
            for name, entitlement in self._in_force.items()
            if self._covers(entitlement, workload, declaration)
        }
        return tuple(sorted(found))

    def _covers(
        self, entitlement: Entitlement, workload: Workload, declaration: GrantDeclaration
    ) -> bool:
        vendor = declaration.vendor
        if vendor not in entitlement.vendors or declaration.method not in entitlement.methods:
            return False
        if declaration.method == "image" and declaration.certainty != "certain":
            return False
        devices = {self._identity(device, vendor) for device in entitlement.devices}
        if _ALL in devices:
            return True
        if isinstance(declaration.devices, dict):
            return entitlement.count >= _counted(workload, vendor)
        return declaration.devices != _ALL and not devices.isdisjoint(declaration.identities)

    def _identity(self, device: str, vendor: str) -> str:
        return normal_form(device, vendor, self._domains, self._names)


def read_entitlements(data: Mapping[str, Any]) -> dict[str, Entitlement]:
    """Return the entitlements in the data of a policy set. Raises PolicySetError."""
    found = data.get("policyd", {}).get("entitlements", {})
    try:
        return msgspec.convert(found, dict[str, Entitlement])
    except msgspec.ValidationError as error:
        raise PolicySetError(f"policyd.entitlements: {error}") from error


def in_force(entitlements: Mapping[str, Entitlement], review: Review) -> dict[str, Entitlement]:
    """Return the entitlements of the requester on the host that `review` names."""
    return {name: one for name, one in entitlements.items() if all(_fields_match(one, review))}


def _fields_match(entitlement: Entitlement, review: Review) -> Iterator[bool]:
    user, source = review.user_info, review.source
    yield not entitlement.users or user.username in entitlement.users
    yield not entitlement.groups or not set(user.groups).isdisjoint(entitlement.groups)
    yield not entitlement.hosts or source.host in entitlement.hosts
    yield not entitlement.repositories or _is_one_of(entitlement.repositories, source.repository)


def _is_one_of(repositories: Sequence[str], name: str) -> bool:
    return any(
        name == one or (one.endswith(_BELOW) and name.startswith(one.removesuffix("**")))
        for one in repositories
    )


def _counted(workload: Workload, vendor: str) -> int:
    """Return the devices of `vendor` that `workload` asks for by count, in all replicas."""
    each = sum(
        min(grant.devices["count"], _MOST)
        for grant in workload.grants
        if grant.vendor == vendor and isinstance(grant.devices, dict)
    )
    return min(workload.replicas, _MOST) * each
