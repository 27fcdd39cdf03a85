"""What every store promises about filters of decisions that choose their indexes by frequency."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest

from policyd.audit import decision_queries, index_choice, visible_events
from policyd.audit.decision_rows import decision_page
from policyd.audit.moments import Period
from policyd.audit.store import Store
from policyd.audit.visibility import EVERYTHING, Visibility
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
READERS: Final = (
    Visibility(("r1",)),
    Visibility(hosts=("h0",)),
    Visibility(("r*",), hosts=("h1",)),
    Visibility(("none",)),
)
OF_READERS: Final = (
    {"FEW": 0, "SOME": 0, "PAGES": 0},
    {"FEW": 0, "SOME": 100, "PAGES": 1},
    {"FEW": 0, "SOME": 100, "PAGES": 100},
    {"FEW": 0, "SOME": 6, "PAGES": 100},
)
"""Limits by which the decisions that a reader may see are looked for."""
NOON: Final = "2026-11-23T15:00:%02d.000000000Z"
PERIODS: Final = (Period("", ""), Period(NOON % 5, NOON % 12), Period("", NOON % 7))


def find_decisions_by_any_filters(store: Store) -> None:
    """The same decisions are found however often the values of filters occur."""
    _record(store)
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


def find_the_decisions_of_a_reader_by_any_filters(store: Store) -> None:
    """A reader finds the same decisions however many others there are, also as rows."""
    _record(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_choice, "RARE", 0)
        for limits, (number, values) in itertools.product(
            OF_READERS, enumerate(itertools.product(*VALUES.values()))
        ):
            patch.setattr(visible_events, "FEW", limits["FEW"])
            patch.setattr(visible_events, "SOME", limits["SOME"])
            patch.setattr(decision_queries, "PAGES", limits["PAGES"])
            asked = dict(zip(VALUES, values, strict=True))
            reader = READERS[(number + number // 4) % len(READERS)]
            period = PERIODS[number % len(PERIODS)]
            given: dict[str, Any] = {"before": 14, "period": period, "visibility": reader, **asked}
            wanted = _wanted(asked, period, reader)
            found = [one.sequence for one in store.decisions(3, **given)]
            rows = [one.sequence for one in decision_page(store.database, 3, **given).rows]
            assert found == rows == wanted, (limits, asked, period, reader)


def _record(store: Store) -> None:
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


def _wanted(asked: dict[str, Any], period: Period, reader: Visibility = EVERYTHING) -> list[int]:
    """Return the newest 3 of the first 13 decisions that the filters select."""
    found = []
    for number in range(13):
        policies = {f"p{index}" for index, every in enumerate((3, 7)) if number % every == 0}
        facts = {"host": f"h{number % 2}", "repository": f"r{int(number > 9)}"}
        facts_match = all(asked[name] in (None, value) for name, value in facts.items())
        if (
            facts_match
            and reader.shows(facts["repository"], "prod", facts["host"])
            and (asked["policy"] is None or asked["policy"] in policies)
            and (asked["allowed"] is None or bool(policies))
            and period.since <= NOON % number < (period.until or "9")
        ):
            found.append(number + 1)
    return found[:-4:-1]
