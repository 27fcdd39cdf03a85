"""Services: everything that one process needs to decide reviews and to record its decisions.

In: a bundle and a review. Out: the decision, which is in the audit log if one is configured.
`policyd.bootstrap.build` makes the services from settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from policyd import deadline
from policyd.admission import Admission
from policyd.config import Settings
from policyd.demand import Demand
from policyd.errors import (
    AuditError,
    ConfigError,
    OtherRevision,
    Overloaded,
    PolicydError,
    Unrecordable,
)
from policyd.loading import Loaded, NotLoaded, loaded_name, prepare
from policyd.model import Bundle, Caller, Decision, FailurePolicy, RecordedInput, Review
from policyd.observer import NULL_OBSERVER, Observer
from policyd.policies.policy_set import PolicySet
from policyd.tracing import span
from policyd.workloads.image_configs import ImageReader
from policyd.workloads.model import Workload

if TYPE_CHECKING:
    from policyd.audit.deferred import DeferredDecisions
    from policyd.audit.store import Store
    from policyd.decision_cache import DecisionCache
    from policyd.idempotence import Identity
    from policyd.policies.match_explanation import Match

Answer = TypeVar("Answer")


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


class _Given(msgspec.Struct, frozen=True):
    """A decision, its form without values of the project, the names of the files, its input."""

    decision: Decision
    recorded: Decision
    files: tuple[str, ...]
    recorded_input: RecordedInput | None = None

    def named(self, decision_id: str) -> _Given:
        """Return this with the id `decision_id`."""
        decision, recorded = (
            msgspec.structs.replace(one, decision_id=decision_id)
            for one in (self.decision, self.recorded)
        )
        return msgspec.structs.replace(self, decision=decision, recorded=recorded)


class Asked(msgspec.Struct, frozen=True):
    """Who asked: address, id of the request, that of a review that may be repeated, its sender."""

    requested_by: str = ""
    request_id: str = ""
    identity: Identity | None = None
    failure_policy: FailurePolicy = "Fail"
    caller: Caller | None = None


class Services(msgspec.Struct, frozen=True):
    """The settings, policy sets, audit log, clock and observer of one process.

    A forked process needs services of its own. `clock` returns nanoseconds since the epoch.
    `images` reads the configurations of images, None where the settings do not ask for it. `cache`
    keeps decisions that answer later reviews too, None where each review is evaluated. `deferred`
    holds decisions until the audit log can be written, None where none may be given before.
    """

    settings: Settings
    rules: Rules
    store: Store | None
    clock: Callable[[], int] = time.time_ns
    observer: Observer = NULL_OBSERVER
    images: ImageReader | None = None
    cache: DecisionCache | None = None
    deferred: DeferredDecisions | None = None

    @property
    def policy_set(self) -> PolicySet:
        """The policy set in force."""
        return self._newest.policy_set

    @property
    def audit(self) -> Store:
        """The audit log. Raises ConfigError when none is configured."""
        if self.store is None:
            raise ConfigError("no audit log is configured: set audit to a path or a URL")
        return self.store

    def decide(
        self,
        bundle: Bundle,
        review: Review,
        *,
        requested_by: str = "",
        request_id: str = "",
        identity: Identity | None = None,
        failure_policy: FailurePolicy = "Fail",
        caller: Caller | None = None,
    ) -> Decision:
        """Return the decision on `bundle`. It is in the audit log if one is configured.

        A DELETE is always allowed, and needs the files only if the bundle does not name the
        project. `requested_by` is the address of the `caller`, `identity` that of the decision on a
        review that may be repeated. Raises NoComposeFile, BundleError and, for a DELETE whose
        project has no known name, RequestError: there is no decision then. Raises AuditError, and
        ReviewTimeout: nothing is decided and recorded then. With the `failure_policy` Ignore, a
        project that could not be evaluated in time is allowed, and a decision that cannot be
        recorded is deferred.
        """
        started = time.perf_counter()
        asked = Asked(requested_by, request_id, identity, failure_policy, caller)
        try:
            with deadline.within(self.settings.review_timeout):
                given = self._given(bundle, review, failure_policy)
                given = self._recorded(review, given, asked)
        except Overloaded as error:
            if failure_policy == "Fail":
                raise
            decision = self._newest.failed(review, error, failure_policy)
            decision = msgspec.structs.replace(decision, project=bundle.project_name)
            given = self._recorded(review, _Given(decision, decision, ()), asked)
        if failure := given.decision.audit_annotations.get("failure"):
            self.observer.ignored(failure)
        self.observer.decided(review, given.decision, time.perf_counter() - started)
        return given.decision

    def decide_loaded(
        self,
        load: Callable[[], Loaded | NotLoaded],
        review: Review,
        demand: Demand,
        about: object = None,
        digest: str = "",
    ) -> Decision:
        """Return the recorded decision on what `load` returns, with the `demand` of a host.

        With `about`, all that `load` depends on but the `digest`, a kept decision without grants
        may answer: `demand` must add nothing there. Raises AuditError, ReviewTimeout.
        """

        def decided() -> _Given:
            loaded = load()
            deadline.check()
            return self._decided(loaded, review, demand)

        started, newest, key = time.perf_counter(), self._newest, None
        with deadline.within(self.settings.review_timeout):
            if self.cache is not None and about is not None:
                key = self.cache.key_of(newest.policy_set, about, review)
            given = self._kept_or(decided, key, newest, review, lists_grants=False, digest=digest)
            given = self._recorded(review, given, Asked())
        self.observer.decided(review, given.decision, time.perf_counter() - started)
        return given.decision

    def refuse(self, review: Review, error: PolicydError, *, request_id: str = "") -> Decision:
        """Return the recorded denial of a project that could not be read because of `error`.

        Raises AuditError.
        """
        started = time.perf_counter()
        decision = self._newest.refuse(review, error)
        status = msgspec.structs.replace(decision.status, message=error.masked)
        masked = msgspec.structs.replace(decision, status=status)
        self._record(review, _Given(decision, masked, ()), Asked(request_id=request_id))
        self.observer.decided(review, decision, time.perf_counter() - started)
        return decision

    def workloads(self, bundle: Bundle, review: Review, decision: Decision) -> tuple[Workload, ...]:
        """Return the workloads of `bundle` as `decision` on `review` saw them, with their grants.

        There are none if the project does not load. Images are not read from registries. Raises
        NoComposeFile, BundleError.
        """
        loaded = prepare(bundle)
        if isinstance(loaded, NotLoaded):
            return ()
        admission = self._that_decided(decision)
        return admission.resolved(loaded, review.source.host).workloads

    def explain(self, review: Review, decision: Decision) -> tuple[Match, ...]:
        """Return why each constraint and exception applied to `decision` on `review`, or did not.

        Raises ConfigError when the policy set that decided is not kept any more.
        """
        from policyd.policies.match_explanation import explain_match  # few callers ask for it

        for admission in self.rules.admissions():
            if admission.policy_set.reference == decision.policy_set:
                applicability = admission.applicability(review, decision.project)
                return explain_match(applicability, decision)
        raise ConfigError("the policy set was replaced after the decision; ask again")

    def with_held(self, ask: Callable[[Admission], Answer]) -> Answer:
        """Return what `ask` returns for the newest policy set that the engine holds.

        `ask` is called with one Admission after the other while it raises OtherRevision. The newest
        also comes last, because the engine may have loaded it in the meantime. Raises the first
        OtherRevision when the engine holds none of them.
        """
        first: OtherRevision | None = None
        for admission in self._in_turn():
            try:
                return ask(admission)
            except OtherRevision as error:
                first = first or error
        assert first is not None
        raise first

    def _given(self, bundle: Bundle, review: Review, failure_policy: FailurePolicy) -> _Given:
        """Return the decision on `bundle`. Raises ReviewTimeout."""
        if review.operation == "DELETE":
            decision = self._newest.release(review, bundle.project_name or loaded_name(bundle))
            return _Given(decision, decision, ())
        return self._kept_or_evaluated(bundle, review, failure_policy)

    def _kept_or_evaluated(
        self, bundle: Bundle, review: Review, failure_policy: FailurePolicy
    ) -> _Given:
        """Return a new decision on `bundle`."""
        newest = self._newest
        key = self.cache.key(newest.policy_set, bundle, review) if self.cache else None
        return self._kept_or(
            lambda: self._evaluated(bundle, review, failure_policy), key, newest, review
        )

    def _kept_or(
        self,
        decide: Callable[[], _Given],
        key: bytes | None,
        newest: Admission,
        review: Review,
        *,
        lists_grants: bool = True,
        digest: str = "",
    ) -> _Given:
        """Return what is kept for `key`, with `digest`, else what `decide` returns, and keep that.

        Nothing is kept without a key, and no decision with grants unless `lists_grants`.
        """
        if self.cache is None or key is None:
            return decide()
        if kept := self.cache.find(key, review.now):
            decision = newest.repeat(kept.decision, review, digest)
            return _Given(decision, kept.recorded_as(decision), kept.files, kept.recorded_input)
        given = decide()
        if lists_grants or not given.decision.grants:
            self.cache.keep(key, newest.policy_set, review, *msgspec.structs.astuple(given))
        return given

    def _evaluated(self, bundle: Bundle, review: Review, failure_policy: FailurePolicy) -> _Given:
        loaded = prepare(bundle, self.images)
        deadline.check()
        return self._decided(loaded, review, failure_policy=failure_policy)

    def _decided(
        self,
        loaded: Loaded | NotLoaded,
        review: Review,
        demand: Demand | None = None,
        failure_policy: FailurePolicy = "Fail",
    ) -> _Given:
        try:
            decision = self.with_held(
                lambda admission: admission.decide(loaded, review, demand, failure_policy)
            )
        except OtherRevision as error:
            assert isinstance(loaded, Loaded)
            decision = self._newest.failed(review, error, failure_policy, loaded)
        if self.store is None:
            return _Given(decision, decision, loaded.files)
        from policyd.masked_decision import masked_decision  # only an audit log needs it

        admission = self._that_decided(decision)
        recorded = masked_decision(decision, loaded, admission.policy_set.policies)
        recorded_input = None
        if self.settings.input_retention and isinstance(loaded, Loaded):
            recorded_input = admission.recorder.record(loaded)
        return _Given(decision, recorded, loaded.files, recorded_input)

    @property
    def _newest(self) -> Admission:
        return self.rules.admissions()[0]

    def _in_turn(self) -> Iterator[Admission]:
        yield from self.rules.admissions()
        yield self._newest

    def _recorded(self, review: Review, given: _Given, asked: Asked) -> _Given:
        """Return `given` once it is recorded, or deferred with a warning. Raises AuditError."""
        if asked.identity:
            given = given.named(asked.identity.decision_id)
        try:
            with deadline.recording(), span("record"):
                self._record(review, given, asked)
        except Unrecordable:
            raise
        except AuditError as error:
            if self.deferred is None or asked.failure_policy == "Fail":
                raise
            _hand_over(self.deferred.put, review, given, asked)
            self.observer.ignored(type(error).__name__)
            warning = f"the decision is recorded later: {error}"
            warnings = (*given.decision.warnings, warning)
            annotations = {**given.decision.audit_annotations, "deferred": "true"}
            decision = msgspec.structs.replace(
                given.decision, warnings=warnings, audit_annotations=annotations
            )
            return msgspec.structs.replace(given, decision=decision)
        return given

    def _record(self, review: Review, given: _Given, asked: Asked) -> None:
        if self.store is None:
            return
        try:
            _hand_over(self.store.append_decision, review, given, asked)
        except AuditError:
            self.observer.not_recorded()
            raise

    def _that_decided(self, decision: Decision) -> Admission:
        """Return the Admission that made `decision`."""
        admissions = self.rules.admissions()
        made = (one for one in admissions if one.policy_set.reference == decision.policy_set)
        return next(made, admissions[0])

    def close(self) -> None:
        """Stop the engines and close the audit log."""
        for admission in self.rules.admissions():
            admission.engine.close()
        if self.store is not None:
            self.store.close()


def _hand_over(record: Callable[..., object], review: Review, given: _Given, asked: Asked) -> None:
    record(
        review,
        given.recorded,
        files=given.files,
        requested_by=asked.requested_by,
        request_id=asked.request_id,
        recorded_input=given.recorded_input,
        content=asked.identity.content if asked.identity else "",
        caller=asked.caller,
    )
