"""Decide on the projects that a change touches.

In: a change, and folders with the files of its head and its base. Out: the touched projects, whose
decisions at the head are recorded. The id of a decision follows from the commit, the project and
the policy set, so a change that is reported again, or whose process was killed, is decided once.
Errors: ForgeError, AuditError, and EngineError where the engine failed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import structlog

from policyd.audit.event import event_of
from policyd.bundle import memory_bundle
from policyd.errors import AuditError, ConfigError, EngineError, ForgeError, NotFound
from policyd.forge_settings import ForgeSettings
from policyd.forges.comparison import Touched, compare
from policyd.forges.events import Change
from policyd.forges.projects import Found, Judged, bundle_of, prepared, projects_in
from policyd.idempotence import Identity
from policyd.loading import Loaded
from policyd.logs import log_decision
from policyd.model import Bundle, Decision, Operation, Review, Source, UserInfo, to_json
from policyd.policies.matching import matches_any
from policyd.services import Services

_NAMESPACE: Final = uuid.UUID("5b8c0f0e-6c1d-4d8e-9a54-0f6f4f5d1c27")
"""An arbitrary constant, which keeps the ids apart from those of others (RFC 9562, 5.5)."""

log = structlog.get_logger("policyd.forges")


class Judging:
    """Decides on the changes of the forge `name`."""

    def __init__(self, services: Services, name: str, forge: ForgeSettings) -> None:
        self._services = services
        self._name = name
        self._forge = forge

    def touched(
        self, change: Change, head: str, base: str, denied: Mapping[str, str]
    ) -> list[Touched]:
        """Return the projects that differ between the folders `head` and `base`, "" for no base.

        A project whose files are the same at both ends is not decided on. It counts as touched if
        it is denied still, and its digest is in `denied`, with the id of an earlier decision.
        """
        try:
            at_head = {one.label: one for one in projects_in(head)}
        except ConfigError as error:
            raise ForgeError(str(error), is_final=True) from error
        at_base = self._at_base(base)
        before_by_label = {label: _digest(one, base) for label, one in at_base.items()}
        digests = {label: _digest(one, head) for label, one in at_head.items()}
        differing = [
            one
            for label, one in at_head.items()
            if not digests[label] or before_by_label.get(label) != digests[label]
        ]
        gone = [one for label, one in at_base.items() if label not in at_head]
        known = [at_base[one.label] for one in differing if one.label in at_base]
        before = {one.label: self._unrecorded(change, one, base) for one in (*known, *gone)}
        after = {one.label: self._recorded(change, one, head) for one in differing}
        self._release(change, [before[one.label] for one in gone], at_head.values(), head)
        same = [
            self._unrecorded(change, one, head, denied[digests[label]])
            for label, one in at_head.items()
            if label not in after and digests[label] in denied
        ]
        still = {one.label: one for one in same if one.is_denied}
        return compare(after | still, before | still)

    def _at_base(self, base: str) -> dict[str, Found]:
        try:
            return {one.label: one for one in projects_in(base)} if base else {}
        except ConfigError:
            return {}  # the change may repair `.policyd.yaml`: everything counts as touched

    def _unrecorded(
        self, change: Change, project: Found, root: str, decision_id: str = ""
    ) -> Judged:
        """Return what the policy set in force decides on a project, with the id `decision_id`."""
        loaded = prepared(project, root)
        if isinstance(loaded, str):
            return Judged(project.label, problem=loaded)
        review = self._review(change, project, "CHECK")
        decision = self._services.with_held(lambda admission: admission.decide(loaded, review))
        named = msgspec.structs.replace(decision, decision_id=decision_id)
        return Judged(project.label, named)

    def _recorded(self, change: Change, project: Found, root: str) -> Judged:
        """Return the recorded decision on a project at the head."""
        loaded = prepared(project, root)
        if isinstance(loaded, str):
            return Judged(project.label, problem=loaded)
        review = self._review(change, project, self._operation(change))
        return Judged(project.label, self._decided(bundle_of(project, root), review, project.label))

    def _operation(self, change: Change) -> Operation:
        is_deployment = change.kind == "push" and matches_any(self._forge.create_on, change.ref)
        return "CREATE" if is_deployment else "CHECK"

    def _review(self, change: Change, project: Found, operation: Operation) -> Review:
        return Review(
            uid=change.delivery,
            enforcement_point="forge",
            now=self._services.clock(),
            operation=operation,
            user_info=UserInfo(username=change.actor),
            source=Source(
                repository=self._forge.prefix + change.repository,
                ref=change.ref,
                commit=change.commit,
                environment=self._forge.environment or project.environment,
                host=self._forge.host,
            ),
        )

    def _decided(self, bundle: Bundle, review: Review, label: str) -> Decision:
        """Return the decision on a project, recorded once."""
        name = [
            self._name,
            review.source.repository,
            review.source.commit,
            label,
            review.operation,
            self._services.policy_set.reference.revision,
        ]
        decision_id = str(uuid.uuid5(_NAMESPACE, to_json(name).decode()))
        if recorded := self._known(decision_id):
            return recorded
        identity = Identity(decision_id, "")
        try:
            decision = self._services.decide(
                bundle, review, request_id=review.uid, identity=identity
            )
        except AuditError:
            # Another review of the commit may have recorded the decision meanwhile.
            if recorded := self._known(decision_id):
                return recorded
            raise
        log_decision(log, "change decided", decision, project=label)
        if decision.status.code >= 500:
            raise EngineError(decision.status.message)
        return decision

    def _known(self, decision_id: str) -> Decision | None:
        try:
            return event_of(self._services.audit.decision(decision_id)).result
        except NotFound:
            return None

    def _release(
        self, change: Change, gone: Iterable[Judged], kept: Iterable[Found], head: str
    ) -> None:
        """Release the grants of the projects that a deployment removes."""
        removed = {one.decision.project for one in gone if one.decision}
        if not removed or self._operation(change) != "CREATE":
            return
        names = {_project_name(one, head) for one in kept}
        for name in sorted(removed - names - {""}):
            review = self._review(change, Found("", ""), "DELETE")
            bundle = memory_bundle({}, project_name=name)
            self._services.decide(bundle, review, request_id=review.uid)


def _digest(project: Found, root: str) -> str:
    """Return the digest of the files of a project; "" if they cannot be read."""
    loaded = prepared(project, root)
    return "" if isinstance(loaded, str) else loaded.digest


def _project_name(project: Found, root: str) -> str:
    loaded = prepared(project, root)
    return loaded.project.name if isinstance(loaded, Loaded) else ""
