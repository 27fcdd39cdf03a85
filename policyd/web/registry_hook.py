"""POST /hooks/registry/<name>: judge what is pushed to a registry.

In: notifications of a configured registry. Out: 202 at once; in the background each pushed Compose
artifact is fetched, judged and recorded, as a CHECK: a push deploys nothing. A registry gives up on
a slow receiver and asks again after an error, so the queue is bounded, and a full one is a 503.
What the same policy set has judged is not judged again, whichever process hears of it, unless an
exception had its part: that may have ended since.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import structlog
from flask import Response, request

from policyd.audit.event import event_of
from policyd.bootstrap import Services
from policyd.bundle import memory_bundle
from policyd.config import Registry, read_password
from policyd.errors import (
    AuditError,
    BundleError,
    ComposeError,
    NoComposeFile,
    NotFound,
    PolicydError,
    Unauthorized,
)
from policyd.hooks.registry import LeftAlone, Push, events_of
from policyd.logs import log_decision
from policyd.model import Decision, Review, Source, UserInfo
from policyd.registry.artifact import PROJECT_FILE, env_files_left_out
from policyd.registry.client import RegistryClient
from policyd.registry.push_queue import PushQueue, facts
from policyd.web.bearer import matches, presented
from policyd.web.body import body_of
from policyd.web.replies import failure, reply

MAX_NOTIFICATION: Final = 4 * 1024 * 1024
"""Bytes of a notification: an event has some 2 kB."""

log = structlog.get_logger("policyd.registry")


class RegistryHooks:
    """The hooks of all configured registries. Raises ConfigError for a password without a file."""

    def __init__(self, services: Services) -> None:
        self._registries = services.settings.registries
        self._queues: dict[str, PushQueue] = {}
        for name, registry in self._registries.items():
            client = RegistryClient(registry, read_password(registry, name))
            judge = _Judge(services, registry, client)
            self._queues[name] = PushQueue(judge.judge, judge.give_up)

    def receive(self, name: str) -> Response:
        """Answer the notification at hand. Raises NotFound, Unauthorized, RequestError."""
        if name not in self._registries:
            raise NotFound(f"no registry of the name {name!r} is configured")
        digest = presented(request.headers.get("Authorization", ""))
        if not matches(digest, self._registries[name].hook_sha256):
            raise Unauthorized("this needs the registry's token: Authorization: Bearer …")
        accepted = 0
        for event in events_of(body_of(request, MAX_NOTIFICATION)):
            if isinstance(event, LeftAlone):
                log.info("left alone", registry=name, **_plain(event))
            elif self._queues[name].offer(event):
                accepted += 1
            else:
                return failure(HTTPStatus.SERVICE_UNAVAILABLE, "too many pushes wait: try later")
        return reply("Accepted", HTTPStatus.ACCEPTED, accepted=accepted)

    def close(self) -> None:
        """Judge what waits, for a while, and stop."""
        for queue in self._queues.values():
            queue.close()


class _Judge:
    """Judges the pushes of one registry."""

    def __init__(self, services: Services, registry: Registry, client: RegistryClient) -> None:
        self._services = services
        self._registry = registry
        self._client = client

    def judge(self, push: Push) -> None:
        """Fetch, judge and record what was pushed. Raises RegistryError and AuditError."""
        if self._is_judged(push):
            log.info("judged before", **facts(push))
            return
        try:
            files = self._client.project_files(push.repository, push.digest)
            if files is None:
                log.info("left alone", reason="it is no Compose project", **facts(push))
                return
            decision = self._decide(push, files)
        except (ComposeError, BundleError, NoComposeFile) as error:
            decision = self._services.refuse(self._review(push), error, request_id=push.event_id)
        self._tell(push, decision)

    def give_up(self, push: Push, error: PolicydError) -> None:
        """Record that `push` could not be judged: it is denied until it is pushed again."""
        log.error("not judged", reason=str(error), **facts(push))
        try:
            self._tell(
                push, self._services.refuse(self._review(push), error, request_id=push.event_id)
            )
        except AuditError as unrecorded:
            log.error("not recorded", reason=str(unrecorded), **facts(push))

    def _decide(self, push: Push, files: dict[str, bytes]) -> Decision:
        if names := env_files_left_out(files):
            raise ComposeError(
                f"the artifact is incomplete: what {', '.join(names)} would set is not in it; "
                "publish it with --with-env"
            )
        # Compose runs it in a folder named after the digest, which names the project by default.
        folder = f"/{push.digest.removeprefix('sha256:')}"
        bundle = memory_bundle(files, (PROJECT_FILE,), root=folder)
        return self._services.decide(bundle, self._review(push), request_id=push.event_id)

    def _review(self, push: Push) -> Review:
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

    def _is_judged(self, push: Push) -> bool:
        found = self._services.audit.decisions(
            1,
            repositories=[self._registry.prefix + push.repository],
            commit=push.digest,
            enforcement_point="registry",
        )
        results = [event_of(record).result for record in found]
        return any(
            result.status.code < HTTPStatus.INTERNAL_SERVER_ERROR
            and result.policy_set == self._services.policy_set.reference
            and not result.exempted
            for result in results
        )

    def _tell(self, push: Push, decision: Decision) -> None:
        log_decision(log, "judged", decision, reason=decision.status.message, **facts(push))


def _plain(event: LeftAlone) -> dict[str, str]:
    return {
        "event_id": event.event_id,
        "action": event.action,
        "repository": event.repository,
        "reason": event.reason,
    }
