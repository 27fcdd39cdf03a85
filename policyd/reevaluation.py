"""Evaluate a recorded decision again, by the policy set in force now or by another one.

In: the event of a decision, its recorded input, an Admission. Out: the verdict then and now, and
the violations that would be new or gone. The review is the recorded one, with its time: exceptions
apply as they did then. Policies see MASK in place of masked values, so the answer says how many
there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from policyd.admission import Admission
from policyd.audit.event import DecisionEvent
from policyd.errors import NotFound
from policyd.loading import Loaded
from policyd.model import API_VERSION, Decision, Status, Violation
from policyd.recorded_input import RecordedProject


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """A violation that only one of the two decisions has."""

    policy: str
    constraint: str
    enforcement_action: str
    service: str
    path: tuple[str | int, ...]
    message: str


class Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """What a policy set decides."""

    allowed: bool
    status: Status
    policy_set: str
    revision: str


class Reevaluation(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A decision then and now. `masked` counts the values that policies could not see."""

    api_version: str = API_VERSION
    kind: str = "Reevaluation"
    decision_id: str
    time: str
    project: str
    recorded: Verdict
    now: Verdict
    new: tuple[Change, ...]
    gone: tuple[Change, ...]
    masked: int = 0
    masked_paths: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the answer would be another one."""
        return bool(self.new or self.gone) or self.recorded.status.code != self.now.status.code


def input_digest(event: DecisionEvent) -> str:
    """Return the digest of the recorded input of `event`. Raises NotFound when there is none."""
    digest = event.input.project.input
    if digest:
        return digest
    if event.input.review.operation == "DELETE":
        raise NotFound(f"the decision {event.decision_id} is about a DELETE, which has no input")
    raise NotFound(
        f"no input was recorded for the decision {event.decision_id}: the project did not load, it "
        "was too large, or input_retention was 0"
    )


def recorded_project(event: DecisionEvent, recorded: RecordedProject) -> Loaded:
    """Return the project of `event` as it is evaluated."""
    return recorded.loaded(event.input.project.digest)


def evaluate_again(
    event: DecisionEvent, recorded: RecordedProject, admission: Admission
) -> Reevaluation:
    """Return what `admission` decides on the project of `event`, and what is different."""
    decision = admission.decide(recorded_project(event, recorded), event.input.review)
    before, after = _by_key(event.result.violations), _by_key(decision.violations)
    return Reevaluation(
        decision_id=event.decision_id,
        time=event.timestamp,
        project=event.input.project.name,
        recorded=_verdict(event.result),
        now=_verdict(decision),
        new=tuple(after[key] for key in after if key not in before),
        gone=tuple(before[key] for key in before if key not in after),
        masked=len(recorded.masked) + recorded.masked_more,
        masked_paths=recorded.masked,
    )


def _verdict(decision: Decision) -> Verdict:
    found = decision.policy_set
    return Verdict(
        decision.allowed,
        decision.status,
        found.name if found else "",
        found.revision if found else "",
    )


def _by_key(violations: Iterable[Violation]) -> dict[tuple[object, ...], Change]:
    return dict(_keyed(violations))


def _keyed(violations: Iterable[Violation]) -> Iterator[tuple[tuple[object, ...], Change]]:
    """Yield each violation by what identifies it: messages may be masked in one of them."""
    for one in violations:
        change = Change(
            one.policy,
            one.constraint,
            one.enforcement_action,
            one.service,
            one.path,
            one.message,
        )
        yield (one.policy, one.constraint, one.enforcement_action, one.service, one.path), change
