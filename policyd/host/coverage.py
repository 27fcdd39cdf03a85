"""Compare the accelerators that a container asks for with those that its project was granted.

In: grants as a decision lists them, and grants that are held. Out: how many containers may have
what is asked for, and the reason if none may. Content counts: the same vendor and method, and no
device that was not granted. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from policyd.model import Grant, GrantedDevices

_REQUESTS: Final = "reservation"
_SAME_METHOD: Final = {"gpus": _REQUESTS, "reservation": _REQUESTS}
"""Methods that a request to the daemon does not tell apart."""


class Held(Protocol):
    """A grant that is held: of the audit log, or of a receipt."""

    @property
    def service(self) -> str:
        """The service that holds it."""

    @property
    def vendor(self) -> str:
        """The vendor of its devices."""

    @property
    def method(self) -> str:
        """How the devices reach the container."""

    @property
    def devices(self) -> GrantedDevices:
        """The devices as they were written."""

    @property
    def replicas(self) -> int:
        """The number of containers."""

    @property
    def identities(self) -> tuple[str, ...] | None:
        """The devices in the form in which they can be compared."""

    @property
    def aliases(self) -> dict[str, tuple[str, ...]] | None:
        """Other names of the devices."""


class Coverage(NamedTuple):
    """For how many containers what is asked for was granted; `reason` says why for none."""

    containers: int
    reason: str = ""


def coverage(asked: Sequence[Grant], held: Sequence[Held]) -> Coverage:
    """Return for how many containers of their service all of `asked` is covered by `held`."""
    least: int | None = None
    for grant in asked:
        covering = [one for one in held if covers(one, grant)]
        if not covering:
            return Coverage(
                0, _reason(grant, [one for one in held if one.service == grant.service])
            )
        number = sum(one.replicas for one in covering)
        least = number if least is None else min(least, number)
    return Coverage(least or 0)


def covers(held: Held, asked: Grant) -> bool:
    """Return whether `held` covers what one container asks for."""
    return (
        held.service == asked.service
        and held.vendor == asked.vendor
        and _method(held.method) == _method(asked.method)
        and _within(held, asked)
    )


def _within(held: Held, asked: Grant) -> bool:
    """Return whether the devices of `asked` are among those of `held`."""
    if held.devices == "all":
        return True
    if asked.devices == "all" or isinstance(asked.devices, str):
        return False
    if isinstance(asked.devices, dict) and isinstance(held.devices, dict):
        # `count: N` stands for the first N devices, so a smaller count is part of a larger one.
        return 0 < asked.devices.get("count", 0) <= held.devices.get("count", 0)
    granted = _names(held)
    if not asked.identities:
        return _written(asked) != set() and _written(asked) <= _written(held)
    return all(
        {identity, *asked.aliases.get(identity, ())} & granted for identity in asked.identities
    )


def _names(held: Held) -> set[str]:
    """Return all names of the devices of `held`."""
    names = set(held.identities or ())
    for others in (held.aliases or {}).values():
        names.update(others)
    return names


def _written(grant: Held) -> set[str]:
    return set(grant.devices) if isinstance(grant.devices, tuple) else set()


def _method(method: str) -> str:
    return _SAME_METHOD.get(method, method)


def _reason(asked: Grant, held: Sequence[Held]) -> str:
    """Return why none of `held`, the grants of the service, covers `asked`."""
    if not held:
        return "it has no active grant"
    same = [one for one in held if _method(one.method) == _method(asked.method)]
    if not same:
        return f"its grants are by {_either(one.method for one in held)}, not by {asked.method}"
    vendors = [one for one in same if one.vendor == asked.vendor]
    if not vendors:
        return f"its grants are of {_either(one.vendor for one in same)}, not of {asked.vendor}"
    return f"it was granted {_either(shown(one.devices) for one in vendors)}"


def _either(texts: Iterable[str]) -> str:
    return " or ".join(sorted(set(texts)))


def shown(devices: GrantedDevices) -> str:
    """Return `devices` as messages show them."""
    if isinstance(devices, dict):
        return f"count: {devices.get('count', 0)}"
    return devices if isinstance(devices, str) else ", ".join(devices)
