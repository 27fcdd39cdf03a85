"""/console/projects: what is broken, since when, and will it block a deployment?

In: filters, what the reader may see. Out: the last decision on each project in each environment and
on each host, and the open violations by policy and service; of one project also the decisions of
each day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, g, request

from policyd.audit.decision_queries import DecisionFilters
from policyd.audit.decision_rows import decision_page
from policyd.audit.decision_trend import trend
from policyd.audit.event import Target
from policyd.audit.store import PAGE
from policyd.audit.target_queries import (
    OpenViolation,
    TargetState,
    open_violation_groups,
    target_states,
)
from policyd.audit.visibility import Visibility
from policyd.config import Scope
from policyd.errors import NotFound, RequestError
from policyd.services import Services
from policyd.web import access
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import parameters

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    "/console/projects": ("audit:read",),
    "/console/projects/project": ("audit:read",),
}
MAX_ROWS: Final = 1000
"""Rows of a list as JSON or CSV."""
GROUPS: Final = 20
"""Groups of open violations that are shown."""
PLACES: Final = 25
"""Environments and hosts of a project that are shown."""
DAYS: Final = 30
"""Days of the trend."""
LAST: Final = 10
"""Decisions on a project that are shown."""
TARGETS: Final = {
    "repository": "Repository",
    "project": "Project",
    "environment": "Environment",
    "host": "Host",
    "verdict": "Verdict",
    "operation": "Operation",
    "time": "Time",
    "denying": "Violations that deny",
    "violations": "Open violations",
    "policies": "Policies",
    "username": "User",
    "commit": "Commit",
    "decisionId": "Decision",
}
"""The columns of projects as CSV."""
VIOLATIONS: Final = {
    "policy": "Policy",
    "service": "Service",
    "denies": "Denies",
    "repositories": "Repositories",
    "targets": "Places",
    "first": "First seen",
    "last": "Last seen",
    "decisionId": "Decision",
}
"""The columns of open violations as CSV."""


class _ListQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """`list` says which list is asked for as JSON or CSV."""

    list: Literal["projects", "violations"] = "projects"


class ProjectsQuery(_ListQuery, frozen=True, forbid_unknown_fields=True):
    """The filters, "" for any. `after` is the last target of the page before, as JSON."""

    verdict: Literal["", "allowed", "denied"] = ""
    repository: str = ""
    environment: str = ""
    host: str = ""
    after: str = ""


class ProjectQuery(_ListQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The project; its repository is "" if reviews do not state it."""

    project: str
    repository: str = ""


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""

    @blueprint.get("/projects")
    def projects() -> Response:
        query = parameters(request, ProjectsQuery)
        visible = access.visibility(g.token)
        found = target_states(
            services.audit,
            PAGE if query.format == "html" else MAX_ROWS,
            after=_target(query.after) if query.after else None,
            visibility=visible,
            repository=query.repository or None,
            environment=query.environment or None,
            host=query.host or None,
            allowed=query.verdict == "allowed" if query.verdict else None,
        )
        groups = _groups(services, visible, query)
        return page(
            "projects.html",
            "Projects",
            query,
            _listing(query, found.items, groups),
            found=found,
            after=msgspec.json.encode(found.after).decode() if found.after else None,
            groups=groups,
            most_groups=GROUPS,
            address_of=address_of,
            is_filtered=bool(query.verdict or query.repository or query.environment or query.host),
        )

    @blueprint.get("/projects/project")
    def project() -> Response:
        query = parameters(request, ProjectQuery)
        return _project(services, query)


def address_of(repository: str, project: str) -> str:
    """Return the address of the page of a project."""
    query = urlencode({"repository": repository, "project": project})
    return f"/console/projects/project?{query}"


def _project(services: Services, query: ProjectQuery) -> Response:
    visible = access.visibility(g.token)
    repository, name = query.repository, query.project
    found = target_states(
        services.audit, MAX_ROWS, visibility=visible, repository=repository, project=name
    )
    if not found.items:
        raise NotFound(
            f"there is no decision on the project {name!r} of the repository {repository!r} in the "
            "audit log"
        )
    groups = open_violation_groups(
        services.audit,
        visibility=visible,
        limit=GROUPS if query.format == "html" else MAX_ROWS,
        has_violation=query.format == "html",
        repository=repository,
        project=name,
    )
    own = DecisionFilters(repository=repository, project=name)
    return page(
        "project.html",
        f"Project {query.project}",
        query,
        _listing(query, found.items, groups),
        targets=found.items[:PLACES],
        number=len(found.items),
        groups=sorted(groups, key=lambda one: not one.denies),
        most_groups=GROUPS,
        trend=trend(services.audit, DAYS, services.clock(), visibility=visible, **own),
        last=decision_page(services.audit.database, LAST, visibility=visible, **own),
    )


def _groups(services: Services, visible: Visibility, query: ProjectsQuery) -> list[OpenViolation]:
    return open_violation_groups(
        services.audit,
        visibility=visible,
        limit=GROUPS if query.format == "html" else MAX_ROWS,
        has_violation=False,
        repository=query.repository or None,
    )


def _listing(
    query: _ListQuery, targets: Sequence[TargetState], groups: Sequence[OpenViolation]
) -> Listing:
    if query.list == "violations":
        return Listing("open-violations", VIOLATIONS, [_group(one) for one in groups])
    return Listing("projects", TARGETS, [_row(one) for one in targets])


def _row(state: TargetState) -> dict[str, Any]:
    verdict = "allowed" if state.allowed else "denied"
    return {**msgspec.to_builtins(state), "verdict": verdict}


def _group(group: OpenViolation) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(group).items() if name in VIOLATIONS}


def _target(text: str) -> Target:
    try:
        return msgspec.json.decode(text, type=Target)
    except msgspec.MsgspecError as error:
        raise RequestError(f"after: {text!r} is not the end of a page of this list") from error
