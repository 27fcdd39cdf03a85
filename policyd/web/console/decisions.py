"""/console/decisions: what was decided?

In: filters and a place in the log, all in the address. Out: a page of decisions, newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta

from policyd.audit.decision_counts import Count, facets
from policyd.audit.decision_queries import DecisionFilters
from policyd.audit.decision_rows import DecisionRow, decision_page
from policyd.audit.moments import ALWAYS, read_period
from policyd.audit.store import PAGE
from policyd.config import Scope
from policyd.services import Services
from policyd.web import access
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import parameters

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/decisions": ("audit:read",)}
MAX_ROWS: Final = 1000
"""Rows of a list as JSON or CSV."""
SHOWN_POLICIES: Final = 3
"""Policies of a decision that the list names."""
COLUMNS: Final = {
    "time": "Time",
    "verdict": "Verdict",
    "repository": "Repository",
    "project": "Project",
    "environment": "Environment",
    "host": "Host",
    "policies": "Policies",
    "username": "User",
    "enforcementPoint": "Enforcement point",
    "decisionId": "Decision",
    "sequence": "Event",
}
"""The columns of the list as CSV."""

COUNTED: Final = 1000
"""Decisions that the facets count at most, the newest."""
SHOWN_VALUES: Final = 6
"""Values of a facet, those of the most decisions."""
_FACETS: Final = {
    "verdict": ("verdict", "Verdict"),
    "policy": ("policy", "Policy"),
    "repository": ("repository", "Repository"),
    "environment": ("environment", "Environment"),
    "host": ("host", "Host"),
    "user": ("username", "User"),
}
"""The facets by parameter: their name among `Facets`, and their title."""

_Place = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class DecisionsQuery(PageQuery, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The filters, "" for any; the names are those of the API, but for the verdict."""

    before: _Place | None = None
    after: _Place | None = None
    verdict: Literal["", "allowed", "denied"] = ""
    repository: str = ""
    project: str = ""
    environment: str = ""
    host: str = ""
    policy: str = ""
    user: str = ""
    since: str = ""
    until: str = ""
    enforcement_point: Literal["", "cli", "ci", "webhook", "registry", "forge", "daemon"] = ""
    commit: str = ""
    exception: str = ""
    gpu: str = ""


class Facet(NamedTuple):
    """The values of the parameter `name`, with their counts; `chosen` is that of the filter."""

    name: str
    title: str
    chosen: str
    counts: tuple[Count, ...]


class Counted(NamedTuple):
    """The facets of the newest `decisions` that the filters select; with `is_capped`, of more."""

    facets: list[Facet]
    decisions: int
    is_capped: bool


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""

    @blueprint.get("/decisions")
    def decisions() -> Response:
        query = parameters(request, DecisionsQuery)
        found = decision_page(
            services.audit.database,
            PAGE if query.format == "html" else MAX_ROWS,
            before=query.before,
            after=query.after,
            visibility=access.visibility(g.token),
            **filters_of(query),
        )
        return page(
            "decisions.html",
            "Decisions",
            query,
            Listing("decisions", COLUMNS, [listed(row) for row in found.rows]),
            found=found,
            counted=_counted(services, query) if query.format == "html" else None,
            is_filtered=any(one not in (None, ALWAYS) for one in filters_of(query).values()),
            shown_policies=SHOWN_POLICIES,
            max_rows=MAX_ROWS,
        )


def filters_of(query: DecisionsQuery) -> DecisionFilters:
    """Return the filters of `query`. Raises RequestError for times that are not valid."""
    return {
        "period": read_period(query.since or None, query.until or None, ("since", "until")),
        "allowed": query.verdict == "allowed" if query.verdict else None,
        "repository": query.repository or None,
        "project": query.project or None,
        "environment": query.environment or None,
        "host": query.host or None,
        "policy": query.policy or None,
        "username": query.user or None,
        "enforcement_point": query.enforcement_point or None,
        "commit": query.commit or None,
        "exception": query.exception or None,
        "gpu": query.gpu or None,
    }


def _counted(services: Services, query: DecisionsQuery) -> Counted:
    found = facets(
        services.audit,
        visibility=access.visibility(g.token),
        most=COUNTED,
        **filters_of(query),
    )
    shown = [
        Facet(name, title, getattr(query, name), getattr(found, field)[:SHOWN_VALUES])
        for name, (field, title) in _FACETS.items()
    ]
    useful = [one for one in shown if one.chosen or len(one.counts) > 1]
    return Counted(useful, found.decisions, found.is_capped)


def listed(row: DecisionRow) -> dict[str, Any]:
    """Return `row` as JSON and CSV have it."""
    verdict = "allowed" if row.allowed else "denied"
    return {**msgspec.to_builtins(row), "verdict": verdict}
