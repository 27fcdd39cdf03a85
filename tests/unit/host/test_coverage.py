from __future__ import annotations

from typing import Any

from policyd.host.coverage import Coverage, coverage
from policyd.model import Grant
from tests.support.cases import cases

ALIASES = {"0": ("gpu-aa", "0000:18:00.0"), "1": ("gpu-bb",)}


def grant(devices: Any = ("0",), **fields: Any) -> Grant:
    """Return a grant of the service trainer; identities are the devices unless given."""
    identities = devices if isinstance(devices, tuple) else ()
    if isinstance(devices, dict):
        identities = tuple(map(str, range(devices["count"])))
    given = {
        "service": "trainer",
        "vendor": "nvidia",
        "method": "reservation",
        "replicas": 1,
        "path": (),
        "identities": identities,
        **fields,
    }
    return Grant(devices=devices, **given)


@cases(
    ("asked", "held"),
    [
        (grant(("0",)), grant(("0",))),
        (grant(("0",)), grant(("0", "1"))),
        (grant(("0",)), grant("all")),
        (grant("all"), grant("all")),
        (grant({"count": 1}), grant({"count": 2})),
        (grant({"count": 2}), grant(("0", "1"))),
        (grant(("1",)), grant({"count": 2})),
        (grant(("0",)), grant(("0",), method="gpus")),
        (grant(("GPU-AA",), identities=("gpu-aa",)), grant(("0",), aliases=ALIASES)),
        (grant(("0",), aliases=ALIASES), grant(("GPU-AA",), identities=("gpu-aa",))),
        (
            grant(("/dev/dri",), method="device-node", identities=()),
            grant(("/dev/dri", "/dev/kfd"), method="device-node", identities=()),
        ),
    ],
)
def test_what_is_within_a_grant_is_covered(asked, held):
    assert coverage([asked], [held]) == Coverage(1)


@cases(
    ("asked", "held", "reason"),
    [
        (grant(("1",)), grant(("0",)), "it was granted 0"),
        (grant(("0", "1")), grant(("0",)), "it was granted 0"),
        (grant("all"), grant(("0", "1")), "it was granted 0, 1"),
        (grant("all"), grant({"count": 8}), "it was granted count: 8"),
        (grant({"count": 2}), grant({"count": 1}), "it was granted count: 1"),
        (grant({"count": 2}), grant(("0", "2")), "it was granted 0, 2"),
        (grant({"count": 500}), grant({"count": 200}), "it was granted count: 200"),
        (grant({"count": 0}), grant({"count": 1}), "it was granted count: 1"),
        (grant(("GPU-BB",), identities=("gpu-bb",)), grant(("0",)), "it was granted 0"),
        (grant((), identities=()), grant((), identities=()), "it was granted "),
        (grant(vendor="amd"), grant(), "its grants are of nvidia, not of amd"),
        (
            grant("all", method="privileged"),
            grant("all"),
            "its grants are by reservation, not by privileged",
        ),
        (grant(), grant(service="web"), "it has no active grant"),
    ],
)
def test_what_is_not_within_a_grant_is_not_covered(asked, held, reason):
    assert coverage([asked], [held]) == Coverage(0, reason)


def test_everything_that_is_asked_for_must_be_covered():
    held = [grant(("0",), replicas=3), grant(("1",), replicas=2)]

    assert coverage([grant(("0",)), grant(("1",))], held) == Coverage(2)
    assert coverage([grant(("0",)), grant(("2",))], held).containers == 0


def test_grants_of_several_deployments_add_up():
    assert coverage([grant()], [grant(replicas=2), grant(replicas=3)]) == Coverage(5)
