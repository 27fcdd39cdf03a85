"""Compare the projects of two commits: what a change denies, fixes and grants.

In: the judged projects at the head and at the base of a change. Out: the projects that the change
touches, each with what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from policyd.forges.projects import Judged
from policyd.model import Grant, NotEvaluated, Violation

State = Literal["newly-denied", "still-denied", "fixed", "allowed", "removed"]


class Touched(msgspec.Struct, frozen=True):
    """A project that a change touches.

    `new` and `old` are the violations that deny it at the head: those that the base does not have,
    and the others. `granted` are the grants that the base does not have.
    """

    project: Judged
    state: State
    new: tuple[Violation, ...] = ()
    old: tuple[Violation, ...] = ()
    granted: tuple[Grant, ...] = ()

    @property
    def not_evaluated(self) -> tuple[NotEvaluated, ...]:
        """What could not be evaluated at the head."""
        return self.project.decision.not_evaluated if self.project.decision else ()


def compare(head: Mapping[str, Judged], base: Mapping[str, Judged]) -> list[Touched]:
    """Return what a change does to the projects `head` that differ from `base`, by their labels.

    Those that only `base` has are gone.
    """
    found = [_compared(project, base.get(label)) for label, project in head.items()]
    return found + [Touched(base[label], "removed") for label in base if label not in head]


def _compared(project: Judged, before: Judged | None) -> Touched:
    known = {_key(one) for one in before.denying} if before else set()
    new = tuple(one for one in project.denying if _key(one) not in known)
    old = tuple(one for one in project.denying if _key(one) in known)
    was_denied = before is not None and before.is_denied
    held = [_grant_key(one) for one in before.grants] if before else []
    granted = tuple(one for one in project.grants if _grant_key(one) not in held)
    state: State = "allowed"
    if project.is_denied:
        state = "newly-denied" if new or not was_denied else "still-denied"
    elif was_denied:
        state = "fixed"
    return Touched(project, state, new, old, granted)


def _key(violation: Violation) -> tuple[object, ...]:
    return (violation.policy, violation.constraint, violation.service, violation.path)


def _grant_key(grant: Grant) -> tuple[object, ...]:
    return (grant.service, grant.vendor, grant.method, grant.devices, grant.replicas)
