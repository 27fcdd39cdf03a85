"""What every store promises about filters of decisions that choose their indexes by frequency."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest

from policyd.audit import index_choice
from policyd.audit.moments import Period
from policyd.audit.store import Store
from tests.unit.audit.conftest import pair

LIMITS: Final = (
    {"FEW": 0, "RARE": 0},
    {"FEW": 0, "RARE": 4},
    {"FEW": 0, "RARE": 100},
    {"FEW": 3, "RARE": 4},
    {"FEW": 100, "RARE": 100, "MAX_SETS": 1},
)
"""Limits by which each way of reading the log is chosen."""
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "host": (None, "h0", "none"),
    "repository": (None, "r1"),
    "policy": (None, "p0", "none"),
    "allowed": (None, False),
}
NOON: Final = "2026-11-23T15:00:%02d.000000000Z"
PERIODS: Final = (Period("", ""), Period(NOON % 5, NOON % 12), Period("", NOON % 7))


def find_decisions_by_any_filters(store: Store) -> None:
    """The same decisions are found however often the values of filters occur."""
    for number in range(15):
        policies = [f"p{index}" for index, every in enumerate((3, 7)) if number % every == 0]
        decided = pair(
            f"d{number}",
            seconds=number,
            host=f"h{number % 2}",
            repository=f"r{int(number > 9)}",
            policies=tuple(policies),
            allowed=not policies,
        )
        store.append_decision(*decided)
    store.append_event("stop", {}, now=decided[0].now)
    with pytest.MonkeyPatch.context() as patch:
        for limits in LIMITS:
            for name, limit in limits.items():
                patch.setattr(index_choice, name, limit)
            for number, values in enumerate(itertools.product(*VALUES.values())):
                asked = dict(zip(VALUES, values, strict=True))
                period = PERIODS[number % len(PERIODS)]
                found = store.decisions(limit=3, period=period, before=14, **asked)
                sequences = [one.sequence for one in found]
                assert sequences == _wanted(asked, period), (limits, asked, period)


def _wanted(asked: dict[str, Any], period: Period) -> list[int]:
    """Return the newest 3 of the first 13 decisions that the filters select."""
    found = []
    for number in range(13):
        policies = {f"p{index}" for index, every in enumerate((3, 7)) if number % every == 0}
        facts = {"host": f"h{number % 2}", "repository": f"r{int(number > 9)}"}
        facts_match = all(asked[name] in (None, value) for name, value in facts.items())
        if (
            facts_match
            and (asked["policy"] is None or asked["policy"] in policies)
            and (asked["allowed"] is None or bool(policies))
            and period.since <= NOON % number < (period.until or "9")
        ):
            found.append(number + 1)
    return found[:-4:-1]
