"""Each fix is applied as it is written: the violation ends, and no other policy denies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from policyd.admission import Admission
from policyd.model import Decision
from policyd.policies.matching import matches_any
from tests.support import granting
from tests.support.cases import cases
from tests.support.fixes import FIXES
from tests.support.fixes.evaluation import decide, default_admission, first
from tests.support.fixes.model import FAMILIES, Fix

_PATHS = re.compile(r"`paths: \['(.+)'\]`")


@pytest.fixture(scope="module")
def admission() -> Iterator[Admission]:
    with default_admission() as admission:
        yield admission


def _denying(decision: Decision) -> set[str]:
    return {violation.policy for violation in decision.violations}


@pytest.mark.thorough
@cases("fix", FIXES.values(), ids=FIXES)
def test_fix_ends_the_violation_or_says_that_only_an_exception_helps(
    admission: Admission, fix: Fix
) -> None:
    denied = decide(admission, fix.denied, fix.host)
    texts = [v.remediation for v in denied.violations if v.policy == fix.policy]

    assert texts
    for text in texts:
        assert [part for part in fix.says if part not in text] == []
    if fix.fixed:
        fixed = decide(admission, fix.fixed, fix.host)
        assert (fixed.status.message == "no policy denies") == (not fix.remains)
        assert _denying(fixed) == set(fix.remains) <= _denying(denied) - {fix.policy}
        assert bool(fixed.grants) == fix.gets_device
    else:
        glob = _PATHS.search(texts[0])
        assert glob
        left = decide(admission, fix.replaced, fix.host) if fix.replaced else denied
        exempt = [v for v in left.violations if fix.replaced or v.policy == fix.policy]
        assert exempt
        assert all(matches_any((glob[1],), "/".join(map(str, v.path))) for v in exempt)


def test_every_policy_of_the_default_set_has_a_fix(admission: Admission) -> None:
    in_force = {constraint.policy for constraint in admission.policy_set.constraints}

    assert {fix.policy for fix in FIXES.values()} == in_force


@pytest.mark.thorough
def test_every_method_and_vendor_that_a_policy_denies_has_a_fix(admission: Admission) -> None:
    known = granting.tables()
    drivers = {*known.data.drivers.values(), "unknown"}
    domains = {*known.data.cdi_vendors.values(), "unknown"}
    nodes = {vendor for _, vendor in known.nodes if vendor != "drm"}
    families = {family.vendor for family in known.families.values()}
    expected = {
        *(("no-all-gpus", "reservation", vendor) for vendor in drivers),
        *(("no-all-gpus", "gpus", vendor) for vendor in drivers),
        *(("no-all-gpus", "cdi", vendor) for vendor in domains),
        *(("no-gpu-via-annotations", "cdi", vendor) for vendor in domains),
        *(("no-all-gpus", "mount", vendor) for vendor in domains),
        *(("no-gpu-via-volume-request", "mount", vendor) for vendor in domains),
        *(("no-all-gpus", "runtime", vendor) for vendor in families),
        *(("no-all-gpus", "environment", vendor) for vendor in families),
        *(("no-gpu-via-environment", "environment", vendor) for vendor in families),
        *(("no-unvetted-runtime", "runtime", vendor) for vendor in families - {"nvidia"}),
        ("no-nvidia-runtime", "runtime", "nvidia"),
        ("no-all-gpus", "image", "nvidia"),
        ("no-gpu-via-environment", "image", "nvidia"),
        *(("no-raw-device-nodes", "device-node", vendor) for vendor in nodes),
        *(("no-host-dev-mounts", "mount", vendor) for vendor in nodes),
        *(("no-device-cgroup-rules", "cgroup-rule", vendor) for vendor in ("nvidia", "unknown")),
        *(("no-build-privileges", "build", vendor) for vendor in domains),
        ("no-privileged", "privileged", "unknown"),
        ("no-docker-socket", "api-socket", "unknown"),
    }

    found = {
        (fix.policy, *first(fix, decide(admission, fix.denied, fix.host))[:2])
        for fix in FIXES.values()
    }

    assert expected - found == set()


def test_every_family_of_runtimes_has_fixes() -> None:
    families = granting.tables().families
    vendors = {name: vendor for name, (_, _, vendor) in FAMILIES.items()}

    assert vendors | {"nvidia": "nvidia", "amd": "amd"} == {
        name: family.vendor for name, family in families.items()
    }


@pytest.mark.thorough
def test_count_is_never_advised(admission: Admission) -> None:
    texts = [
        v.remediation
        for fix in FIXES.values()
        for v in decide(admission, fix.denied, fix.host).violations
    ]

    assert [text for text in texts if "`count`" in text] == []


def test_fix_of_a_hook_names_its_place(admission: Admission) -> None:
    decision = decide(admission, "pre_start:\n      - {command: [a], devices: [/dev/dxg]}")

    assert "`paths: ['services/app/pre_start/0/devices/**']`" in decision.violations[0].remediation


def test_policy_without_a_grant_keeps_its_own_remediation(admission: Admission) -> None:
    decision = decide(admission, "pid: host")

    policy = admission.policy_set.policies["no-host-namespaces"]
    assert [v.remediation for v in decision.violations] == [policy.remediation]
