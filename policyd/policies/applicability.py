"""Which constraints and exceptions of a policy set apply to a review, and why others do not.

In: constraints and exceptions, a review, the name of its project. Out: an Applicability, which
both decides and explains (`policyd check --explain-match`). Decisions use indexes, because a policy
set may have thousands of constraints and exceptions; explanations compare one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from policyd.model import Finding, Review, Violation
from policyd.policies.exceptions import PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import subject, why_not_for
from policyd.policies.selector_index import SelectorIndex, bits, numbers
from policyd.policies.times import nanoseconds_of

ConstraintsByPolicy = Mapping[str, Sequence[Constraint]]


class Governance:
    """The constraints and exceptions of a policy set, indexed. Threads may share it."""

    def __init__(
        self, constraints: Iterable[Constraint], exceptions: Iterable[PolicyException] = ()
    ) -> None:
        self.constraints = tuple(constraints)
        self.exceptions = tuple(exceptions)
        self.match = SelectorIndex([found.match for found in self.constraints])
        self.exclude = SelectorIndex([found.exclude for found in self.constraints])
        self.of_policy = _by_key((found.policy,) for found in self.constraints)
        self.of_name = _by_key((found.name,) for found in self.constraints)
        self.leasing = bits(
            number for number, found in enumerate(self.constraints) if found.max_lease
        )
        self.preferred = sorted(self.exceptions, key=_preference)
        self.granting = SelectorIndex([found.match for found in self.preferred])
        self.exempting = _by_key(found.policies for found in self.preferred)
        self.on_request = bits(
            number for number, found in enumerate(self.preferred) if found.on_request
        )
        self.break_glass = bits(
            number for number, found in enumerate(self.preferred) if found.break_glass
        )


class Applicability:
    """Which constraints and exceptions apply to one review."""

    def __init__(
        self,
        governance: Governance,
        review: Review,
        project: str,
        *,
        are_names_proven: bool = False,
    ) -> None:
        """`project` is the name of the project under review.

        Whoever sends a request to a Docker daemon chooses the names in it. So they are unknown
        here unless they are proven: constraints that select names apply, and exceptions that
        select names do not.
        """
        self._are_names_proven = are_names_proven or review.enforcement_point != "daemon"
        self.review = review
        self.subject = subject(review, project if self._are_names_proven else "")
        self._governance = governance
        self._of_service: dict[str, int] = {}

    @cached_property
    def constraints(self) -> list[tuple[Constraint, str]]:
        """All constraints, each with "" or the reason why it does not apply."""
        return [
            (found, why_not_for(found.match, found.exclude, self.subject))
            for found in self._governance.constraints
        ]

    @cached_property
    def exceptions(self) -> list[tuple[PolicyException, str]]:
        """All exceptions, each with "" or the reason why it does not apply."""
        now = self.review.now
        return [
            (found, found.why_not_in_force(self.subject, now))
            for found in self._governance.exceptions
        ]

    @cached_property
    def by_policy(self) -> ConstraintsByPolicy:
        """The constraints that apply, by policy."""
        applying: dict[str, list[Constraint]] = {}
        for number in numbers(self._applying):
            constraint = self._governance.constraints[number]
            applying.setdefault(constraint.policy, []).append(constraint)
        return applying

    def has(self, policy: str, constraint: str) -> bool:
        """Return whether the constraint so named, on `policy`, applies."""
        indexed = self._governance
        named = indexed.of_name.get(constraint, 0) & indexed.of_policy.get(policy, 0)
        return bool(self._applying & named)

    def denying(self, service: str, policies: Collection[str]) -> Iterator[Constraint]:
        """Yield the constraints on `policies` that apply to `service` and deny violations."""
        point = self.review.enforcement_point
        for number in numbers(self._applying & self._governance.match.for_service(service)):
            found = self._governance.constraints[number]
            if found.policy in policies and found.action_at(point) == "deny":
                yield found

    def shortest_lease(self, service: str) -> tuple[int, Constraint] | None:
        """Return the shortest maximum lease of a service in nanoseconds, and its constraint.

        Constraints whose action is dryrun do not count. None means that leases have no maximum.
        """
        indexed, point = self._governance, self.review.enforcement_point
        limiting = self._applying & indexed.leasing & indexed.match.for_service(service)
        found = (indexed.constraints[number] for number in numbers(limiting))
        leases = (
            (nanoseconds_of(each.max_lease), each)
            for each in found
            if each.max_lease and each.action_at(point) != "dryrun"
        )
        return min(leases, key=lambda lease: lease[0], default=None)

    def reporting(self, finding: Finding) -> list[Constraint]:
        """Return the constraints that report `finding`, of those that apply.

        These are the constraints on its policy that select its service; only the one that the
        finding names, if it names one.
        """
        indexed = self._governance
        found = self._applying & indexed.of_policy.get(finding.policy, 0)
        if finding.constraint:
            found &= indexed.of_name.get(finding.constraint, 0)
        service = finding.service if self._are_names_proven else ""
        selecting = self._of_service.get(service)
        if selecting is None:  # a service may have many findings
            selecting = self._of_service[service] = indexed.match.for_service(service)
        return [indexed.constraints[number] for number in numbers(found & selecting)]

    def exemption(
        self, violation: Violation, *, is_requested: bool = False
    ) -> PolicyException | None:
        """Return the exception in force for `violation`, None if there is none.

        `is_requested` says whether a comment in the file asks for one.
        If there are several, one for this policy comes before break-glass, and the one that
        expires last comes first.
        """
        found = self._covering(self._in_force, violation, is_requested)
        return self._governance.preferred[next(numbers(found))] if found else None

    def expired_exemptions(
        self, violation: Violation, most: int, *, is_requested: bool = False
    ) -> tuple[list[PolicyException], int]:
        """Return the exceptions that exempted `violation` until they expired, and their number.

        Only the `most` that expired last are returned, the last first.
        """
        found = self._covering(self._expired, violation, is_requested)
        named = [self._governance.preferred[n] for n in islice(numbers(found), most)]
        return named, found.bit_count()

    @cached_property
    def _applying(self) -> int:
        indexed = self._governance
        return indexed.match.matched(self.subject) & ~indexed.exclude.excluded(self.subject)

    @cached_property
    def _granted(self) -> int:
        return self._governance.granting.granted(self.subject)

    @cached_property
    def _in_force(self) -> int:
        return self._in_state("active")

    @cached_property
    def _expired(self) -> int:
        return self._in_state("expired")

    def _in_state(self, state: str) -> int:
        preferred, now = self._governance.preferred, self.review.now
        return bits(n for n in numbers(self._granted) if preferred[n].state(now) == state)

    def _covering(self, exceptions: int, violation: Violation, is_requested: bool) -> int:
        """Return those of `exceptions` that cover `violation`."""
        indexed = self._governance
        exempting = exceptions & (indexed.exempting.get(violation.policy, 0) | indexed.break_glass)
        if not is_requested:
            exempting &= ~indexed.on_request
        if not exempting:
            return 0  # without a comparison of paths, which takes longer
        service, path = violation.service, violation.path
        if not self._are_names_proven:
            service, path = "", (*path[:1], *("" for _ in path[1:2]), *path[2:])
        return exempting & indexed.granting.covering(service, path)


def _preference(exception: PolicyException) -> tuple[bool, int, str]:
    return exception.break_glass, -exception.expires, exception.name


def _by_key(keys: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return, for each key, the numbers of the sequences in `keys` that contain it, as bits."""
    found: dict[str, int] = {}
    for number, own in enumerate(keys):
        for key in own:
            found[key] = found.get(key, 0) | 1 << number
    return found
