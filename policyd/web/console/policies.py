"""/console/policies and /console/policies/<id>: what is enforced, and how often does it bite?

In: the policy set in force, the audit log, what the reader may see. Out: each policy with its
actions, the decisions that it changed, and its exceptions; one policy in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta

from policyd.audit.decision_counts import Hits, policy_hits
from policyd.audit.event import rfc3339
from policyd.audit.visibility import Visibility
from policyd.config import Scope
from policyd.errors import NotFound
from policyd.formats.policies import OFF, PolicyInSet
from policyd.model import EnforcementAction, EnforcementPoint
from policyd.policies.examples import examples
from policyd.policies.exceptions import DAY
from policyd.policies.manifests import ACTIONS, POINTS
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet
from policyd.services import Services
from policyd.suggestion import did_you_mean
from policyd.web import access
from policyd.web.console import highlighting
from policyd.web.console.constraint_rows import constraint_rows
from policyd.web.console.exception_list import visible_exceptions
from policyd.web.console.kept_answers import KeptAnswers
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import parameters
from policyd.web.visible_rules import visible_policy_set

ROUTE: Final = "/console/policies"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    ROUTE: ("audit:read",),
    f"{ROUTE}/<policy_id>": ("audit:read",),
}
PAGE: Final = 100
"""Policies on a page."""
KEPT: Final = 30
"""Seconds for which counts are kept."""
MAX_SOURCE: Final = 20_000
"""Characters of the source of a policy that a page shows."""
COLUMNS: Final = {
    "id": "Policy",
    "title": "Title",
    "severity": "Severity",
    "pack": "Pack",
    "action": "Action",
    "hits7": "Decisions with violations in 7 days",
    "denied7": "Denied in 7 days",
    "hits30": "Decisions with violations in 30 days",
    "denied30": "Denied in 30 days",
    "exceptions": "Exceptions",
}

POINT_COLUMNS: Final = {
    "point": "Enforcement point",
    "action": "Action",
    "hits7": "Decisions with violations in 7 days",
    "hits30": "Decisions with violations in 30 days",
    "denied30": "Denied in 30 days",
    "last": "Last",
}


class PoliciesQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`q` is a part of the id, the title or the pack; `start` the number of policies before."""

    q: str = ""
    action: Literal["", "deny", "warn", "dryrun", "off"] = ""
    sort: Literal["hits", "id"] = "hits"
    start: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class PolicyRow(msgspec.Struct, frozen=True):
    """A policy in the list. `action` has its actions, separated by commas, or "off"."""

    id: str
    title: str
    severity: str
    pack: str
    action: str
    hits7: int
    denied7: int
    hits30: int
    denied30: int
    exceptions: int


class PointRow(msgspec.Struct, frozen=True):
    """What a policy did at an enforcement point in the last 30 days, and its action there."""

    point: EnforcementPoint
    action: str
    hits7: int
    hits30: int
    denied30: int
    last: str


class RecentHits(msgspec.Struct, frozen=True):
    """The hits of policies in the last 7 and 30 days."""

    week: Hits
    month: Hits

    @property
    def is_capped(self) -> bool:
        """Whether older decisions are not counted because there are many."""
        return self.month.is_capped


class HitCounts:
    """Counts hits, and keeps what was counted for KEPT seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: KeptAnswers[RecentHits] = KeptAnswers(services.clock, KEPT)

    def recent(self, visible: Visibility) -> RecentHits:
        """Return the hits in decisions that `visible` shows. Raises AuditError."""
        return self._kept.find(visible, lambda: self._counted(visible))

    def _counted(self, visible: Visibility) -> RecentHits:
        now = self._services.clock()
        week, month = (
            policy_hits(self._services.audit, rfc3339(now - days * DAY), visibility=visible)
            for days in (7, 30)
        )
        return RecentHits(week, month)


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""
    counts = HitCounts(services)

    @blueprint.get("/policies")
    def list_policies() -> Response:
        query = parameters(request, PoliciesQuery)
        visible = access.visibility(g.token)
        hits = counts.recent(visible)
        rows = _selected(_rows(services, hits, visible), query)
        listing = Listing("policies", COLUMNS, [msgspec.structs.asdict(row) for row in rows])
        return page(
            "policies.html",
            "Policies",
            query,
            listing,
            rows=rows[query.start : query.start + PAGE],
            total=len(rows),
            step=PAGE,
            hits=hits,
            policy_set=services.policy_set,
            actions=(*ACTIONS, OFF),
        )

    @blueprint.get("/policies/<policy_id>")
    def policy(policy_id: str) -> Response:
        query = parameters(request, PageQuery)
        policy_set = services.policy_set
        found = policy_set.policies.get(policy_id)
        if found is None:
            hint = did_you_mean(policy_id, policy_set.policies)
            raise NotFound(
                f"there is no policy {policy_id} in the policy set {policy_set.name}{hint}"
            )
        visible = access.visibility(g.token)
        own = visible_policy_set(policy_set, visible)
        points = _points(found, own, counts.recent(visible))
        listing = Listing("policy", POINT_COLUMNS, [msgspec.structs.asdict(row) for row in points])
        return page("policy.html", found.id, query, listing, points=points,
                    **_parts(found, services, visible))  # fmt: skip


def _rows(services: Services, hits: RecentHits, visible: Visibility) -> list[PolicyRow]:
    policy_set = visible_policy_set(services.policy_set, visible)
    week, denied_week = hits.week.by_policy(), hits.week.denied_by_policy()
    month, denied_month = hits.month.by_policy(), hits.month.denied_by_policy()
    exempt = [
        name
        for one in visible_exceptions(services, visible)
        if one.state != "expired"
        for name in one.policies
    ]
    return [
        PolicyRow(
            id=policy.id,
            title=policy.title,
            severity=policy.severity,
            pack=policy.pack,
            action=PolicyInSet(policy, policy_set).action,
            hits7=week.get(policy.id, 0),
            denied7=denied_week.get(policy.id, 0),
            hits30=month.get(policy.id, 0),
            denied30=denied_month.get(policy.id, 0),
            exceptions=exempt.count(policy.id),
        )
        for policy in policy_set.policies.values()
    ]


def _selected(rows: Sequence[PolicyRow], query: PoliciesQuery) -> list[PolicyRow]:
    wanted = query.q.strip().lower()
    found = [
        row
        for row in rows
        if wanted in f"{row.id} {row.title} {row.pack}".lower()
        and (not query.action or query.action in row.action.split(","))
    ]
    if query.sort == "id":
        return sorted(found, key=lambda row: row.id)
    return sorted(found, key=lambda row: (-row.hits30, row.action == OFF, row.id))


def _points(policy: Policy, policy_set: PolicySet, hits: RecentHits) -> list[PointRow]:
    own = [one for one in policy_set.constraints if one.policy == policy.id]
    week = {one.enforcement_point: one for one in hits.week.items if one.policy == policy.id}
    month = {one.enforcement_point: one for one in hits.month.items if one.policy == policy.id}
    rows = []
    for point in POINTS:
        actions: set[EnforcementAction] = {one.action_at(point) for one in own}
        found = month.get(point)
        rows.append(
            PointRow(
                point=point,
                action=",".join(one for one in ACTIONS if one in actions) or OFF,
                hits7=week[point].decisions if point in week else 0,
                hits30=found.decisions if found else 0,
                denied30=found.denied if found else 0,
                last=found.last if found else "",
            )
        )
    return rows


def _parts(policy: Policy, services: Services, visible: Visibility) -> dict[str, Any]:
    """Return what the page of `policy` shows besides its hits."""
    policy_set = services.policy_set
    path = services.settings.policy_set
    folder = Path(path) if path else None
    if folder is not None and not folder.is_dir():
        folder = folder.parent
    own = [one for one in policy_set.constraints if one.policy == policy.id]
    constraints = constraint_rows(msgspec.to_builtins(own), policy.id, visible)
    return {
        "policy": policy,
        "policy_set": policy_set,
        "constraints": constraints,
        "hidden": len(constraints) < len(own),
        "exceptions": [
            one
            for one in visible_exceptions(services, visible)
            if policy.id in one.policies or one.break_glass
        ],
        "parameters": [
            (name, schema.type, _json(schema.default), schema.description)
            for name, schema in policy.parameters.items()
        ],
        "references": [_reference(text) for text in policy.references],
        "examples": examples(policy, folder),
        "source": highlighting.rego(policy.source[:MAX_SOURCE]),
        "cut_at": MAX_SOURCE if len(policy.source) > MAX_SOURCE else 0,
    }


def _reference(text: str) -> tuple[str, str]:
    """Return the title and the address of a reference; "" for the address if there is none."""
    title, _, address = text.rpartition(": ")
    if not address.startswith(("https://", "http://")):
        return text, ""
    return title or address, address


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
