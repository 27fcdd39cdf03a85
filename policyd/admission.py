"""Judge a project: the only place that allows or denies.

In: a bundle and a review. Out: a Decision. Constraints are matched here, the engine is asked once,
and each finding is reported by each constraint that it violates. What cannot be judged is denied:
a project that Compose would refuse (422), an engine that fails (500).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from policyd import compose, workloads
from policyd.compose.project import Project
from policyd.engines import Engine
from policyd.errors import ComposeError, EngineError, PolicydError
from policyd.model import (
    Bundle,
    Decision,
    Finding,
    Findings,
    Location,
    Review,
    Status,
    Violation,
    Workload,
    to_json,
)
from policyd.policies import PolicySet
from policyd.policies.documents import Constraint
from policyd.policies.matching import matches_any, subject, why_excluded, why_not_matched

Matching = Mapping[str, Sequence[Constraint]]
"""The constraints that are for a review, by policy."""


class Admission:
    """Decides by one policy set, with one engine. May be used by many threads at once."""

    def __init__(
        self,
        engine: Engine,
        policy_set: PolicySet,
        load: Callable[[Bundle], Project] = compose.load,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Judge what `load` makes of a bundle; `new_id` names each decision."""
        self.engine = engine
        self.policy_set = policy_set
        self._load = load
        self._new_id = new_id

    def judge(self, bundle: Bundle, review: Review) -> Decision:
        """Return the decision on the project in `bundle`.

        A project that Compose would refuse, and an engine that fails, are denied. Raises
        NoComposeFile and BundleError: there is nothing to judge.
        """
        try:
            project = self._load(bundle)
            works = workloads.workloads(project)
        except ComposeError as error:
            return msgspec.structs.replace(
                self.refuse(review, error), bundle_digest=bundle.files.digest()
            )
        loaded = msgspec.structs.replace(
            self.refuse(review, EngineError("the engine was not asked")),
            project=project.name,
            not_evaluated=project.not_evaluated,
            bundle_digest=bundle.files.digest(),
        )
        matching = matching_constraints(self.policy_set.constraints, review, project.name)
        try:
            found = self.engine.findings(review_input(project, works, review, matching))
            violations = self._violations(found, matching, review, project)
        except EngineError as error:
            return msgspec.structs.replace(
                loaded, status=Status(error.status_code, error.reason, str(error))
            )
        return _decided(loaded, violations, found)

    def refuse(self, review: Review, error: PolicydError) -> Decision:
        """Return the denial of a project that could not be judged because of `error`."""
        return Decision(
            uid=review.uid,
            allowed=False,
            status=Status(error.status_code, error.reason, str(error)),
            policy_set=self.policy_set.reference,
            engine=self.engine.name,
            decision_id=self._new_id(),
        )

    def _violations(
        self, found: Findings, matching: Matching, review: Review, project: Project
    ) -> tuple[Violation, ...]:
        """Return one violation for each finding and each constraint that reports it, in order."""
        violations = [
            self._violation(finding, constraint, review, project.locate(finding.path))
            for finding in found.findings
            for constraint in _reporting(finding, matching)
        ]
        return tuple(sorted(violations, key=_order))

    def _violation(
        self, finding: Finding, constraint: Constraint, review: Review, where: Location | None
    ) -> Violation:
        policy = self.policy_set.policies[finding.policy]
        return Violation(
            policy=policy.id,
            constraint=constraint.name,
            enforcement_action=constraint.action_at(review.enforcement_point),
            severity=policy.severity,
            message=finding.msg,
            remediation=policy.remediation,
            service=finding.service,
            path=finding.path,
            location=where,
        )


def matching_constraints(
    constraints: Iterable[Constraint], review: Review, project: str
) -> dict[str, list[Constraint]]:
    """Return those of `constraints` that are for `review` of the project so named, by policy."""
    about = subject(review, project)
    matching: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        if not why_not_matched(constraint.match, about) and not why_excluded(
            constraint.exclude, about
        ):
            matching.setdefault(constraint.policy, []).append(constraint)
    return matching


def review_input(
    project: Project, works: Sequence[Workload], review: Review, matching: Matching
) -> bytes:
    """Return the document that policies judge, as JSON (DESIGN section 5)."""
    document: dict[str, Any] = {
        "review": review,
        "constraints": {
            policy: [{"name": c.name, "parameters": c.parameters} for c in constraints]
            for policy, constraints in matching.items()
        },
        "workloads": works,
        "project": project.tree,
        "unresolved": [{"variable": u.variable, "path": u.path} for u in project.unresolved],
        "notEvaluated": [
            {"kind": n.kind, "what": n.what, "reason": n.reason} for n in project.not_evaluated
        ],
    }
    return to_json(document)


def _reporting(finding: Finding, matching: Matching) -> list[Constraint]:
    """Return the constraints that report `finding`.

    Raises EngineError for a finding of a policy or a constraint that was not asked for.
    """
    constraints = matching.get(finding.policy)
    if not constraints:
        raise EngineError(f"the engine answered for the policy {finding.policy!r}, not asked for")
    if finding.constraint:
        constraints = [c for c in constraints if c.name == finding.constraint]
        if not constraints:
            raise EngineError(
                f"{finding.policy} reports for the constraint {finding.constraint!r}, "
                f"which was not asked for"
            )
    return [
        constraint
        for constraint in constraints
        if not constraint.match.services
        or not finding.service
        or matches_any(constraint.match.services, finding.service)
    ]


def _order(violation: Violation) -> tuple[Any, ...]:
    where = violation.location or Location("")
    return (
        where.file,
        where.line,
        where.column,
        violation.policy,
        violation.constraint,
        violation.message,
        tuple(map(str, violation.path)),
    )


def _decided(loaded: Decision, violations: tuple[Violation, ...], found: Findings) -> Decision:
    denying = [v for v in violations if v.enforcement_action == "deny"]
    return msgspec.structs.replace(
        loaded,
        allowed=not denying,
        status=_status(denying),
        violations=violations,
        warnings=tuple(
            f"{_named(v)}: {v.message}" for v in violations if v.enforcement_action == "warn"
        ),
        grants=found.grants,
    )


def _status(denying: Sequence[Violation]) -> Status:
    if not denying:
        return Status(200, "OK", "no policy denies")
    first: dict[str, Violation] = {}
    for violation in denying:
        first.setdefault(violation.policy, violation)
    deny = "1 policy denies" if len(first) == 1 else f"{len(first)} policies deny"
    return Status(403, "Forbidden", f"{deny}: {', '.join(map(_named, first.values()))}")


def _named(violation: Violation) -> str:
    where = f" ({violation.location})" if violation.location else ""
    return f"{violation.policy}{where}"
