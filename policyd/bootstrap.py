"""The one place that picks implementations.

In: settings. Out: Services, what a command or the webhook works with. The audit log's module and
that of the OPA engine are imported only when settings ask for them: they bring SQLAlchemy and
requests, and `check` starts faster without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from policyd.admission import Admission
from policyd.config import Settings
from policyd.engines import Engine
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import AuditError, ConfigError, OtherRevision, PolicydError
from policyd.model import Bundle, Decision, Review
from policyd.policies.policy_set import PolicySet, load_policy_set

if TYPE_CHECKING:
    from policyd.audit.store import Store


class LoadStatus(msgspec.Struct, frozen=True):
    """How loading the policy set went. Times are in nanoseconds since the epoch, 0 for never.

    `problem` says why the files as they are now are not in force; "" when they are.
    """

    loads: int = 1
    loaded_at: int = 0
    refusals: int = 0
    refused_at: int = 0
    problem: str = ""


class Rules(Protocol):
    """What reviews are judged by, which may change from one to the next."""

    def admissions(self) -> Sequence[Admission]:
        """Return that of the policy set in force, then those that an engine may hold still."""

    def status(self) -> LoadStatus:
        """Return how loading the policy set went."""


class FixedRules:
    """One policy set, for as long as the process lives."""

    def __init__(self, admission: Admission, loaded_at: int = 0) -> None:
        self._admissions = (admission,)
        self._status = LoadStatus(loaded_at=loaded_at)

    def admissions(self) -> Sequence[Admission]:
        """Return that of the policy set."""
        return self._admissions

    def status(self) -> LoadStatus:
        """Return when it was loaded."""
        return self._status


class Observer(Protocol):
    """Is told what is decided."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Take note of a decision that is on record, and of the time that it took."""

    def not_recorded(self) -> None:
        """Take note of a decision that could not be recorded."""


class Nobody:
    """Takes note of nothing."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Do nothing."""

    def not_recorded(self) -> None:
        """Do nothing."""


NOBODY: Final = Nobody()


@dataclass(frozen=True)
class Services:
    """What judges and records in this process. Made by `build`; a fork needs its own.

    `clock` gives nanoseconds since the epoch.
    """

    settings: Settings
    rules: Rules
    store: Store | None
    clock: Callable[[], int] = time.time_ns
    observer: Observer = NOBODY

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


def build(settings: Settings, rules: Rules | None = None) -> Services:
    """Return the services that `settings` describe; they judge by `rules` where these are given.

    Raises PolicySetError, ConfigError and AuditError.
    """
    if rules is None:
        admission = admission_by(policy_set_of(settings), settings)
        rules = FixedRules(admission, time.time_ns())
    store = None
    if settings.audit:
        from policyd.audit.store import open_store

        store = open_store(settings.audit)
    return Services(settings, rules, store)


def policy_set_of(settings: Settings) -> PolicySet:
    """Return the policy set that `settings` name. Raises PolicySetError."""
    return load_policy_set(Path(settings.policy_set) if settings.policy_set else None)


def admission_by(policy_set: PolicySet, settings: Settings) -> Admission:
    """Return what decides by `policy_set`, with an engine of its own. Raises ConfigError."""
    return Admission(_engine(policy_set, settings), policy_set)


def _engine(policy_set: PolicySet, settings: Settings) -> Engine:
    if settings.engine == "opa":
        return _opa_engine(policy_set.revision, settings)
    if settings.engine_url:
        raise ConfigError("engine_url is set, and engine is embedded: set engine to opa")
    return EmbeddedEngine(policy_set.modules, policy_set.data, settings.review_timeout)


def _opa_engine(revision: str, settings: Settings) -> Engine:
    from policyd.engines.opa import OpaEngine

    if not settings.engine_url:
        raise ConfigError("engine is opa: say with engine_url where the server is")
    if settings.engine_ca_file and not Path(settings.engine_ca_file).is_file():
        raise ConfigError(f"engine_ca_file: there is no file {settings.engine_ca_file}")
    return OpaEngine(
        settings.engine_url,
        revision,
        token=settings.engine_token,
        ca_file=settings.engine_ca_file,
        deadline=settings.review_timeout,
    )
