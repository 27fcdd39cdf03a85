"""Which constraints and exceptions of a policy set apply to a review, and why others do not.

In: constraints and exceptions, a review, the name of its project. Out: an Applicability, which
both decides and explains (`policyd check --explain-match`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from policyd.model import Review, Violation
from policyd.policies.exceptions import PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import subject, why_not_for, why_not_granted

ConstraintsByPolicy = Mapping[str, Sequence[Constraint]]


class Applicability:
    """Constraints and exceptions, each with "" or the reason why it does not apply to a review."""

    def __init__(
        self,
        constraints: Iterable[Constraint],
        exceptions: Sequence[PolicyException],
        review: Review,
        project: str,
    ) -> None:
        """`project` is the name of the project under review."""
        self.review = review
        self.subject = subject(review, project)
        self.constraints = [
            (found, why_not_for(found.match, found.exclude, self.subject)) for found in constraints
        ]
        self._exceptions = exceptions

    @cached_property
    def exceptions(self) -> list[tuple[PolicyException, str]]:
        """All exceptions, each with "" or the reason why it does not apply."""
        now = self.review.now
        return [(found, found.why_not_in_force(self.subject, now)) for found in self._exceptions]

    @cached_property
    def by_policy(self) -> ConstraintsByPolicy:
        """The constraints that apply, by policy."""
        applying: dict[str, list[Constraint]] = {}
        for constraint, why_not in self.constraints:
            if not why_not:
                applying.setdefault(constraint.policy, []).append(constraint)
        return applying

    def exemption(self, violation: Violation) -> PolicyException | None:
        """Return the exception in force for `violation`, None if there is none.

        If there are several, one for this policy comes before break-glass, and the one that
        expires last comes first.
        """
        in_force = [
            found for found, why_not in self.exceptions if not why_not and found.is_for(violation)
        ]
        in_force.sort(key=lambda found: (found.break_glass, -found.expires, found.name))
        return in_force[0] if in_force else None

    def expired_exemptions(self, violation: Violation) -> list[PolicyException]:
        """Return the exceptions that exempted `violation` until they expired, sorted by name."""
        return sorted(
            (found for found in self._expired if found.is_for(violation)),
            key=lambda found: found.name,
        )

    @cached_property
    def _expired(self) -> list[PolicyException]:
        return [
            found
            for found in self._exceptions
            if found.state(self.review.now) == "expired"
            and not why_not_granted(found.match, self.subject)
        ]
