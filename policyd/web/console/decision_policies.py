"""/console/decisions/<id>/policies/<policy>: the text of a policy as it decided then.

In: the id of a decision, the id of a policy. Out: its Rego and its constraints in the policy set
that decided, as the audit log recorded it when it was put in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flask import Blueprint, Response, g, request

from policyd.audit.event import DecisionEvent, event_of, rfc3339
from policyd.audit.log_event import log_event_of
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.store import Store
from policyd.config import Scope
from policyd.errors import NotFound
from policyd.model import AuditRecord
from policyd.policies.recorded_policy_set import read_content
from policyd.services import Services
from policyd.web import access
from policyd.web.console import highlighting
from policyd.web.console.constraint_rows import constraint_rows
from policyd.web.console.pages import PageQuery, page
from policyd.web.query import parameters
from policyd.web.records import visible_decision

_PAGE: Final = "/console/decisions/<decision_id>/policies/<policy_id>"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {_PAGE: ("audit:read",)}
MAX_TEXT: Final = 20_000
"""Characters of the Rego that a page shows."""
_POLICY_SETS: Final = 50
"""Policy sets, the last before a decision, among which its own is looked for."""


class PolicyText(NamedTuple):
    """Whether the policy set that decided is in force, and whether the log has its text."""

    in_force: bool
    recorded: bool


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""

    @blueprint.get("/decisions/<decision_id>/policies/<policy_id>")
    def policy_of_decision(decision_id: str, policy_id: str) -> Response:
        query = parameters(request, PageQuery)
        record = visible_decision(services.audit, decision_id, access.visibility(g.token))
        event = event_of(record)
        put_in_force = _put_in_force(services.audit, event)
        if put_in_force is None:
            raise NotFound(
                "the audit log does not have the text of the policy set that made the decision "
                f"{decision_id}"
            )
        return _page(services, query, event, put_in_force, policy_id)


def policy_text(services: Services, event: DecisionEvent) -> PolicyText:
    """Return where the text of the policies that made the decision of `event` is."""
    in_force = services.policy_set.reference == event.result.policy_set
    return PolicyText(in_force, in_force or _put_in_force(services.audit, event) is not None)


def _page(
    services: Services,
    query: PageQuery,
    event: DecisionEvent,
    put_in_force: AuditRecord,
    policy_id: str,
) -> Response:
    recorded = read_content(
        services.audit.document(str(log_event_of(put_in_force).details["document"]))
    )
    if policy_id not in recorded.policies:
        raise NotFound(f"the policy set {recorded.name} had no policy {policy_id!r}")
    text = recorded.modules[recorded.policies[policy_id]]
    visible = access.visibility(g.token)
    constraints = constraint_rows(recorded.constraints, policy_id, visible)
    own = [one for one in recorded.constraints if one["policy"] == policy_id]
    return page(
        "decision_policy.html",
        f"Policy {policy_id} at the time of the decision",
        query,
        event=event,
        since=put_in_force.time,
        recorded=recorded,
        module=recorded.policies[policy_id],
        constraints=constraints,
        hidden=len(constraints) < len(own),
        text=highlighting.rego(text[:MAX_TEXT]),
        cut_at=MAX_TEXT if len(text) > MAX_TEXT else 0,
    )


def _put_in_force(audit: Store, event: DecisionEvent) -> AuditRecord | None:
    """Return the event by which the policy set of a decision was put in force, None without one."""
    policy_set = event.result.policy_set
    if policy_set is None:
        return None
    until = Period(until=rfc3339(nanoseconds(event.timestamp) + 1))
    for record in audit.events(_POLICY_SETS, kinds=("policy-set",), period=until):
        if log_event_of(record).details.get("revision") == policy_set.revision:
            return record
    return None
