"""Judge a project: the only place that allows or denies.

In: a bundle and a review. Out: a Decision. Constraints are matched here, the engine is asked once,
and each finding is reported by each constraint that it violates, unless an exception is in force
for it. What cannot be judged is denied:
a project that Compose would refuse (422), an engine that fails (500).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from policyd import compose
from policyd.compose.project import Project
from policyd.engines import Engine
from policyd.errors import ComposeError, EngineError, PolicydError
from policyd.model import (
    Bundle,
    Decision,
    Exempted,
    Finding,
    Findings,
    Location,
    NotEvaluated,
    Review,
    Status,
    Violation,
    to_json,
)
from policyd.policies.exceptions import PolicyException, applying, moment
from policyd.policies.manifests import Constraint
from policyd.policies.matching import matches_any, subject, why_not_for
from policyd.policies.policy_set import PolicySet
from policyd.policy_input import AskedConstraint, PolicyInput, Unseen, UnsetVariable
from policyd.workloads.extraction import workloads
from policyd.workloads.model import Workload

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
            works = workloads(project)
        except ComposeError as error:
            return msgspec.structs.replace(
                self.refuse(review, error), bundle_digest=bundle.files.digest()
            )
        loaded = msgspec.structs.replace(
            self.refuse(review, EngineError("the engine was not asked")),
            project=project.name,
            not_evaluated=(*project.not_evaluated, *_blank_variables(project)),
            bundle_digest=bundle.files.digest(),
        )
        matching = matching_constraints(self.policy_set.constraints, review, project.name)
        try:
            found = self.engine.findings(review_input(project, works, review, matching))
            violations = self._violations(found, matching, review, project)
            violations, exempted = self._exempt(violations, review, project.name)
        except EngineError as error:
            return msgspec.structs.replace(
                loaded, status=Status(error.status_code, error.reason, str(error))
            )
        return _decided(loaded, violations, exempted, found)

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

    def _exempt(
        self, violations: Iterable[Violation], review: Review, project: str
    ) -> tuple[tuple[Violation, ...], tuple[Exempted, ...]]:
        """Return the violations that stand, and those that exceptions set aside."""
        about = subject(review, project)
        standing: list[Violation] = []
        exempted: list[Exempted] = []
        for violation in violations:
            exception, expired = applying(self.policy_set.exceptions, violation, about, review.now)
            if exception:
                exempted.append(_exempted(violation, exception, review.now))
                continue
            ends = "".join(
                f"; the exception {one.name} for it expired on {moment(one.expires)}"
                for one in expired
            )
            standing.append(msgspec.structs.replace(violation, message=violation.message + ends))
        return tuple(standing), tuple(exempted)


def matching_constraints(
    constraints: Iterable[Constraint], review: Review, project: str
) -> dict[str, list[Constraint]]:
    """Return those of `constraints` that are for `review` of the project so named, by policy."""
    about = subject(review, project)
    matching: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        if not why_not_for(constraint.match, constraint.exclude, about):
            matching.setdefault(constraint.policy, []).append(constraint)
    return matching


def review_input(
    project: Project, works: Sequence[Workload], review: Review, matching: Matching
) -> bytes:
    """Return the document that policies judge, a PolicyInput, as JSON."""
    document = PolicyInput(
        review=review,
        constraints={
            policy: tuple(AskedConstraint(c.name, c.parameters) for c in constraints)
            for policy, constraints in matching.items()
        },
        workloads=tuple(works),
        project={"name": project.name, **project.tree},
        unresolved=tuple(UnsetVariable(u.variable, u.path) for u in project.unresolved),
        not_evaluated=tuple(Unseen(n.kind, n.what, n.reason) for n in project.not_evaluated),
    )
    return to_json(document)


def _blank_variables(project: Project) -> list[NotEvaluated]:
    """Return the variables without a value, each at its first use: who deploys may set them."""
    reason = "the variable has no value here: it is blank, and may be anything at deployment"
    first = {use.variable: use.location for use in reversed(project.unresolved)}
    return [NotEvaluated("variable", f"${{{name}}}", reason, first[name]) for name in sorted(first)]


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


def _exempted(violation: Violation, exception: PolicyException, now: int) -> Exempted:
    return Exempted(
        **msgspec.structs.asdict(violation),
        exception=exception.name,
        owner=exception.owner,
        reason=exception.reason,
        approved_by=exception.approved_by,
        expires=moment(exception.expires),
        days_left=exception.days_left(now),
        break_glass=exception.break_glass,
    )


def _decided(
    loaded: Decision,
    violations: tuple[Violation, ...],
    exempted: tuple[Exempted, ...],
    found: Findings,
) -> Decision:
    denying = [v for v in violations if v.enforcement_action == "deny"]
    return msgspec.structs.replace(
        loaded,
        allowed=not denying,
        status=_status(denying),
        violations=violations,
        exempted=exempted,
        warnings=(*_broken_glass(exempted), *_warnings(violations)),
        audit_annotations=_annotations(exempted),
        grants=found.grants,
    )


def _warnings(violations: Iterable[Violation]) -> Iterator[str]:
    for violation in violations:
        if violation.enforcement_action == "warn":
            yield f"{_named(violation)}: {violation.message}"


def _broken_glass(exempted: Iterable[Exempted]) -> Iterator[str]:
    """Yield one sentence for each break-glass exception: it must not go unseen."""
    found = {one.exception: one for one in exempted if one.break_glass}
    for one in found.values():
        yield (
            f"break-glass: the exception {one.exception} sets every policy aside until "
            f"{one.expires} ({one.owner}, approved by {one.approved_by}: {one.reason})"
        )


def _annotations(exempted: Iterable[Exempted]) -> dict[str, str]:
    names = sorted({one.exception for one in exempted})
    broken = sorted({one.exception for one in exempted if one.break_glass})
    annotations = {"exceptions": ",".join(names), "breakGlass": ",".join(broken)}
    return {key: value for key, value in annotations.items() if value}


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
