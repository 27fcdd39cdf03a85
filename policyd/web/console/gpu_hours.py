"""/console/gpus/hours: for how long was each team granted GPUs?

In: a period and a grouping. Out: GPU-hours as a table with bars, also as JSON and CSV. Held is not
used: policyd does not know what a container does with its GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from flask import Blueprint, Response, g, request

from policyd.audit.event import rfc3339
from policyd.audit.moments import Period
from policyd.audit.usage import Usage
from policyd.audit.visibility import Visibility
from policyd.config import Scope
from policyd.grants.resolution import inventory
from policyd.holdings import usage_list
from policyd.policies.policy_set import PolicySet
from policyd.services import Services
from policyd.web import access
from policyd.web.console.kept_answers import KeptAnswers
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import parameters
from policyd.wire import UsageList

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/gpus/hours": ("audit:read",)}
PERIODS: Final = {
    "24h": "24 hours until now",
    "7d": "7 days until now",
    "30d": "30 days until now",
    "month": "this month",
    "last-month": "last month",
}
"""The periods by their value in the address."""
GROUPINGS: Final = {
    "team": "Team",
    "repository": "Repository",
    "host": "Host",
    "user": "User",
}
"""The groupings by their value in the address."""
KEPT: Final = 60
"""Seconds for which an answer is kept: a month of a large log has many grants."""
SHOWN: Final = 100
"""Rows of the page; JSON and CSV have all."""
_DAYS: Final = {"24h": 1, "7d": 7, "30d": 30}
_SECOND: Final = 1_000_000_000


class HoursQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    period: Literal["24h", "7d", "30d", "month", "last-month"] = "7d"
    by: Literal["team", "repository", "host", "user"] = "team"


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""
    kept: KeptAnswers[UsageList] = KeptAnswers(services.clock, KEPT)

    @blueprint.get("/gpus/hours")
    def hours() -> Response:
        query = parameters(request, HoursQuery)
        visible = access.visibility(g.token)
        policy_set = services.policy_set
        found = kept.find(
            (query.period, query.by, visible, policy_set.revision),
            lambda: _usage(services, policy_set, query, visible),
        )
        return page(
            "gpu_hours.html",
            "GPU-hours",
            query,
            _listing(query, found),
            found=found,
            most=max((one.gpu_hours for one in found.items), default=0.0),
            periods=PERIODS,
            groupings=GROUPINGS,
            shown=SHOWN,
        )


def _usage(
    services: Services, policy_set: PolicySet, query: HoursQuery, visible: Visibility
) -> UsageList:
    now = services.clock()
    return usage_list(
        services.audit,
        period_of(query.period, now),
        rfc3339(now),
        by=query.by,
        hosts=inventory(policy_set.data),
        visibility=visible,
    )


def period_of(name: str, now: int) -> Period:
    """Return the period `name` at `now`, nanoseconds since the epoch. Months are those of UTC."""
    moment = datetime.fromtimestamp(now // _SECOND, UTC)
    if name in _DAYS:
        return Period(rfc3339(now - _DAYS[name] * 86_400 * _SECOND), rfc3339(now))
    begin = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if name == "month":
        return Period(_text(begin), rfc3339(now))
    return Period(_text((begin - timedelta(days=1)).replace(day=1)), _text(begin))


def _text(moment: datetime) -> str:
    return rfc3339(int(moment.timestamp()) * _SECOND)


def _listing(query: HoursQuery, found: UsageList) -> Listing:
    columns = {
        "group": GROUPINGS[query.by],
        "gpuHours": "GPU-hours",
        "gpus": "GPUs",
        "grants": "Grants",
        "uncountedHours": "Hours of uncounted grants",
    }
    name = f"gpu-hours-by-{query.by}-{found.since[:10]}-{found.until[:10]}"
    return Listing(name, columns, [_row(one) for one in found.items])


def _row(usage: Usage) -> dict[str, Any]:
    return {
        "group": usage.group,
        "gpuHours": usage.gpu_hours,
        "gpus": usage.gpus,
        "grants": usage.grants,
        "uncountedHours": usage.uncounted_hours,
    }
