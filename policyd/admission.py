"""Decide on a project: the only place that allows or denies.

In: a loaded project and a review. Out: a Decision. The engine is asked once; each of its findings
becomes a violation of each constraint that reports it, unless an exception exempts it. In doubt the
project is denied: if Compose would refuse it (422), and if the engine fails (500). Only the failure
policy Ignore allows a project that was not evaluated, because policyd itself failed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from policyd.compose_version import COMPOSE_VERSION
from policyd.demand import NO_DEMAND, Demand
from policyd.engines import Engine
from policyd.errors import EngineError, EngineUnavailable, LeaseError, OtherRevision, PolicydError
from policyd.exempting import ByName, exempt
from policyd.grants.entitlements import POLICY as ENTITLEMENT_POLICY
from policyd.grants.permission import Permissions
from policyd.grants.remediation import Remediations
from policyd.host_resolver import HostResolver
from policyd.leases import leased
from policyd.loading import Loaded, NotLoaded
from policyd.model import (
    Decision,
    Exempted,
    FailurePolicy,
    Finding,
    Findings,
    Grant,
    Location,
    Review,
    Status,
    Violation,
    to_json,
)
from policyd.policies.accelerator_rules import about_accelerators
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.manifests import Constraint
from policyd.policies.policy_set import PolicySet
from policyd.policy_input import PolicyInput, policy_input
from policyd.tracing import span

if TYPE_CHECKING:
    from policyd.policies.relevance import Relevance
    from policyd.recorded_input import Recorder

MAX_VIOLATIONS: Final = 10_000
"""Violations of one decision, each counted once for each of its constraints: some 5 MB of JSON."""


class Evaluation(msgspec.Struct, frozen=True):
    """The result of evaluating the policies on a project."""

    violations: tuple[Violation, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    grants: tuple[Grant, ...] = ()
    lease_warnings: tuple[str, ...] = ()


NOT_EVALUATED = Evaluation()
IGNORED = Status(
    200, "FailureIgnored", "policyd failed, and the failure policy Ignore allows the project"
)
RELEASED = Status(200, "OK", "the grants of the project are released; no policy is evaluated")
WOULD_RELEASE = Status(
    200, "OK", "dry run: no grants of the project are released; no policy is evaluated"
)


class Admission:
    """Decides with one policy set and one engine. Threads may share it."""

    def __init__(
        self,
        engine: Engine,
        policy_set: PolicySet,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        relevance: Relevance | None = None,
    ) -> None:
        """`engine` holds `policy_set`; `new_id` returns the id of the next decision.

        With the `relevance` of `policy_set`, the engine evaluates only the policies that may
        report a violation.

        Raises PolicySetError for tables of the policy set that grants cannot be worked out with.
        """
        self.engine = engine
        self.policy_set = policy_set
        self._new_id = new_id
        self._relevance = relevance
        self._governance = Governance(policy_set.constraints, policy_set.exceptions)
        self._hosts = HostResolver(policy_set.data)

    @cached_property
    def _about_accelerators(self) -> frozenset[str]:
        """The policies that can deny a grant. Only projects with grants need them."""
        return about_accelerators(self.policy_set.policies.values())

    @cached_property
    def recorder(self) -> Recorder:
        """What records projects that the policy set decides on."""
        # Imported here because only a decision that goes to an audit log needs it.
        from policyd.recorded_input import Recorder

        return Recorder(self.policy_set)

    def decide(
        self,
        loaded: Loaded | NotLoaded,
        review: Review,
        demand: Demand | None = None,
        failure_policy: FailurePolicy = "Fail",
    ) -> Decision:
        """Return the decision on `loaded`. A project that is not loaded is denied.

        `demand` is what the enforcement point demands besides the policies.

        An engine that fails is a denial too, unless `failure_policy` ignores that it is not
        available, but raises OtherRevision if it holds another policy set: then the Admission of
        that policy set can decide.
        """
        if isinstance(loaded, NotLoaded):
            return self.refuse(review, loaded.error, loaded)
        loaded = self.resolved(loaded, review.source.host)
        try:
            evaluation = self._evaluate(loaded, review, demand or NO_DEMAND)
        except OtherRevision:
            raise
        except EngineUnavailable as error:
            return self.failed(review, error, failure_policy, loaded)
        except (EngineError, LeaseError) as error:
            return self.refuse(review, error, loaded)
        denying = [v for v in evaluation.violations if v.enforcement_action == "deny"]
        return self._decision(review, _status(denying), loaded, evaluation, allowed=not denying)

    def refuse(
        self, review: Review, error: PolicydError, loaded: Loaded | NotLoaded | None = None
    ) -> Decision:
        """Return the denial of a project that could not be evaluated because of `error`."""
        return self._decision(review, error.status, loaded, NOT_EVALUATED, allowed=False)

    def failed(
        self,
        review: Review,
        error: PolicydError,
        failure_policy: FailurePolicy,
        loaded: Loaded | None = None,
    ) -> Decision:
        """Return the decision on a project that was not evaluated because policyd failed.

        With Ignore it is allowed with a warning, and has its grants if the project was loaded.
        """
        if failure_policy == "Fail":
            return self.refuse(review, error, loaded)
        evaluation = NOT_EVALUATED
        if loaded is not None:
            placed = self._hosts.on_host(loaded, review.source.host)
            grants = self._hosts.grants.listed(placed.workloads, review.source.host)
            maximum = self.applicability(review, placed.project.name).shortest_lease
            try:
                lasting = leased(grants, placed.project, review.now, maximum)
            except LeaseError as invalid:
                return self.refuse(review, invalid, loaded)
            evaluation = Evaluation(grants=lasting.grants)
        decision = self._decision(review, IGNORED, loaded, evaluation, allowed=True)
        return msgspec.structs.replace(
            decision,
            warnings=(f"no policy was evaluated: {error}",),
            audit_annotations={"failurePolicy": "Ignore", "failure": type(error).__name__},
        )

    def release(self, review: Review, project: str) -> Decision:
        """Return the decision on a DELETE of the project so named, which no policy can deny.

        A denied DELETE would leave grants active of a project that does not run any more.
        """
        status = WOULD_RELEASE if review.dry_run else RELEASED
        released = self._decision(review, status, None, NOT_EVALUATED, allowed=True)
        return msgspec.structs.replace(released, project=project)

    def repeat(self, decision: Decision, review: Review, digest: str = "") -> Decision:
        """Return `decision`, which answers `review` too, as a decision of its own.

        It is about the bundle with this `digest`, or about the same.
        """
        return msgspec.structs.replace(
            decision,
            uid=review.uid,
            decision_id=self._new_id(),
            bundle_digest=digest or decision.bundle_digest,
        )

    def resolved(self, loaded: Loaded, host: str) -> Loaded:
        """Return `loaded` as the policies see it on the host that is named `host`."""
        return self._hosts.on_host(loaded, host)

    def applicability(self, review: Review, project: str) -> Applicability:
        """Return which constraints and exceptions apply to `review` of the project so named."""
        return Applicability(self._governance, review, project)

    def _decision(
        self,
        review: Review,
        status: Status,
        loaded: Loaded | NotLoaded | None,
        evaluation: Evaluation,
        *,
        allowed: bool,
    ) -> Decision:
        complete = loaded if isinstance(loaded, Loaded) else None
        exempted = evaluation.exempted
        return Decision(
            uid=review.uid,
            allowed=allowed,
            status=status,
            violations=evaluation.violations,
            warnings=(
                *_break_glass_warnings(exempted),
                *evaluation.lease_warnings,
                *_warnings(evaluation.violations),
            ),
            exempted=exempted,
            grants=evaluation.grants,
            not_evaluated=complete.not_evaluated if complete else (),
            images=complete.images if complete else (),
            audit_annotations=_annotations(exempted),
            policy_set=self.policy_set.reference,
            engine=self.engine.name,
            decision_id=self._new_id(),
            project=complete.project.name if complete else "",
            bundle_digest=loaded.digest if loaded else "",
            compose_version=COMPOSE_VERSION,
        )

    def _evaluate(self, loaded: Loaded, review: Review, demand: Demand) -> Evaluation:
        """Return the violations, exemptions and grants. Raises EngineError, LeaseError."""
        applicability = self.applicability(review, loaded.project.name)
        found = self._findings(policy_input(loaded, review, applicability.by_policy))
        remediations = self._hosts.grants.remediations(loaded.workloads)
        violations: list[Violation] = []
        for finding in filter(demand.concerns, found.findings):
            constraints = _reporting(finding, applicability)
            if len(violations) + len(constraints) > MAX_VIOLATIONS:
                raise EngineError(
                    f"there are more than {MAX_VIOLATIONS} violations (one for each finding and "
                    "constraint), so the project is denied without a list of them"
                )
            violations += self._violations(finding, constraints, review, loaded, remediations)
        if demand is not NO_DEMAND:
            asked = self._hosts.grants.listed(loaded.workloads, review.source.host)
            violations += demand.violations(loaded.workloads, asked)
        violations.sort(key=_order)
        by_name = self._by_name(demand, loaded, review) if violations else ()
        remaining, exempted = exempt(violations, applicability, loaded.requests, by_name)
        permissions = self._permissions(applicability, exempted)
        grants = self._hosts.grants.listed(loaded.workloads, review.source.host, permissions)
        lasting = leased(grants, loaded.project, review.now, applicability.shortest_lease)
        return Evaluation(remaining, exempted, lasting.grants, lasting.warnings)

    def _by_name(self, demand: Demand, loaded: Loaded, review: Review) -> Sequence[ByName]:
        """Return what exempts by the names that receipts prove. Constraints know no such names."""
        found: list[ByName] = []
        for one in demand.reviewed_as(loaded.workloads):
            source = msgspec.structs.replace(review.source, repository=one.repository)
            named = msgspec.structs.replace(review, source=source)
            applicability = Applicability(
                self._governance, named, one.project, are_names_proven=True
            )
            found.append(ByName(applicability, one.decision_id, one.why_not))
        return found

    def _permissions(
        self, applicability: Applicability, exempted: Iterable[Exempted]
    ) -> Permissions:
        def denying(service: str) -> Iterator[str]:
            found = applicability.denying(service, self._about_accelerators)
            return (constraint.name for constraint in found)

        is_needed = ENTITLEMENT_POLICY in applicability.by_policy
        entitlements = self._hosts.grants.entitlements(applicability.review) if is_needed else None
        return Permissions(exempted, denying, entitlements)

    def _findings(self, document: PolicyInput) -> Findings:
        known: Iterable[Finding] = ()
        if self._relevance is not None:
            known, asked = self._relevance.evaluate(document)
            if not asked:
                return Findings(tuple(known))
            constraints = {name: document.constraints[name] for name in sorted(asked)}
            document = msgspec.structs.replace(document, constraints=constraints)
        with span("evaluate"):
            return Findings((*known, *self.engine.findings(to_json(document)).findings))

    def _violations(
        self,
        finding: Finding,
        constraints: Iterable[Constraint],
        review: Review,
        loaded: Loaded,
        remediations: Remediations,
    ) -> list[Violation]:
        policy = self.policy_set.policies[finding.policy]
        remediation = (
            finding.remediation or remediations.find(policy.id, finding.path) or policy.remediation
        )
        location = loaded.project.locate(finding.path)
        return [
            Violation(
                policy=policy.id,
                constraint=constraint.name,
                enforcement_action=constraint.action_at(review.enforcement_point),
                severity=policy.severity,
                message=finding.msg,
                remediation=remediation,
                service=finding.service,
                path=finding.path,
                location=location,
            )
            for constraint in constraints
        ]


def _reporting(finding: Finding, applicability: Applicability) -> list[Constraint]:
    """Return the constraints that report `finding`.

    Raises EngineError if its policy or its constraint was not in the input of the engine.
    """
    applying = applicability.by_policy
    if finding.policy not in applying:
        raise EngineError(
            f"the engine reports a finding of the policy {finding.policy!r}, "
            "which was not to be evaluated"
        )
    if finding.constraint and not applicability.has(finding.policy, finding.constraint):
        raise EngineError(
            f"the policy {finding.policy} reports a finding for the constraint "
            f"{finding.constraint!r}, which was not to be evaluated"
        )
    return applicability.reporting(finding)


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


def _warnings(violations: Iterable[Violation]) -> Iterator[str]:
    for violation in violations:
        if violation.enforcement_action == "warn":
            yield f"{_named(violation)}: {violation.message}"


def _break_glass_warnings(exempted: Iterable[Exempted]) -> Iterator[str]:
    """Yield one sentence for each break-glass exception, so that nobody overlooks it."""
    found = {one.exception: one for one in exempted if one.break_glass}
    for one in found.values():
        yield (
            f"break-glass: the exception {one.exception} bypasses all policies until "
            f"{one.expires} ({one.owner}, approved by {one.approved_by}: {one.reason})"
        )


def _annotations(exempted: Iterable[Exempted]) -> dict[str, str]:
    names = sorted({one.exception for one in exempted})
    break_glass = sorted({one.exception for one in exempted if one.break_glass})
    annotations = {"exceptions": ",".join(names), "breakGlass": ",".join(break_glass)}
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
