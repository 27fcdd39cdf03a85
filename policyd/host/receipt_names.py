"""Which receipts prove the names of a container, and for which violations.

In: the receipts of a project; a container as the policies evaluate it. Out: the names for
exceptions, each with the reason where it is not proven. Labels name the project and the service; a
receipt proves them where it covers exactly the container, and it says the repository. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from policyd.demand import ReviewedAs
from policyd.model import Violation
from policyd.receipts.coverage import is_covered
from policyd.receipts.statement import AdmittedWorkload
from policyd.receipts.verification import Receipt, expiry
from policyd.workloads.model import Workload

CONSTRAINT: Final = "host.mode"
"""What violations of the gate's own demands name as their constraint."""


def reviewed_as(
    receipts: Iterable[Receipt],
    workload: Workload,
    now: int,
    why_no_more: Callable[[int], str],
) -> Sequence[ReviewedAs]:
    """Return the names of the `receipts` that have the service of `workload`, the newest first.

    `now` is in nanoseconds since the epoch. `why_no_more` returns why no more than so many
    containers may run, "" if one more may.
    """
    found: list[ReviewedAs] = []
    for receipt in sorted(receipts, key=lambda one: one.admission.time, reverse=True):
        admission = receipt.admission
        if workload.service not in {one.service for one in admission.workloads}:
            continue
        admitted = receipt.covering(workload, now)
        reason = _why_no_name(receipt, admitted, now)
        why_not = _why_not(workload, admitted, reason, why_no_more)
        repository = admission.source.repository
        found.append(ReviewedAs(admission.decision_id, admission.project, repository, why_not))
    return found


def _why_no_name(receipt: Receipt, admitted: AdmittedWorkload | None, now: int) -> str:
    """Return why `receipt` proves no name of a container that it admits as `admitted`."""
    admission = receipt.admission
    if receipt.is_expired(now):
        return expiry(receipt)
    if admission.operation not in ("CREATE", "UPDATE") or admission.dry_run:
        return (
            f"the receipt of the decision {admission.decision_id} is not for a deployment; request "
            "the review with --operation CREATE"
        )
    if admitted is None:
        return (
            f"the receipt of the decision {admission.decision_id} does not cover this container, "
            "whose settings differ from those that were reviewed, or whose grants ended"
        )
    return ""


def _why_not(
    workload: Workload,
    admitted: AdmittedWorkload | None,
    reason: str,
    why_no_more: Callable[[int], str],
) -> Callable[[Violation], str]:
    def why_not(violation: Violation) -> str:
        if violation.constraint == CONSTRAINT:
            return "names do not count for what the gate itself demands; select the host instead"
        if admitted is None or reason:
            return reason
        if not is_covered(workload, violation.path):
            return "receipts do not cover this setting; select the host instead"
        more = why_no_more(admitted.replicas)
        return f"the receipt is for {_containers(admitted.replicas)}, and {more}" if more else ""

    return why_not


def _containers(number: int) -> str:
    return "1 container" if number == 1 else f"{number} containers"
