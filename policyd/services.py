"""Services: everything that one process needs to decide reviews and to record its decisions.

In: a bundle and a review. Out: the decision, which is in the audit log if one is configured.
`policyd.bootstrap.build` makes the services from settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from policyd.admission import Admission
from policyd.config import Settings
from policyd.errors import AuditError, ConfigError, OtherRevision, PolicydError
from policyd.model import Bundle, Decision, Review
from policyd.policies.policy_set import PolicySet

if TYPE_CHECKING:
    from policyd.audit.store import Store


class LoadStatus(msgspec.Struct, frozen=True):
    """The result of loading the policy set. Times are in nanoseconds since the epoch, 0 for never.

    `problem` says why the current files are not in force; it is "" when they are.
    """

    loads: int = 1
    loaded_at: int = 0
    refusals: int = 0
    refused_at: int = 0
    problem: str = ""


class Rules(Protocol):
    """The policy sets that decide reviews. They may change between two reviews."""

    def admissions(self) -> Sequence[Admission]:
        """Return the Admission of the policy set in force, then those of its predecessors.

        An engine that is a server of its own may still hold a predecessor.
        """

    def status(self) -> LoadStatus:
        """Return the result of loading the policy set."""


class FixedRules:
    """One policy set that stays in force until the process ends."""

    def __init__(self, admission: Admission, loaded_at: int = 0) -> None:
        """`loaded_at` is in nanoseconds since the epoch."""
        self._admissions = (admission,)
        self._status = LoadStatus(loaded_at=loaded_at)

    def admissions(self) -> Sequence[Admission]:
        """Return the one Admission."""
        return self._admissions

    def status(self) -> LoadStatus:
        """Return when the policy set was loaded."""
        return self._status


class Observer(Protocol):
    """Receives each decision, for example to count it."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Receive a recorded decision and the time that it took."""

    def not_recorded(self) -> None:
        """Receive the news that a decision could not be recorded."""


class NullObserver:
    """An observer that ignores everything."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Do nothing."""

    def not_recorded(self) -> None:
        """Do nothing."""


NULL_OBSERVER: Final = NullObserver()


@dataclass(frozen=True)
class Services:
    """The settings, policy sets, audit log, clock and observer of one process.

    A forked process needs services of its own. `clock` returns nanoseconds since the epoch.
    """

    settings: Settings
    rules: Rules
    store: Store | None
    clock: Callable[[], int] = time.time_ns
    observer: Observer = NULL_OBSERVER

    @property
    def policy_set(self) -> PolicySet:
        """The policy set in force."""
        return self.rules.admissions()[0].policy_set

    @property
    def audit(self) -> Store:
        """The audit log. Raises ConfigError when none is configured."""
        if self.store is None:
            raise ConfigError("no audit log is configured: set audit to a path or a URL")
        return self.store

    def decide(
        self, bundle: Bundle, review: Review, *, requested_by: str = "", request_id: str = ""
    ) -> Decision:
        """Return the decision on `bundle`, which is on record then where a log is configured.

        Raises NoComposeFile and BundleError, for which there is no decision, and AuditError.
        """
        started = time.perf_counter()
        decision = self._judged(bundle, review)
        self._record(review, decision, bundle.files.names(), requested_by, request_id)
        self.observer.decided(review, decision, time.perf_counter() - started)
        return decision

    def refuse(self, review: Review, error: PolicydError, *, request_id: str = "") -> Decision:
        """Return a denial, on record, for what could not be judged because of `error`.

        Raises AuditError.
        """
        started = time.perf_counter()
        decision = self.rules.admissions()[0].refuse(review, error)
        self._record(review, decision, (), "", request_id)
        self.observer.decided(review, decision, time.perf_counter() - started)
        return decision

    def in_turn(self) -> Iterator[Admission]:
        """Yield what to ask in turn while the engine answers that it holds another policy set.

        The newest comes last too: an engine may have followed since it was asked about that.
        """
        yield from self.rules.admissions()
        yield self.rules.admissions()[0]

    def _judged(self, bundle: Bundle, review: Review) -> Decision:
        """Return the decision by the newest policy set that the engine holds."""
        decisions = (admission.judge(bundle, review) for admission in self.in_turn())
        newest = next(decisions)
        if newest.status.code != OtherRevision.status_code:
            return newest
        older = (one for one in decisions if one.status.code != OtherRevision.status_code)
        return next(older, newest)

    def _record(
        self,
        review: Review,
        decision: Decision,
        files: Sequence[str],
        requested_by: str,
        request_id: str,
    ) -> None:
        if self.store is None:
            return
        try:
            self.store.append_decision(
                review, decision, files=files, requested_by=requested_by, request_id=request_id
            )
        except AuditError:
            self.observer.not_recorded()
            raise

    def close(self) -> None:
        """Stop the engine and close the log."""
        for admission in self.rules.admissions():
            admission.engine.close()
        if self.store is not None:
            self.store.close()
