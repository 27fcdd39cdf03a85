"""A denied service of a project, and what the fix of its violation makes of it.

The tests apply the remediations as they are written; `make docs-pages` prints them as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESERVATION: Final = "deploy: {resources: {reservations: {devices: [%s]}}}"
NVIDIA_0: Final = RESERVATION % "{driver: nvidia, device_ids: ['0'], capabilities: [gpu]}"
AMD_0: Final = RESERVATION % "{driver: amd, device_ids: ['0'], capabilities: [gpu]}"
GPUS_0: Final = "gpus: [{driver: nvidia, device_ids: ['0']}]"
NO_GPU: Final = "restart: always"

FAMILIES: Final = {
    "habana": ("habana", "HABANA_VISIBLE_DEVICES", "intel"),
    "ascend": ("ascend", "ASCEND_VISIBLE_DEVICES", "unknown"),
    "mthreads": ("mthreads", "MTHREADS_VISIBLE_DEVICES", "unknown"),
    "iluvatar": ("iluvatar", "ILUVATAR_COREX_VISIBLE_DEVICES", "unknown"),
    "cambricon": ("cambricon", "CAMBRICON_VISIBLE_DEVICES", "unknown"),
    "metax": ("metax", "METAX_VISIBLE_DEVICES", "unknown"),
    "enflame": ("enflame", "ENFLAME_VISIBLE_DEVICES", "unknown"),
    "hygon": ("hygon", "DCU_VISIBLE_DEVICES", "unknown"),
    "xilinx": ("xilinx", "XILINX_VISIBLE_DEVICES", "unknown"),
}
"""Families without a driver in Docker: a runtime, the variable that selects, the vendor."""


@dataclass(frozen=True)
class Fix:
    """A denied service and the service that the fix makes of it: the text after `app:`.

    A text that begins with a top-level key is a whole project. `says` are parts of the remediation.
    Without `fixed` only an exception helps: for the denied service, or for `replaced`, which the
    fix makes of it. `remains` are other policies that denied before the fix and still do.
    `gets_device` says whether the fixed service has a grant. `host` is the host of the review: ""
    for an unknown host, `nvidia` for one with this default runtime.
    """

    policy: str
    denied: str
    says: tuple[str, ...]
    fixed: str = ""
    replaced: str = ""
    remains: tuple[str, ...] = ()
    gets_device: bool = True
    host: str = ""
