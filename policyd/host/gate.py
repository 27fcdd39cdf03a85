"""Decide on the requests that a Docker daemon receives.

In: what the daemon sends to its authorization plugin. Out: an Answer. Requests that create, start
or change containers become workloads, which the policies evaluate like those of a Compose project;
each decision is recorded. All other requests pass. In doubt a request is denied.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import structlog

from policyd import deadline
from policyd.demand import Demand, ReviewedAs
from policyd.errors import Forbidden, PolicydError, RequestError
from policyd.host.asked import Asked, digest_of
from policyd.host.call import Call, read_call
from policyd.host.container_request import read_creation
from policyd.host.denial import denial
from policyd.host.endpoints import Endpoint, Kind, endpoint
from policyd.host.existing import Existing
from policyd.host.folded_json import Fields, read_object
from policyd.host.grant_check import GrantCheck, Start
from policyd.host.host_files import HostFiles
from policyd.host.known_images import may_change_images
from policyd.host.other_requests import (
    read_build,
    read_exec,
    read_service,
    read_update,
    read_volume,
    restarts,
)
from policyd.host.own_rules import OwnRules
from policyd.host.submounts import kernel_is_deep, with_submounts
from policyd.host_settings import HostSettings
from policyd.model import Decision, Grant, ImageConfig, Review, Source, UserInfo, Violation
from policyd.services import Services
from policyd.workloads.model import Workload

INTERNAL: Final = "policyd: internal error, so the request is denied; see the log of policyd"
NO_BODY: Final = (
    "the daemon handed over no body for this request: it is too large, or its type is not "
    "application/json"
)

log = structlog.get_logger("policyd.host")


class Answer(NamedTuple):
    """Whether the daemon may handle a request, and why not."""

    allowed: bool
    message: str = ""


ALLOWED: Final = Answer(True)
DENIED: Final = Answer(False)


class Gate:
    """Decides on the requests to one daemon. May be used by many threads at once."""

    def __init__(
        self,
        services: Services,
        settings: HostSettings,
        existing: Existing,
        grants: GrantCheck,
        own: OwnRules,
    ) -> None:
        """`existing` describes what the daemon has already, `grants` demands grants.

        `own` knows what the gate demands for its own sake.
        """
        self._services = services
        self._grants = grants
        self._own = own
        self._settings = settings
        self._existing = existing
        self._files = HostFiles()
        self._readers: dict[Kind, Callable[[Call, Endpoint], Asked | None]] = {
            "create": lambda call, _: self._creation(call),
            "exec": lambda call, about: read_exec(_body(call), about.name),
            "update": lambda call, about: read_update(_body(call), about.name),
            "volume": lambda call, _: read_volume(_body(call)),
            "service": lambda call, _: read_service(_body(call), self._existing.volume),
            "build": lambda call, _: read_build(call.query),
        }

    def before(self, envelope: bytes) -> Answer:
        """Return whether the daemon may handle the request in `envelope`."""
        try:
            call = read_call(envelope)
            about = endpoint(call)
            changes_images = may_change_images(call)
            if changes_images:
                self._existing.images.changing(call)
            answer = ALLOWED if about is None else self._answer(call, about)
            if changes_images and not answer.allowed:
                self._existing.images.changed(call)
            return answer
        except RequestError as error:
            return self._refused(Call("", ""), error)
        except Exception as error:  # noqa: BLE001 - whatever fails, the gate stays closed
            return _failed(error)

    def after(self, envelope: bytes) -> None:
        """Learn that the daemon has handled the request in `envelope`."""
        try:
            call = read_call(envelope)
            about = endpoint(call)
        except RequestError:
            return
        if about is not None and about.kind == "start":
            self._grants.slots.release(about.name)
        if may_change_images(call):
            self._existing.images.changed(call)

    def restarted(self) -> None:
        """Learn that the daemon has started."""
        self._existing.images.restarted()

    def _answer(self, call: Call, about: Endpoint) -> Answer:
        try:
            with deadline.within(self._settings.timeout):
                self._check_permitted(about)
                if about.kind == "start":
                    return self._started(call, about)
                if about.kind == "files" or (about.kind == "update" and restarts(_body(call))):
                    answer = self._used(call, about)
                    if about.kind == "files" or not answer.allowed:
                        return answer
                read = self._readers.get(about.kind)
                asked = read(call, about) if read else None
                if asked is None:
                    return ALLOWED
                asked = self._existing.without_own_runtime(asked)
                asked = self._really(asked)
                image = self._existing.image(asked.keys.get("image", ""))
                return self._decided(call, asked, image)
        except PolicydError as error:
            return self._refused(call, error)

    def _decided(
        self,
        call: Call,
        asked: Asked,
        image: ImageConfig | None,
        start: Start | None = None,
        *,
        needs_grant: bool = True,
    ) -> Answer:
        body = b"" if start else call.body
        # Asked once: a decision by a receipt that comes in meanwhile must not be kept. A request
        # about a part of a container or a volume is no container that was reviewed.
        may_have_names = not asked.about and self._grants.has_receipts(asked.project)
        own = self._own.violations(asked, self._existing.info()) if _has_own(asked) else []

        def violations(
            workloads: Sequence[Workload], grants: Sequence[Grant]
        ) -> Iterable[Violation]:
            wanted = grants if needs_grant else ()
            return [*own, *self._grants.violations(asked.project, workloads, wanted, start)]

        def reviewed_as(workloads: Sequence[Workload]) -> Iterable[ReviewedAs]:
            if not may_have_names or len(workloads) != 1:
                return ()
            return self._grants.reviewed_as(asked.project, workloads[0], start)

        decision = self._services.decide_loaded(
            lambda: asked.loaded(body, image),
            self._review(call),
            Demand(asked.paths, violations, reviewed_as),
            # Not the body: Compose numbers the containers of a service by labels in it.
            None if own or may_have_names else (asked, image),
            digest_of(body),
        )
        return _answered(decision)

    def _creation(self, call: Call) -> Asked:
        return read_creation(
            _body(call),
            call.query.get("name", ""),
            call.query.get("platform", ""),
            self._existing.volume,
        )

    def _started(self, call: Call, about: Endpoint) -> Answer:
        """Return whether a container may start, by what the daemon knows of it now."""
        found = self._existing.container(about.name)
        if found is None:
            return ALLOWED  # the daemon will say that there is none
        asked, image, container = found
        asked = self._really(asked)
        answer = DENIED
        try:
            answer = self._decided(call, asked, image, Start(about.name, container))
        finally:
            if not answer.allowed:
                self._grants.slots.release(about.name)
        return answer

    def _really(self, asked: Asked) -> Asked:
        """Return `asked` with what it means on this host: files, others' mounts, mounts below."""
        followed = self._files.followed(self._existing.with_others(asked))
        return with_submounts(
            followed, lambda: kernel_is_deep() and self._existing.info().has_deep_read_only
        )

    def _used(self, call: Call, about: Endpoint) -> Answer:
        """Return whether a container may be used as it is.

        The daemon mounts what it names to copy files, and starts it again by its restart policy,
        both without a further request. Copying gives no accelerator, so it needs no grant.
        """
        found = self._existing.container(about.name)
        if found is None:
            return ALLOWED
        asked, image, _ = found
        asked = self._really(asked)
        return self._decided(call, asked, image, needs_grant=about.kind != "files")

    def _check_permitted(self, about: Endpoint) -> None:
        """Raise Forbidden for what a setting or the age of the API forbids."""
        if about.kind == "old-start":
            raise Forbidden(
                "a request to start a container in a version of the API before 1.24 can change "
                "it; use a newer client"
            )
        if about.kind == "restore":
            raise Forbidden(
                "a container cannot be started from a checkpoint here: the daemon does not show "
                "the privileges that the checkpoint restores"
            )
        if about.kind == "checkpoint":
            raise Forbidden(
                "checkpoints cannot be made or removed here: the request may name any folder of "
                "the host, whose files the daemon writes or removes"
            )
        permitted = {
            "build": (self._settings.builds, "builds", "images cannot be built"),
            "plugin": (self._settings.plugins, "plugins", "plugins of Docker cannot be changed"),
            "swarm": (self._settings.swarm, "swarm", "this host cannot create or join a swarm"),
        }
        setting, name, sentence = permitted.get(about.kind, ("allow", "", ""))
        if setting == "deny":
            raise Forbidden(f'{sentence} here: {name} is "deny" in the settings of policyd')

    def _refused(self, call: Call, error: PolicydError) -> Answer:
        try:
            return _answered(self._services.refuse(self._review(call), error))
        except PolicydError as second:
            log.error("decision not recorded", reason=second.masked)
            return Answer(False, f"policyd: {second.masked}, so the request is denied")

    def _review(self, call: Call) -> Review:
        return Review(
            uid=str(uuid.uuid4()),
            enforcement_point="daemon",
            now=self._services.clock(),
            operation="CREATE",
            user_info=UserInfo(call.user),
            source=Source(environment=self._settings.environment, host=self._settings.name),
        )


def _has_own(asked: Asked) -> bool:
    """Return whether the gate may demand something of `asked` for its own sake."""
    return bool(asked.keys.get("runtime") or asked.keys.get("volumes"))


def _body(call: Call) -> Fields:
    """Return the body of `call`. Raises RequestError."""
    if not call.body:
        raise RequestError(NO_BODY)
    return read_object(call.body)


def _answered(decision: Decision) -> Answer:
    if decision.allowed:
        return ALLOWED
    return Answer(False, denial(decision))


def _failed(error: Exception) -> Answer:
    """Return a denial that does not quote the error, because it may have values of the request."""
    log.error("unexpected error", exc_info=error)
    return Answer(False, INTERNAL)
