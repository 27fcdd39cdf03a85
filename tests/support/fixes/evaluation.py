"""Evaluate the denied services of FIXES with the default policy set."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.inventory.hosts import Gpu, Host
from policyd.loading import prepare
from policyd.model import Decision, Grant, Path, Review, Source
from policyd.policies.policy_set import load_policy_set
from tests.support.fixes.model import Fix

_REVIEW: Final = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)
_NVIDIA_HOST: Final = Host(
    driver_version="580.95.05",
    cuda_version="13.0",
    gpus=(Gpu(index=0, uuid="GPU-AA"), Gpu(index=1, uuid="GPU-BB")),
    default_runtime="nvidia",
)
_DEADLINE: Final = 60
_FILES: Final = {"Dockerfile": b"FROM alpine\n", "shared.yaml": b"services: {other: {image: a}}\n"}
_WHOLE: Final = ("services:", "jobs:", "include:")


@contextmanager
def default_admission() -> Iterator[Admission]:
    """Yield an admission by the default policy set; its inventory has the host `nvidia`."""
    policy_set = load_policy_set()
    data = copy.deepcopy(policy_set.data)
    data["policyd"]["inventory"]["hosts"] = {"nvidia": msgspec.to_builtins(_NVIDIA_HOST)}
    policy_set = msgspec.structs.replace(policy_set, data=data)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, _DEADLINE)
    try:
        yield Admission(engine, policy_set)
    finally:
        engine.close()


def decide(admission: Admission, text: str, host: str = "") -> Decision:
    """Return the decision on a service, or on a project, as Fix has it, on `host`."""
    files = {**_FILES, "compose.yaml": project(text).encode()}
    review = msgspec.structs.replace(_REVIEW, source=Source(host=host))
    return admission.decide(prepare(memory_bundle(files)), review)


def project(text: str) -> str:
    """Return the whole project that `text` stands for: a service gets an image."""
    if text.startswith(_WHOLE):
        return text
    image = (
        "" if text.startswith(("image:", "provider:")) else "image: registry.example/app:1\n    "
    )
    return f"services:\n  app:\n    {image}{text}\n"


def first(fix: Fix, decision: Decision) -> tuple[str, str, str]:
    """Return method and vendor of the first violation of the policy, and its remediation.

    Method and vendor are "" where the violation is not about a grant.
    """
    violation = next(one for one in decision.violations if one.policy == fix.policy)
    grant = _grant_at(decision.grants, violation.path)
    return grant.method if grant else "", grant.vendor if grant else "", violation.remediation


def _grant_at(grants: tuple[Grant, ...], path: Path) -> Grant | None:
    for grant in grants:
        if grant.path == path or path in (grant.path[:-1], (*grant.path[:-1], "driver")):
            return grant
    return None
