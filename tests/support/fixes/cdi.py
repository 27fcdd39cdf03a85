"""Fixes of devices that are requested by CDI names, for each vendor."""

from __future__ import annotations

from typing import Final

from tests.support.fixes.model import Fix

_KINDS: Final = {
    "nvidia": "nvidia.com/gpu",
    "amd": "amd.com/gpu",
    "intel": "intel.com/gpu",
    "google": "google.com/tpu",
    "unknown": "acme.example/npu",
}
_REQUEST: Final = "volumes: ['/dev/null:/var/run/nvidia-container-devices/cdi/%s/%s']"
_BUILD: Final = 'build: {context: ., dockerfile_inline: "FROM alpine\\nRUN %strue"}'


def _of_vendor(vendor: str, kind: str) -> dict[str, Fix]:
    one, every = f"devices: ['{kind}=0']", f"devices: ['{kind}=all']"
    says = f"`{one}`"
    remains = ("known-accelerator-vendor",) if vendor == "unknown" else ()
    move = f"Move the CDI name to `devices:`, as in {says}"
    return {
        f"cdi-{vendor}": Fix("no-all-gpus", every, (says,), one, remains=remains),
        f"all-by-annotation-{vendor}": Fix(
            "no-all-gpus",
            f"annotations: {{cdi.k8s.io/x: {kind}=all}}",
            ("Remove the annotation", says),
            one,
            remains=remains,
        ),
        f"annotation-{vendor}": Fix(
            "no-gpu-via-annotations",
            f"annotations: {{cdi.k8s.io/x: {kind}=1}}",
            (move,),
            one,
            remains=remains,
        ),
        f"all-by-volume-request-{vendor}": Fix(
            "no-all-gpus",
            _REQUEST % (kind, "all"),
            ("Remove the mount",),
            one,
            remains=remains,
        ),
        f"volume-request-{vendor}": Fix(
            "no-gpu-via-volume-request",
            _REQUEST % (kind, "1"),
            ("Remove the mount",),
            one,
            remains=remains,
        ),
        f"build-device-{vendor}": Fix(
            "no-build-privileges",
            _BUILD % f"--device={kind}=0 ",
            (
                "Remove the option from the build",
                "`device_ids: ['0']`" if vendor == "nvidia" else says,
            ),
            f"{_BUILD % ''}\n    {one}",
            remains=remains,
        ),
    }


FIXES: Final = {
    name: fix for vendor, kind in _KINDS.items() for name, fix in _of_vendor(vendor, kind).items()
}
