"""What an enforcement point demands of a decision besides the policies.

In: nothing. Out: a Demand, which `Admission.decide` takes. Only the gate of a host has demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from policyd.model import Finding, Grant, Path, Violation
from policyd.workloads.model import Workload


class ReviewedAs(msgspec.Struct, frozen=True):
    """The names under which a receipt says that a project was reviewed, for exceptions only.

    `decision_id` is that of the receipt. `why_not` returns "" if the receipt proves the names for a
    violation, else the reason why not.
    """

    decision_id: str
    project: str
    repository: str
    why_not: Callable[[Violation], str]


class Demand(msgspec.Struct, frozen=True):
    """What an enforcement point demands besides the policies.

    Only findings at or below one of the paths `about` count: all if there are none. `violations`
    returns further violations, of a project with these workloads and grants. `reviewed_as` returns
    the names of the receipts that may cover these workloads.
    """

    about: tuple[Path, ...] = ()
    violations: Callable[[Sequence[Workload], Sequence[Grant]], Iterable[Violation]] = (
        lambda _, __: ()
    )
    reviewed_as: Callable[[Sequence[Workload]], Iterable[ReviewedAs]] = lambda _: ()

    def concerns(self, finding: Finding) -> bool:
        """Return whether `finding` counts."""
        return not self.about or any(finding.path[: len(one)] == one for one in self.about)


NO_DEMAND: Final = Demand()
