"""Fixes of selections by variables: of families without a driver, and of unset variables."""

from __future__ import annotations

from typing import Final

from tests.support.fixes.model import AMD_0, FAMILIES, NVIDIA_0, RESERVATION, Fix

_UNSET: Final = {
    "unset-id": Fix(
        "no-unresolved-gpu-selection",
        RESERVATION % "{driver: nvidia, device_ids: ['${GPU}'], capabilities: [gpu]}",
        ("give the variable a default",),
        RESERVATION % "{driver: nvidia, device_ids: ['${GPU:-0}'], capabilities: [gpu]}",
    ),
    "unset-runtime": Fix(
        "no-unresolved-gpu-selection",
        "runtime: ${RUNTIME}",
        ("`runtime: runc`", "a reservation: `driver: nvidia`"),
        f"runtime: runc\n    {NVIDIA_0}",
    ),
    "unset-variable-nvidia": Fix(
        "no-unresolved-gpu-selection",
        "environment: [NVIDIA_VISIBLE_DEVICES]",
        ("Remove the variable", "a reservation: `driver: nvidia`"),
        NVIDIA_0,
    ),
    "unset-variable-amd": Fix(
        "no-unresolved-gpu-selection",
        "environment: {AMD_VISIBLE_DEVICES: '${GPU}'}",
        ("Remove the variable", "`driver: amd`"),
        AMD_0,
    ),
    "unset-variable-of-runtime-nvidia": Fix(
        "no-unresolved-gpu-selection",
        "runtime: nvidia\n    environment: [NVIDIA_VISIBLE_DEVICES]",
        ("Replace the variable and `runtime:` with a reservation",),
        NVIDIA_0,
    ),
    "unset-variable-of-runtime-amd": Fix(
        "no-unresolved-gpu-selection",
        "runtime: amd\n    environment: [AMD_VISIBLE_DEVICES]",
        ("Replace the variable and `runtime:` with a reservation", "`driver: amd`"),
        AMD_0,
    ),
}


def _of_families() -> dict[str, Fix]:
    """Return the fixes for runtimes and variables of the families that have no driver."""
    found = {}
    for family, (runtime, variable, _) in FAMILIES.items():
        one, every = f"environment: {{{variable}: '0'}}", f"environment: {{{variable}: all}}"
        path = f"`paths: ['services/app/environment/{variable}']`"
        select = f"`{variable}: '0'`"
        found |= {
            f"all-by-environment-{family}": Fix(
                "no-all-gpus", every, (select,), one, remains=("no-gpu-via-environment",)
            ),
            f"all-by-runtime-{family}": Fix(
                "no-all-gpus",
                f"runtime: {runtime}\n    {every}",
                (select,),
                f"runtime: {runtime}\n    {one}",
                remains=("no-unvetted-runtime",),
            ),
            f"environment-{family}": Fix("no-gpu-via-environment", one, (select, path)),
            f"runtime-{family}": Fix(
                "no-unvetted-runtime",
                f"runtime: {runtime}\n    {one}",
                (select, "`paths: ['services/app/runtime']`"),
            ),
            f"unset-variable-{family}": Fix(
                "no-unresolved-gpu-selection",
                f"environment: [{variable}]",
                (select, path),
                replaced=one,
            ),
            f"unset-variable-of-runtime-{family}": Fix(
                "no-unresolved-gpu-selection",
                f"runtime: {runtime}\n    environment: [{variable}]",
                (f"Write the value: {select}",),
                f"runtime: {runtime}\n    {one}",
                remains=("no-unvetted-runtime",),
            ),
        }
    return found


FIXES: Final = {**_UNSET, **_of_families()}
