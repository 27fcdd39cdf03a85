"""Reviews and decisions to record, and a log to record them in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policyd.audit.store import Store, open_store
from policyd.model import (
    Decision,
    EnforcementPoint,
    Exempted,
    Grant,
    Operation,
    PolicySetRevision,
    Review,
    Source,
    Status,
    UserInfo,
    Violation,
)

NOON = 1_795_446_000_000_000_000
"""2026-11-23T15:00:00Z, in nanoseconds."""

Pair = tuple[Review, Decision]


def pair(
    decision_id: str,
    *,
    operation: Operation = "CREATE",
    allowed: bool = True,
    dry_run: bool = False,
    seconds: int = 0,
    point: EnforcementPoint = "ci",
    repository: str = "acme/train",
    environment: str = "prod",
    host: str = "gpu-01",
    project: str = "train",
    services: tuple[str, ...] = ("trainer",),
    grants: tuple[Grant, ...] | None = None,
    policies: tuple[str, ...] = (),
    exceptions: tuple[str, ...] = (),
    policy_set: str = "default",
) -> Pair:
    review = Review(
        uid=f"uid-{decision_id}",
        enforcement_point=point,
        now=NOON + seconds * 1_000_000_000,
        operation=operation,
        dry_run=dry_run,
        user_info=UserInfo("ci-bot"),
        source=Source(repository, "refs/heads/main", "c0ffee", environment, host),
    )
    decision = Decision(
        uid=review.uid,
        allowed=allowed,
        status=Status(200, "OK", "allowed") if allowed else Status(403, "Forbidden", "denied"),
        violations=tuple(
            Violation(policy, policy, "deny", "high", f"{policy} says no", "mend it")
            for policy in policies
        ),
        exempted=tuple(
            Exempted("no-all-gpus", "c", "deny", "high", "m", "r", exception=name, owner="ml")
            for name in exceptions
        ),
        grants=grants
        if grants is not None
        else tuple(
            Grant(name, "nvidia", "gpus", {"count": 2}, 1, ("services", name, "gpus", 0))
            for name in services
        ),
        policy_set=PolicySetRevision(policy_set, "sha256:aa"),
        engine="embedded",
        decision_id=decision_id,
        project=project,
        bundle_digest="sha256:bb",
    )
    return review, decision


@pytest.fixture
def decided() -> Callable[..., Pair]:
    """A function that makes a review and its decision: an allowed deployment with one grant."""
    return pair


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the log of a test lies."""
    return str(tmp_path / "state" / "audit.db")


@pytest.fixture
def store(path: str, empty_log: Path) -> Iterator[Store]:
    """An empty log."""
    Path(path).parent.mkdir(mode=0o700)
    shutil.copy(empty_log, path)
    opened = open_store(path)
    yield opened
    opened.close()


@pytest.fixture
def record(store: Store) -> Callable[..., Any]:
    """A function that records a decision, made from the same arguments as `decided`."""

    def append(decision_id: str, **arguments: Any) -> Any:
        return store.append_decision(*pair(decision_id, **arguments))

    return append
