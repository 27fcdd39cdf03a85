"""The policy set of the made-up history: five teams on three GPU hosts.

In: the end of the history. Out: the files of a policy set folder. Dates of exceptions are relative
to the end, so that at any time some end soon, some are over, and one is break-glass.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

HOSTS: Final = {"gpu-01": 8, "gpu-02": 4, "gpu-03": 4}
"""The hosts, and how many GPUs each has."""

LEASE_DAYS: Final = 7
"""How long a grant in the environment dev is held at most."""

_HEAD: Final = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [gpu, container, governance], data: [data.yaml]}
"""
_CONSTRAINT: Final = """\
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: %s}
spec: {policy: %s, enforcementAction: %s%s}
"""
_DENIED: Final = (
    "no-all-gpus", "no-raw-device-nodes", "no-nvidia-runtime", "no-gpu-via-environment",
    "require-gpu-driver", "no-unresolved-gpu-selection", "no-privileged", "no-docker-socket",
    "no-host-root-mount", "no-dangerous-capabilities",
)  # fmt: skip
"""The policies that deny without parameters."""
_CONSTRAINTS: Final = (
    *((policy, policy, "deny", "") for policy in _DENIED),
    ("no-host-pid", "no-host-namespaces", "deny", ", parameters: {namespaces: [pid]}"),
    ("at-most-four-gpus", "max-gpus", "deny", ", parameters: {limit: 4}"),
    (
        "our-registry", "allowed-registries", "deny",
        ", parameters: {registries: [registry.acme.example]}",
    ),
    ("leases-in-dev", "no-all-gpus", "deny",
        f", match: {{environments: [dev]}}, maxLease: {LEASE_DAYS}d",
   ),
    ("owner", "gpu-owner-label", "warn", ", parameters: {labels: [acme.example/owner]}"),
    ("entitled", "allowed-gpus", "warn", ""),
)  # fmt: skip
LATER: Final = ("our-registry", "owner")
"""The constraints that come into force in the middle of the history."""

_EXCEPTION: Final = """\
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: %s}
spec:
  %s
  match: {%s}
  starts: %s
  expires: %s
  owner: %s
  reason: %s
  approvedBy: %s
"""
_SECURITY: Final = "security@acme.example"
_OPERATIONS: Final = "ops@acme.example"
_DAY: Final = timedelta(days=1)
_EXCEPTIONS: Final = (
    (
        "exporter-sees-processes", "policies: [no-host-namespaces]",
        "repositories: [platform/monitoring]", -90, 5, "platform",
        "The exporter names the process of each GPU", _SECURITY,
    ),
    (
        "llm-full-node", "policies: [no-all-gpus, max-gpus]",
        "repositories: [research/llm], hosts: [gpu-02]", -75, -21, "research",
        "One training run on the whole node", _SECURITY,
    ),
    (
        "notebooks-from-docker-hub", "policies: [allowed-registries]",
        "repositories: [ml/notebooks]", -60, 3, "ml",
        "The mirror of the image is not ready", _OPERATIONS,
    ),
    (
        "labelling-on-old-runtime", "policies: [no-nvidia-runtime]",
        "repositories: [vision/labelling]", -80, 45, "vision",
        "The vendor supports the old runtime only", _SECURITY,
    ),
    (
        "protein-five-gpus", "policies: [max-gpus]",
        "repositories: [research/protein], environments: [prod]", 10, 40, "research",
        "The conference deadline", _SECURITY,
    ),
    (
        "speech-outage", "breakGlass: true",
        "repositories: [speech/asr], hosts: [gpu-02]", -0.2, 0.7, "speech",
        "Incident 4711, the model does not load", "on-call@acme.example",
    ),
)  # fmt: skip
"""Name, what is exempt, for whom, the days from the end of the history, owner, reason, approver."""

_ENTITLED: Final = {"ml": "0 1 2 3", "vision": "4 5", "speech": "1 2", "research": "all"}
"""The GPUs that the repositories of each team may use."""


def write_rules(folder: Path, end: datetime, *, later: bool = True) -> Path:
    """Write the policy set to `folder`, and return the folder.

    `later` is for the second half of the history, `end` is the end of the whole.
    """
    folder.mkdir(exist_ok=True)
    (folder / "data.yaml").write_text(_data())
    constraints = [_CONSTRAINT % one for one in _CONSTRAINTS if later or one[0] not in LATER]
    exceptions = [_exception(end, *one) for one in _EXCEPTIONS]
    (folder / "policyset.yaml").write_text("".join([_HEAD, *constraints, *exceptions]))
    return folder


def uuid(host: str, index: int) -> str:
    """Return the UUID of a GPU."""
    return f"GPU-{index:08x}-00{host[-2:]}-4000-8000-000000000000"


def _exception(
    end: datetime, name: str, what: str, match: str, starts: float, expires: float, *rest: str
) -> str:
    times = [f"{end + days * _DAY:%Y-%m-%dT%H:%M:%SZ}" for days in (starts, expires)]
    return _EXCEPTION % (name, what, match, *times, *rest)


def _data() -> str:
    hosts = "".join(
        f"      {host}:\n"
        "        driver_version: '580.95.05'\n        cuda_version: '13.0'\n        gpus:\n"
        + "".join(
            f"          - {{index: {n}, uuid: {uuid(host, n)}, name: NVIDIA H100 80GB HBM3, "
            f"memory: {80 * 2**30}, pci: '00000000:{n + 16:02X}:00.0'}}\n"
            for n in range(gpus)
        )
        for host, gpus in HOSTS.items()
    )
    entitlements = "".join(
        f"    {team}: {{repositories: [{team}/**], vendors: [nvidia], methods: [gpus], "
        f"devices: {gpus.split()}}}\n"
        for team, gpus in _ENTITLED.items()
    )
    return f"policyd:\n  inventory:\n    hosts:\n{hosts}  entitlements:\n{entitlements}"
