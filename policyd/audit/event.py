"""The event of a decision in the audit log.

In: a review and its decision. Out: the payload of the event (OPA's decision-log event as JSON), the
columns for queries, and the grants that it makes or ends. Pure.

Of the project, only its name, its digests and the names of its files are kept: no content of files,
no model, no values of variables. The decision is masked before (`policyd.masked_decision`), so a
message of a policy that quotes such a value is not stored. Source: OPA, "Decision Logs".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from policyd import __version__
from policyd.errors import AuditError, Unrecordable
from policyd.limits import MAX_NAME
from policyd.model import (
    AuditRecord,
    Caller,
    Certainty,
    Decision,
    Exempted,
    Grant,
    GrantedDevices,
    Review,
    WorkloadKind,
    to_json,
)

DECISION: Final = "decision"
"""The kind of events of decisions."""
RESULT_PATH: Final = "policyd/main/result"
MAX_INTEGER: Final = 2**63 - 1
"""The largest integer in a column."""

MAX_TEXT: Final = 1_000_000
"""Characters of an event that is not a decision."""

NAMES: Final = ("repository", "commit_id", "environment", "project", "host", "username")
"""The columns with names of a client's choice."""

SUPERSEDED: Final = "superseded"
"""The annotation of a decision that was recorded after a later one on the same target."""

GrantState = Literal["active", "superseded", "released", "revoked", "expired"]


class LoggedProject(msgspec.Struct, frozen=True):
    """The logged part of a project. `digest` is "sha256:…" over all files that were read.

    `input` is the digest of the recorded input, "" where none was recorded.
    """

    name: str
    digest: str
    files: tuple[str, ...] = ()
    input: str = ""


class LoggedInput(msgspec.Struct, frozen=True):
    """The logged part of the input: the review and the project."""

    review: Review
    project: LoggedProject


class DecisionEvent(msgspec.Struct, frozen=True):
    """OPA's decision-log event.

    `timestamp` is RFC 3339 in UTC: the `now` of the review, or the time of the previous event if
    that is later. So the times of a log never run backwards, whatever the clocks of its writers do.
    """

    labels: dict[str, str]
    decision_id: str
    timestamp: str
    path: str
    bundles: dict[str, dict[str, str]]
    input: LoggedInput
    result: Decision
    requested_by: str = ""
    req_id: str = ""
    content: str | msgspec.UnsetType = msgspec.UNSET
    """"sha256:…" over the question and all files, of a review with an id of the client's."""
    caller: Caller | msgspec.UnsetType = msgspec.UNSET
    """Who sent the request. The user of the review is whom it was sent for."""

    @property
    def ends_with(self) -> GrantState | None:
        """The new state of the project's earlier grants, None if they stay active."""
        review = self.input.review
        if not self.result.allowed or review.dry_run or review.operation == "CHECK":
            return None
        if review.enforcement_point == "daemon":
            return None  # the gate of a host applies grants; it does not make or end any
        if SUPERSEDED in self.result.audit_annotations:
            return None
        return "released" if review.operation == "DELETE" else "superseded"

    @property
    def granted(self) -> tuple[Grant, ...]:
        """The new grants of this decision."""
        return self.result.grants if self.ends_with == "superseded" else ()

    @property
    def target(self) -> Target:
        """The target of the deployment."""
        source = self.input.review.source
        return Target(source.repository, self.input.project.name, source.environment, source.host)


class Target(NamedTuple):
    """A project at a place. A new deployment there supersedes the grants of the previous one."""

    repository: str
    project: str
    environment: str
    host: str


class GrantRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A grant. Times are in RFC 3339; `ended` is "" while the grant is active.

    `expires` is the end of its lease, None if it has none.
    `sequence` is the event that made the grant, `position` its index in the decision, from 0.
    From `kind` on, the fields are those of the Grant; None is unknown, in events of versions that
    did not record them.
    """

    sequence: int
    position: int
    decision_id: str
    time: str
    repository: str
    environment: str
    host: str
    project: str
    service: str
    vendor: str
    method: str
    devices: GrantedDevices
    replicas: int
    username: str
    policy_set: str
    revision: str
    state: GrantState
    ended: str = ""
    kind: WorkloadKind | None = None
    hook: int | None = None
    schedule: tuple[str, ...] | None = None
    certainty: Certainty | None = None
    identities: tuple[str, ...] | None = None
    aliases: dict[str, tuple[str, ...]] | None = None
    exceptions: tuple[str, ...] | None = None
    entitlements: tuple[str, ...] | None = None
    constraints: tuple[str, ...] | None = None
    expires: str | None = None

    @property
    def name(self) -> str:
        """The name of the grant: SEQUENCE.POSITION."""
        return f"{self.sequence}.{self.position}"

    @property
    def target(self) -> Target:
        """The target of the deployment."""
        return Target(self.repository, self.project, self.environment, self.host)

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which the granted devices can be found, sorted, as `indexed`."""
        others = itertools.chain.from_iterable((self.aliases or {}).values())
        return tuple(sorted({*map(indexed, self.identities or ()), *map(indexed, others)}))


def decision_event(
    review: Review,
    decision: Decision,
    files: Sequence[str] = (),
    requested_by: str = "",
    request_id: str = "",
    input_digest: str = "",
    content: str = "",
    caller: Caller | None = None,
) -> DecisionEvent:
    """Return the event of `decision` on `review`.

    `files` are the names of the project's files, `requested_by` is the address of the caller,
    `input_digest` is that of the recorded input, `content` that of a review with an id of its own,
    `caller` who sent the request, None where nobody did.
    """
    policy_set = decision.policy_set
    return DecisionEvent(
        labels={"app": "policyd", "version": __version__},
        decision_id=decision.decision_id,
        timestamp=rfc3339(review.now),
        path=RESULT_PATH,
        bundles={policy_set.name: {"revision": policy_set.revision}} if policy_set else {},
        input=LoggedInput(
            review,
            LoggedProject(decision.project, decision.bundle_digest, tuple(files), input_digest),
        ),
        result=decision,
        requested_by=requested_by,
        req_id=request_id,
        content=content or msgspec.UNSET,
        caller=caller or msgspec.UNSET,
    )


def payload_of(event: DecisionEvent) -> str:
    """Return the text of `event` as it is stored and hashed.

    Raises Unrecordable for text that is not valid Unicode, for names over MAX_NAME and for numbers
    over MAX_INTEGER.
    """
    for columns in (lookup_columns(event), *map(msgspec.structs.asdict, grant_records(event, 0))):
        check_columns(columns, "the decision")
    try:
        return to_json(event).decode()
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unrecordable(f"the decision cannot be recorded as JSON: {error}") from error


def check_columns(columns: Mapping[str, Any], what: str) -> None:
    """Raise Unrecordable, which names `what`, if a database cannot hold one of `columns`."""
    for name, value in columns.items():
        if isinstance(value, str) and "\0" in value:
            raise Unrecordable(f"{what} cannot be recorded: its {name} has a NUL character")
        if name in NAMES and (size := len(value.encode("utf-8", "replace"))) > MAX_NAME:
            raise Unrecordable(
                f"{what} cannot be recorded: its {name} has {size:,} bytes; the limit is {MAX_NAME}"
            )
        if isinstance(value, int) and value > MAX_INTEGER:
            raise Unrecordable(f"{what} cannot be recorded: its {name} is over 2^63")


def indexed(name: str) -> str:
    """Return `name` as an index of any database can hold it: without NUL, cut at MAX_NAME bytes."""
    plain = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return plain.encode("utf-8", "replace")[:MAX_NAME].decode("utf-8", "ignore")


def event_of(record: AuditRecord) -> DecisionEvent:
    """Return the event in `record`. Raises AuditError if its payload is not an event."""
    try:
        return msgspec.json.decode(record.payload, type=DecisionEvent)
    except msgspec.MsgspecError as error:
        raise AuditError(f"event {record.sequence} is not a decision: {error}") from error


def lookup_columns(event: DecisionEvent) -> dict[str, Any]:
    """Return the columns of `tables.events` that queries of `event` use."""
    review = event.input.review
    reported = {violation.policy for violation in event.result.violations}
    return {
        "decision_id": event.decision_id,
        "allowed": event.result.allowed,
        "enforcement_point": review.enforcement_point,
        "repository": review.source.repository,
        "commit_id": review.source.commit,
        "environment": review.source.environment,
        "project": event.input.project.name,
        "policies": "".join(f" {policy}" for policy in sorted(reported)) + " ",
        "host": review.source.host,
        "username": review.user_info.username,
    }


def used_exceptions(event: DecisionEvent) -> dict[str, Exempted]:
    """Return the exceptions that changed the decision of `event`, by name, in order."""
    return {one.exception: one for one in sorted(event.result.exempted, key=_exception_of)}


def _exception_of(exempted: Exempted) -> str:
    return exempted.exception


def grant_records(event: DecisionEvent, sequence: int) -> list[GrantRecord]:
    """Return the grants that `event`, stored as `sequence`, makes."""
    policy_set, target = event.result.policy_set, event.target
    return [
        GrantRecord(
            sequence=sequence,
            position=position,
            decision_id=event.decision_id,
            time=event.timestamp,
            repository=target.repository,
            environment=target.environment,
            host=target.host,
            project=target.project,
            service=grant.service,
            vendor=grant.vendor,
            method=grant.method,
            devices=grant.devices,
            replicas=grant.replicas,
            username=event.input.review.user_info.username,
            policy_set=policy_set.name if policy_set else "",
            revision=policy_set.revision if policy_set else "",
            state="active",
            expires=grant.expires or None,
            **_details(grant),
        )
        for position, grant in enumerate(event.granted)
    ]


def _details(grant: Grant) -> dict[str, Any]:
    """Return the fields that a grant has if its event was recorded with the identities."""
    if grant.identities is None:
        return {}
    return {
        "kind": grant.kind,
        "hook": grant.hook,
        "schedule": grant.schedule,
        "certainty": grant.certainty,
        "identities": grant.identities,
        "aliases": grant.aliases,
        "exceptions": grant.exceptions,
        "entitlements": grant.entitlements,
        "constraints": grant.constraints,
    }


def rfc3339(nanoseconds: int) -> str:
    """Return a time, given in nanoseconds since the epoch, as RFC 3339 in UTC."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{fraction:09d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
