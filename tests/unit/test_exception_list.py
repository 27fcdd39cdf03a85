"""Exceptions by their state at a time, and their uses in an audit log."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.audit.store import Store, open_store
from policyd.exception_list import ExceptionList, ListedException, Uses, exception_list
from policyd.model import Decision, Exempted, Location, PolicySetRevision, Review, Status
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.matching import Selector
from policyd.policies.policy_set import PolicySet
from policyd.policies.times import moment
from tests.support.cases import cases

NOW = 1_800_000_000_000_000_000
HOUR = DAY // 24


def exception(name: str, left: int, starts: int = 0, **more: object) -> PolicyException:
    return PolicyException(
        name=name,
        policies=("no-privileged",),
        match=Selector(repositories=("ml/*",)),
        expires=NOW + left,
        owner="ml-infra",
        reason="Until the scheduler lands",
        approved_by="security",
        location=Location("set.yaml", 11, 1),
        starts=starts,
        **more,
    )


def listed(
    *exceptions: PolicyException, log: Store | None = None, within: int = 14, unused_for: int = 30
) -> ExceptionList:
    policy_set = PolicySet("ours", "sha256:11", {}, (), {}, {}, exceptions)
    return exception_list(policy_set, log, now=NOW, within=within, unused_for=unused_for)


@pytest.fixture
def log(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    store = open_store(str(shutil.copy(empty_log, tmp_path / "log.db")))
    yield store
    store.close()


def record(log: Store, now: int, *names: str, policy_set: str = "ours") -> None:
    """Record a decision that the exceptions `names` changed."""
    exempted = tuple(
        Exempted("no-privileged", "c", "deny", "critical", "m", "r", exception=name)
        for name in names
    )
    decision = Decision(
        uid="u",
        allowed=True,
        status=Status(200, "OK", ""),
        exempted=exempted,
        policy_set=PolicySetRevision(policy_set, "sha256:aa"),
        decision_id=f"{now}",
    )
    log.append_decision(Review(uid="u", enforcement_point="ci", now=now), decision)


def test_an_exception_is_listed_with_all_its_fields() -> None:
    assert listed(exception("own", 20 * DAY + HOUR, starts=NOW - DAY)) == ExceptionList(
        policy_set=PolicySetRevision("ours", "sha256:11"),
        audit=None,
        items=[
            ListedException(
                name="own",
                location=Location("set.yaml", 11, 1),
                state="active",
                days_left=20,
                unused=False,
                break_glass=False,
                policies=("no-privileged",),
                match={"repositories": ["ml/*"]},
                starts=moment(NOW - DAY),
                expires=moment(NOW + 20 * DAY + HOUR),
                owner="ml-infra",
                approved_by="security",
                reason="Until the scheduler lands",
                uses=None,
            )
        ],
    )


@cases(
    ("left", "starts", "within", "state"),
    [
        (0, 0, 14, "expired"),
        (14 * DAY, 0, 14, "expiring"),
        (14 * DAY + 1, 0, 14, "active"),
        (DAY, NOW + 1, 14, "upcoming"),
        (DAY, NOW, 0, "active"),
    ],
)
def test_the_state_depends_on_the_time(left: int, starts: int, within: int, state: str) -> None:
    (one,) = listed(exception("own", left, starts), within=within).items

    assert one.state == state


def test_the_first_to_expire_is_the_first() -> None:
    found = listed(exception("b", 3 * DAY), exception("c", DAY), exception("a", 3 * DAY))

    assert [one.name for one in found.items] == ["c", "a", "b"]


def test_decisions_of_this_policy_set_count_in_the_window(log: Store) -> None:
    record(log, NOW - 50 * DAY, "old", "gone")
    record(log, NOW - 20 * DAY, "old")
    record(log, NOW - 10 * DAY, "old", policy_set="another")
    old, gone = exception("old", DAY), exception("gone", -DAY)

    month = listed(old, gone, log=log)
    week = listed(old, log=log, unused_for=7)
    year = listed(old, log=log, unused_for=365)

    last = f"{moment(NOW - 20 * DAY)[:19]}.000000000Z"
    assert month.audit == log.name
    assert [(one.name, one.unused, one.uses) for one in month.items] == [
        ("gone", False, Uses(moment(NOW - 30 * DAY), 0, "")),
        ("old", False, Uses(moment(NOW - 30 * DAY), 1, last)),
    ]
    assert (week.items[0].unused, week.items[0].uses) == (
        True,
        Uses(moment(NOW - 7 * DAY), 0, ""),
    )
    assert year.items[0].uses == Uses(moment(NOW - 50 * DAY), 2, last)


def test_uses_count_from_the_start_of_an_exception_that_has_started(log: Store) -> None:
    record(log, NOW - 50 * DAY)
    found = listed(
        exception("recent", DAY, NOW - 2 * DAY), exception("later", 9 * DAY, NOW + DAY), log=log
    )

    assert [(one.name, one.unused, one.uses) for one in found.items] == [
        ("recent", True, Uses(moment(NOW - 2 * DAY), 0, "")),
        ("later", False, Uses(moment(NOW - 30 * DAY), 0, "")),
    ]


def test_an_empty_log_says_nothing_about_uses(log: Store) -> None:
    found = listed(exception("own", DAY), log=log)

    assert (found.audit, found.items[0].uses, found.items[0].unused) == (log.name, None, False)
