"""/console/: is anything wrong now?

In: the services, what the reader may see. Out: the health of engine, policy set and audit log; what
was denied today; which exceptions end soon; which GPUs are free; the last denials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from flask import Blueprint, Response, g, request

from policyd.audit.decision_counts import facets
from policyd.audit.decision_rows import decision_page
from policyd.audit.event import rfc3339
from policyd.audit.moments import Period
from policyd.audit.occupancy import occupancy
from policyd.config import Scope
from policyd.errors import PolicydError
from policyd.exception_list import ListedException
from policyd.grants.resolution import inventory
from policyd.services import Services
from policyd.web import access, health
from policyd.web.console.decisions import COLUMNS, listed
from policyd.web.console.exception_list import visible_exceptions
from policyd.web.console.kept_answers import KeptAnswers
from policyd.web.console.pages import Listing, PageQuery, fitting, page
from policyd.web.query import parameters

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/": ("audit:read",)}
LAST: Final = 10
"""Denials that are shown."""
COUNTED: Final = 1000
"""Denials of today that are counted at most."""
SHOWN: Final = 12
"""Policies, exceptions and hosts that are shown."""
DAYS: Final = 7
"""Days before its end in which an exception or a lease is shown."""
HEALTH_SECONDS: Final = 10
"""Seconds for which the health is not asked for again: the audit log is written to find out."""


class Check(NamedTuple):
    """A part of the service, whether it is good, warn or bad, and what is wrong."""

    part: str
    state: str
    messages: list[str]


class Health:
    """The health of the service, which is asked for once in HEALTH_SECONDS."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._kept: KeptAnswers[list[Check]] = KeptAnswers(services.clock, HEALTH_SECONDS)

    def checks(self) -> list[Check]:
        """Return the state of each part."""
        return self._kept.find("", self._checks)

    def _checks(self) -> list[Check]:
        def log_warnings() -> list[str]:
            self.services.audit.check_writable()
            return health.log_warnings(self.services)

        return [
            _check("Engine", lambda: health.engine_warnings(self.services)),
            _check("Policy set", lambda: health.policy_set_warnings(self.services)),
            _check("Audit log", log_warnings),
        ]


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""
    state = Health(services)

    @blueprint.get("/")
    def overview() -> Response:
        query = parameters(request, PageQuery)
        visible = access.visibility(g.token)
        now = services.clock()
        today = f"{rfc3339(now)[:10]}T00:00:00.000000000Z"
        hosts = inventory(services.policy_set.data)
        states = occupancy(services.audit, hosts, now, soon_days=DAYS, visibility=visible)
        shown_hosts = fitting((one.host for one in states), SHOWN)
        last = decision_page(services.audit.database, LAST, visibility=visible, allowed=False)
        return page(
            "overview.html",
            "Overview",
            query,
            Listing("last-denials", COLUMNS, [listed(row) for row in last.rows]),
            checks=state.checks(),
            policy_set=services.policy_set.reference,
            denials=facets(
                services.audit,
                visibility=visible,
                most=COUNTED,
                allowed=False,
                period=Period(since=today),
            ),
            today=today[:10],
            exceptions=_ending(services),
            hosts=[one for one in states if one.host in shown_hosts],
            hosts_in_all=len(states),
            last=last,
            shown=SHOWN,
            days=DAYS,
        )


def _check(part: str, ask: Callable[[], list[str]]) -> Check:
    try:
        messages = ask()
    except PolicydError as error:
        return Check(part, "bad", [str(error)])
    return Check(part, "warn" if messages else "good", messages)


def _ending(services: Services) -> list[ListedException]:
    """Return the exceptions that end soon, the first to end first."""
    visible = access.visibility(g.token)
    found = visible_exceptions(services, visible, within=DAYS, uses=False)
    return [one for one in found if one.state == "expiring"]
