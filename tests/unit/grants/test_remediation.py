"""Each fix is applied as it is written: the violation ends, and no other policy denies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Decision, Review
from policyd.policies.matching import matches_any
from policyd.policies.policy_set import load_policy_set

REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)
_PATHS = re.compile(r"`paths: \['(.+)'\]`")
RESERVATION = "deploy: {resources: {reservations: {devices: [%s]}}}"
NVIDIA_0 = RESERVATION % "{driver: nvidia, device_ids: ['0'], capabilities: [gpu]}"
AMD_0 = RESERVATION % "{driver: amd, device_ids: ['0'], capabilities: [gpu]}"


@dataclass(frozen=True)
class Fix:
    """A denied service and the service that the fix makes of it: the text after `app:`.

    `says` are parts of the remediation. Without `fixed` only an exception helps: for the denied
    service, or for `replaced`, which the fix makes of it.
    """

    policy: str
    denied: str
    says: tuple[str, ...]
    fixed: str = ""
    replaced: str = ""


FIXES = {
    "reservation-nvidia": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: nvidia, count: all, capabilities: [gpu]}",
        ("`device_ids: ['0']` with `driver: nvidia`",),
        NVIDIA_0,
    ),
    "reservation-amd": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: amd, device_ids: [all], capabilities: [gpu]}",
        ("`device_ids: ['0']` with `driver: amd`",),
        AMD_0,
    ),
    "gpus-without-driver": Fix(
        "no-all-gpus",
        "gpus: all",
        ("`device_ids: ['0']` with `driver: nvidia`",),
        "gpus: [{driver: nvidia, device_ids: ['0']}]",
    ),
    "unknown-driver": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: acme, count: all, capabilities: [gpu]}",
        ("CDI name", "`devices:`", "exception"),
        "devices: [intel.com/gpu=0]",
    ),
    "cdi-nvidia": Fix(
        "no-all-gpus",
        "devices: [nvidia.com/gpu=all]",
        ("`devices: ['nvidia.com/gpu=0']`",),
        "devices: ['nvidia.com/gpu=0']",
    ),
    "cdi-amd": Fix(
        "no-all-gpus",
        "devices: [amd.com/gpu=all]",
        ("`devices: ['amd.com/gpu=0']`",),
        "devices: ['amd.com/gpu=0']",
    ),
    "cdi-annotation": Fix(
        "no-all-gpus",
        "annotations: {cdi.k8s.io/x: intel.com/gpu=all}",
        ("Remove the annotation", "`devices: ['intel.com/gpu=0']`"),
        "devices: ['intel.com/gpu=0']",
    ),
    "cdi-reservation": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: cdi, device_ids: [nvidia.com/gpu=all], capabilities: [gpu]}",
        ("in the same entry: `device_ids: ['nvidia.com/gpu=0']`",),
        RESERVATION % "{driver: cdi, device_ids: ['nvidia.com/gpu=0'], capabilities: [gpu]}",
    ),
    "runtime-beside-a-reservation": Fix(
        "no-all-gpus", f"runtime: nvidia\n    {NVIDIA_0}", ("Remove `runtime:`",), NVIDIA_0
    ),
    "runtime-nvidia": Fix(
        "no-all-gpus",
        "runtime: nvidia",
        ("Replace `runtime:` with a reservation", "Jetson", "exception"),
        NVIDIA_0,
    ),
    "environment-nvidia-all": Fix(
        "no-all-gpus",
        "environment: {NVIDIA_VISIBLE_DEVICES: all}",
        ("Remove the variable", "a reservation: `driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "volume-request": Fix(
        "no-all-gpus",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/all']",
        ("Remove the mount", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "no-nvidia-runtime": Fix(
        "no-nvidia-runtime",
        "runtime: nvidia\n    environment: {NVIDIA_VISIBLE_DEVICES: '0'}",
        ("Replace `runtime:` with a reservation",),
        NVIDIA_0,
    ),
    "no-nvidia-runtime-beside-a-reservation": Fix(
        "no-nvidia-runtime", f"runtime: nvidia\n    {NVIDIA_0}", ("Remove `runtime:`",), NVIDIA_0
    ),
    "no-nvidia-runtime-jetson": Fix(
        "no-nvidia-runtime",
        "image: dustynv/l4t-pytorch:r36\n    runtime: nvidia\n"
        "    environment: {NVIDIA_VISIBLE_DEVICES: '0'}",
        ("On a Jetson the runtime is the only way", "`paths: ['services/app/runtime']`"),
    ),
    "no-unvetted-runtime-amd": Fix(
        "no-unvetted-runtime",
        "runtime: amd\n    environment: {AMD_VISIBLE_DEVICES: '0'}",
        ("Replace `runtime:`", "`driver: amd` with `device_ids: ['0']`"),
        AMD_0,
    ),
    "no-unvetted-runtime-habana": Fix(
        "no-unvetted-runtime",
        "runtime: habana\n    environment: {HABANA_VISIBLE_DEVICES: '0'}",
        ("`HABANA_VISIBLE_DEVICES: '0'`", "`paths: ['services/app/runtime']`"),
    ),
    "environment-nvidia": Fix(
        "no-gpu-via-environment",
        "environment: {NVIDIA_VISIBLE_DEVICES: '1'}",
        ("Remove the variable", "`driver: nvidia`", "`NVIDIA_VISIBLE_DEVICES: void`"),
        NVIDIA_0,
    ),
    "legacy-image": Fix(
        "no-gpu-via-environment",
        "environment: {CUDA_VERSION: '12.4'}",
        ("Declare the GPU as a reservation", "`NVIDIA_VISIBLE_DEVICES: void`"),
        f"environment: {{CUDA_VERSION: '12.4'}}\n    {NVIDIA_0}",
    ),
    "environment-amd": Fix(
        "no-gpu-via-environment",
        "environment: {AMD_VISIBLE_DEVICES: '0'}",
        ("Remove the variable", "`driver: amd` with `device_ids: ['0']`", "amd.com/gpu=0"),
        "devices: ['amd.com/gpu=0']",
    ),
    "environment-habana": Fix(
        "no-gpu-via-environment",
        "environment: {HABANA_VISIBLE_DEVICES: '0'}",
        (
            "`HABANA_VISIBLE_DEVICES: '0'`",
            "`paths: ['services/app/environment/HABANA_VISIBLE_DEVICES']`",
        ),
    ),
    "environment-mthreads": Fix(
        "no-gpu-via-environment",
        "environment: {MTHREADS_VISIBLE_DEVICES: '0'}",
        ("`MTHREADS_VISIBLE_DEVICES: '0'`", "exception", "`void`"),
    ),
    "annotation": Fix(
        "no-gpu-via-annotations",
        "annotations: {cdi.k8s.io/x: amd.com/gpu=1}",
        ("Move the CDI name to `devices:`", "`devices: ['amd.com/gpu=0']`"),
        "devices: ['amd.com/gpu=0']",
    ),
    "volume-request-of-one": Fix(
        "no-gpu-via-volume-request",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/0']",
        ("Remove the mount", "`driver: nvidia`"),
        NVIDIA_0,
    ),
    "volume-request-cdi": Fix(
        "no-gpu-via-volume-request",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/cdi/amd.com/gpu/1']",
        ("Remove the mount", "`devices: ['amd.com/gpu=0']`"),
        "devices: ['amd.com/gpu=0']",
    ),
    "require-gpu-driver": Fix(
        "require-gpu-driver",
        RESERVATION % "{count: 1, capabilities: [gpu]}",
        ("Add `driver: nvidia`",),
        RESERVATION % "{driver: nvidia, count: 1, capabilities: [gpu]}",
    ),
    "known-driver": Fix(
        "known-accelerator-vendor",
        RESERVATION % "{driver: acme, count: 1, capabilities: [gpu]}",
        ("CDI name of a known vendor in `devices:`", "exception"),
        "devices: ['amd.com/gpu=0']",
    ),
    "node-nvidia": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/nvidia0]",
        ("`driver: nvidia` with `device_ids: ['0']`",),
        NVIDIA_0,
    ),
    "node-amd": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/kfd, /dev/dri]",
        ("`driver: amd` with `device_ids: ['0']`", "`devices: ['amd.com/gpu=0']`"),
        AMD_0,
    ),
    "node-dri": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/dri/renderD128]",
        ("`intel.com/gpu=…`", "exception"),
        "devices: ['intel.com/gpu=0']",
    ),
    "node-ascend": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/davinci0]",
        ("`runtime: ascend` and `ASCEND_VISIBLE_DEVICES: '0'`", "exception"),
        replaced="runtime: ascend\n    environment: {ASCEND_VISIBLE_DEVICES: '0'}",
    ),
    "node-folder": Fix(
        "no-raw-device-nodes",
        "devices: [/dev]",
        ("Remove the folder", "`driver: nvidia` with `device_ids: ['0']`", "exception"),
        NVIDIA_0,
    ),
    "node-wsl": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/dxg]",
        ("Nothing replaces this device node", "`paths: ['services/app/devices/**']`"),
    ),
    "mount-nvidia": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/nvidia0:/dev/nvidia0']",
        ("Replace the mount", "`driver: nvidia`"),
        NVIDIA_0,
    ),
    "mount-hailo": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/hailo0:/dev/hailo0']",
        ("Nothing replaces this mount", "`paths: ['services/app/volumes/**']`"),
    ),
}


@pytest.fixture(scope="module")
def admission() -> Iterator[Admission]:
    policy_set = load_policy_set()
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, 60)
    yield Admission(engine, policy_set)
    engine.close()


def _decide(admission: Admission, service: str) -> Decision:
    image = "" if service.startswith("image:") else "image: registry.example/app:1\n    "
    text = f"services:\n  app:\n    {image}{service}\n"
    return admission.decide(prepare(memory_bundle({"compose.yaml": text.encode()})), REVIEW)


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_fix_ends_the_violation_or_says_that_only_an_exception_helps(
    admission: Admission, fix: Fix
) -> None:
    denied = _decide(admission, fix.denied)
    texts = [v.remediation for v in denied.violations if v.policy == fix.policy]

    assert texts
    for text in texts:
        assert [part for part in fix.says if part not in text] == []
    if fix.fixed:
        fixed = _decide(admission, fix.fixed)
        assert (fixed.violations, fixed.status.message) == ((), "no policy denies")
        assert fixed.grants
    else:
        glob = _PATHS.search(texts[0])
        assert glob
        left = _decide(admission, fix.replaced) if fix.replaced else denied
        exempt = [v for v in left.violations if fix.replaced or v.policy == fix.policy]
        assert exempt
        assert all(matches_any((glob[1],), "/".join(map(str, v.path))) for v in exempt)


def test_count_is_never_advised(admission: Admission) -> None:
    texts = [
        v.remediation for fix in FIXES.values() for v in _decide(admission, fix.denied).violations
    ]

    assert [text for text in texts if "`count`" in text] == []


def test_fix_of_a_hook_names_its_place(admission: Admission) -> None:
    decision = _decide(admission, "pre_start:\n      - {command: [a], devices: [/dev/dxg]}")

    assert "`paths: ['services/app/pre_start/0/devices/**']`" in decision.violations[0].remediation


def test_policy_without_a_grant_keeps_its_own_remediation(admission: Admission) -> None:
    decision = _decide(admission, "privileged: true")

    policy = admission.policy_set.policies["no-privileged"]
    assert [v.remediation for v in decision.violations] == [policy.remediation]
