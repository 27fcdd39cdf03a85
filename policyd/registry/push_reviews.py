"""Review what is pushed to the configured registries.

In: pushes, as `policyd.hooks` reports them. Out: for each pushed Compose artifact, which is fetched
in the background, a recorded decision on a CHECK: a push deploys nothing. Pushes are stored in the
database of the audit log before they are accepted. An artifact is not evaluated again by the policy
set that has already decided on it, in whichever process, unless an exception was applied: it may
have expired since.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from policyd.audit.event import DecisionEvent, event_of
from policyd.audit.pushes import Pushes
from policyd.config import Registry
from policyd.errors import (
    AuditError,
    BundleError,
    ComposeError,
    ConfigError,
    EngineError,
    NoComposeFile,
    PolicydError,
)
from policyd.hooks.events import Push
from policyd.logs import log_decision
from policyd.model import Decision, Review, Source, UserInfo
from policyd.registry.client import RegistryClient
from policyd.registry.denied_artifacts import mark_denied
from policyd.registry.project_artifact import project_of
from policyd.registry.push_queue import PushQueue, log_fields
from policyd.registry.transport import Remote
from policyd.services import Services
from policyd.settings_reader import read_password

if TYPE_CHECKING:
    from policyd.registry.artifact_receipts import ArtifactReceipts

DECISIONS_COMPARED: Final = 20
"""How many of the newest decisions on an artifact may be the one on a push."""

log = structlog.get_logger("policyd.registry")


class PushReviews:
    """The queues of pushes that wait for their review, one for each configured registry."""

    def __init__(self, services: Services) -> None:
        """Raises ConfigError when the file with a registry's password cannot be read."""
        self._registries = services.settings.registries
        self._queues: dict[str, PushQueue] = {}
        for name, registry in self._registries.items():
            password = read_password(registry, f"registries.{name}")
            receipts = _receipts(services, registry, name, password)
            reviewer = _Reviewer(services, registry, password, receipts)
            self._queues[name] = PushQueue(
                name, Pushes(services.audit), reviewer.review, reviewer.give_up, services.clock
            )

    def start(self) -> None:
        """Review the pushes that are stored, and those that will be."""
        for queue in self._queues.values():
            queue.start()

    def offer(self, registry: str, pushes: Sequence[Push]) -> bool:
        """Store `pushes` to the registry of this name, all of them or none if too many wait.

        Returns whether they are on disk. Raises AuditError.
        """
        return self._queues[registry].offer(self._registries[registry].prefix, pushes)

    def close(self) -> None:
        """Finish running reviews within a limited time, and leave the others to the next start."""
        for queue in self._queues.values():
            queue.close()


class _Reviewer:
    """Reviews the pushes to one registry."""

    def __init__(
        self,
        services: Services,
        registry: Registry,
        password: str,
        receipts: ArtifactReceipts | None,
    ) -> None:
        self._services = services
        self._registry = registry
        self._password = password
        self._client = RegistryClient(registry, password)
        self._receipts = receipts

    def review(self, push: Push) -> None:
        """Fetch, evaluate and record what was pushed, and attach the receipt if there is one.

        Raises RegistryError, AuditError, and EngineError after recording that the engine failed.
        """
        if not push.digest:
            push = self._with_digest(push)
        decided = self._decided(push)
        if decided and not self._is_unfinished(push, decided):
            log.info("push already decided", **log_fields(push))
            return
        try:
            files = self._client.project_files(push.repository, push.digest)
            if files is None:
                reason = "the artifact is not a Compose project"
                log.info("push ignored", reason=reason, **log_fields(push))
                return
            bundle = project_of(files, push.digest)
            if decided is None:
                decision = self._services.decide(
                    bundle, self._question(push), request_id=push.event_id
                )
            else:
                decision = decided.result
        except (ComposeError, BundleError, NoComposeFile) as error:
            self._log(push, self._refuse(push, error), error)
            self._mark_denied(push)
            return
        if decided is None:
            self._log(push, decision)
        if not _is_verdict(decision):
            raise EngineError(decision.status.message)
        if not decision.allowed:
            self._mark_denied(push)
        if self._receipts:
            review = self._question(push)
            manifest = self._receipts.attach(push.repository, push.digest, bundle, review, decision)
            log.info("receipt attached", manifest=manifest, **log_fields(push))

    def give_up(self, push: Push, error: PolicydError) -> None:
        """Record that `push` could not be evaluated. It is denied until it is pushed again."""
        try:
            decided = self._decided(push)
            if decided and self._is_unfinished(push, decided):
                log.error(
                    "verdict not shown in the registry", reason=error.masked, **log_fields(push)
                )
                return
            log.error("push not evaluated", reason=error.masked, **log_fields(push))
            self._log(push, self._refuse(push, error), error)
        except AuditError as unrecorded:
            log.error("decision not recorded", reason=unrecorded.masked, **log_fields(push))

    def _mark_denied(self, push: Push) -> None:
        mark_denied(self._registry, self._password, push.repository, push.digest, push.tag)

    def _with_digest(self, push: Push) -> Push:
        """Return `push` with the digest that its tag has now: Docker Hub states none."""
        digest = self._client.digest_of(push.repository, push.tag)
        return msgspec.structs.replace(push, digest=digest)

    def _refuse(self, push: Push, error: PolicydError) -> Decision:
        return self._services.refuse(self._question(push), error, request_id=push.event_id)

    def _question(self, push: Push) -> Review:
        return Review(
            uid=push.event_id,
            enforcement_point="registry",
            now=self._services.clock(),
            operation="CHECK",
            user_info=UserInfo(username=push.actor),
            source=Source(
                repository=self._registry.prefix + push.repository,
                ref=push.tag,
                commit=push.digest,
            ),
        )

    def _is_unfinished(self, push: Push, decided: DecisionEvent) -> bool:
        """Return whether `decided` is on this very push, and the registry may not show it yet."""
        shows = self._receipts is not None or self._registry.on_denied != "keep"
        return shows and decided.input.review.uid == push.event_id

    def _decided(self, push: Push) -> DecisionEvent | None:
        """Return the earlier decision that answers `push`, None if there is none.

        The decision on this very push may be there already: the process that recorded it may have
        been killed before it could store that.
        """
        found = self._services.audit.decisions(
            DECISIONS_COMPARED,
            repository=self._registry.prefix + push.repository,
            commit=push.digest,
            enforcement_point="registry",
        )
        events = [event_of(record) for record in found]
        for event in events:
            if _is_verdict(event.result) and event.input.review.uid == push.event_id:
                return event
        newest = events[0].result if events else None
        if (
            newest is not None
            and _is_verdict(newest)
            and newest.policy_set == self._services.policy_set.reference
            and not newest.exempted
        ):
            return events[0]
        return None

    def _log(self, push: Push, decision: Decision, error: PolicydError | None = None) -> None:
        """Log the decision on `push`; `error` is what prevented it. Values are not logged."""
        status = decision.status
        reason = error.masked if error else status.message
        if error is None and status.code not in (HTTPStatus.OK, HTTPStatus.FORBIDDEN):
            reason = f"{status.reason}: see the decision"
        log_decision(log, "push decided", decision, reason=reason, **log_fields(push))


def _receipts(
    services: Services, registry: Registry, name: str, password: str
) -> ArtifactReceipts | None:
    """Return what attaches receipts to artifacts, None if `registry` does not ask for it.

    Raises ConfigError.
    """
    if not registry.attach_receipts:
        return None
    if not services.settings.receipt_key_file:
        raise ConfigError(f"registries.{name}.attach_receipts needs the setting receipt_key_file")
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.registry.artifact_receipts import ArtifactReceipts

    return ArtifactReceipts(services, Remote(registry, password))


def _is_verdict(decision: Decision) -> bool:
    return decision.status.code < HTTPStatus.INTERNAL_SERVER_ERROR
