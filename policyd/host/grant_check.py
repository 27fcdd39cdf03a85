"""Demand a grant for each container that asks for an accelerator.

In: the workload of a request, with its grants; the grants that are held. Out: violations. Names
come from the client and say which grant to compare with; what is asked must be within that grant,
and no more containers may run than it has replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from policyd.demand import ReviewedAs
from policyd.host.coverage import Coverage, Held, coverage, shown
from policyd.host.granted import GrantSource, Receipts
from policyd.host.receipt_names import CONSTRAINT, reviewed_as
from policyd.host.slots import Slots
from policyd.host_settings import HostSettings
from policyd.model import EnforcementAction, Grant, Violation
from policyd.workloads.model import Workload

POLICY: Final = "require-grant"
"""What violations name as their policy. It is no policy of the policy set."""
REMEDIATION: Final = (
    "Request a review of the project for this host: policyd review --operation CREATE --host {host}"
)
NO_PROJECT: Final = (
    "Run it as a service of a Compose project, and request a review of that for this host: "
    "policyd review --operation CREATE --host {host}"
)
ACTIONS: Final[dict[str, EnforcementAction]] = {
    "enforce": "deny",
    "warn": "warn",
    "observe": "dryrun",
}
"""What violations of the gate's own demands do, by the mode of the host."""
PLAIN_RUNTIMES: Final = frozenset(("runc", "crun", "youki", "policyd", "io.containerd.runc.v2"))
"""Default runtimes that give no accelerator to an image because of its variables."""


class Start(NamedTuple):
    """A container that is to start: its name in the request, and its id."""

    name: str
    container: str


class GrantCheck:
    """Compares requests with grants. May be used by many threads at once."""

    def __init__(
        self,
        settings: HostSettings,
        sources: Sequence[GrantSource],
        receipts: Receipts | None,
        slots: Slots,
        default_runtime: Callable[[], str],
    ) -> None:
        """`default_runtime` returns the runtime of containers that name none."""
        self._settings = settings
        self._sources = sources
        self._receipts = receipts
        self._default_runtime = default_runtime
        self.slots = slots

    def violations(
        self,
        project: str,
        workloads: Sequence[Workload],
        grants: Sequence[Grant],
        start: Start | None = None,
    ) -> Iterable[Violation]:
        """Return the violations of a request of `project`; `start` says which container starts.

        Raises PolicydError where the grants are not known.
        """
        asked = [one for one in grants if self._counts(one)]
        if not asked:
            return ()
        found = self._coverage(project, workloads, asked)
        service = asked[0].service
        if not found.containers:
            reason = f"{_asks(asked[0])}, but {found.reason}"
            return (self.violation(asked[0], reason, project),)
        needed = max(one.replicas for one in asked)
        if needed > found.containers:
            reason = (
                f"{_asks(asked[0])} for {needed} containers, but {was_granted(found.containers)}"
            )
            return (self.violation(asked[0], reason, project),)
        if start is None:
            return ()
        others = self.slots.take(start.name, start.container, project, service, found.containers)
        if others < found.containers:
            return ()
        running = f"{others} others are running" if others > 1 else "another one is running"
        reason = f"{was_granted(found.containers)}, and {running}"
        return (self.violation(asked[0], reason, project),)

    def _counts(self, grant: Grant) -> bool:
        """Return whether a container would get the accelerators of `grant` on this host."""
        if grant.certainty != "default-runtime":
            return True
        return self._default_runtime() not in PLAIN_RUNTIMES

    def _coverage(
        self, project: str, workloads: Sequence[Workload], asked: Sequence[Grant]
    ) -> Coverage:
        if not project:
            return Coverage(0, "it is no container of a Compose project, so it has no grant")
        found = coverage(asked, self._recorded(project))
        if self._receipts is not None:
            by_receipt = min(
                self._receipts.replicas(project, each.service, each) for each in workloads
            )
            if by_receipt > found.containers:
                return Coverage(by_receipt)
        return found

    def held(self, project: str, forms: Callable[[], Sequence[Workload]]) -> Sequence[Held]:
        """Return all grants on the host for a container of `project`, those of receipts too.

        `forms` returns the container as a review may have seen it. Raises PolicydError where the
        grants are not known.
        """
        receipts: Sequence[Held] = ()
        if self._receipts is not None and self.has_receipts(project):
            receipts = self._receipts.held_for(project, forms())
        return [*self._recorded(project), *receipts]

    def has_receipts(self, project: str) -> bool:
        """Return whether there is a receipt of `project`, even if it expired."""
        return bool(project and self._receipts and self._receipts.of(project))

    def reviewed_as(
        self, project: str, workload: Workload, start: Start | None = None
    ) -> Sequence[ReviewedAs]:
        """Return the names by which receipts cover the container `workload` of `project`.

        `start` says which container starts: no more may run than a receipt covers.
        """
        if self._receipts is None:
            return ()

        def why_no_more(most: int) -> str:
            if start is None:
                return ""
            others = self.slots.take(start.name, start.container, project, workload.service, most)
            running = f"{others} others are running" if others > 1 else "another one is running"
            return "" if others < most else running

        return reviewed_as(self._receipts.of(project), workload, self._receipts.now, why_no_more)

    def _recorded(self, project: str) -> list[Held]:
        return [one for source in self._sources for one in source.held(project)]

    def violation(self, grant: Grant, reason: str, project: str) -> Violation:
        """Return the violation of the service of `grant`; `reason` is the rest of its sentence."""
        host = self._settings.name
        return Violation(
            policy=POLICY,
            constraint=CONSTRAINT,
            enforcement_action=ACTIONS[self._settings.mode],
            severity="high",
            message=f"service {grant.service} {reason} on host {host}",
            remediation=(REMEDIATION if project else NO_PROJECT).format(host=host),
            service=grant.service,
            path=grant.path,
        )


def _asks(grant: Grant) -> str:
    return f"asks for accelerators ({grant.vendor}, {grant.method}: {shown(grant.devices)})"


def was_granted(number: int) -> str:
    """Return the part of a sentence that says for how many containers a grant is."""
    return "was granted 1 container" if number == 1 else f"was granted {number} containers"
