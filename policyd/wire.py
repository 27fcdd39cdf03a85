"""The JSON documents that policyd sends: the same over HTTP and with `--format json`.

Every document has `apiVersion` and `kind`, as in Kubernetes. Lists have `items`, which are the same
documents as on their own; `next` of a page is `before` of the following page, null on the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from policyd import model
from policyd.audit.chain import Problem
from policyd.audit.event import GrantRecord
from policyd.audit.exported_event import REMOVED
from policyd.audit.host_devices import HostDevice
from policyd.audit.token_record import TokenRecord
from policyd.audit.usage import Usage
from policyd.hooks.events import PushRecord
from policyd.identity.job import KnownRepository
from policyd.model import API_VERSION, Decision, PolicySetRevision
from policyd.receipts.envelope import Envelope
from policyd.receipts.statement import Admission

if TYPE_CHECKING:
    from policyd.audit.tree import Entry
    from policyd.audit.verify import VerifyReport
    from policyd.policies.packs import Policy
    from policyd.policies.policy_set import PolicySet


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A JSON document of policyd."""

    api_version: str = API_VERSION
    kind: str = ""


class Status(Document, frozen=True, kw_only=True, rename="camel"):
    """The answer to a request that failed, as in Kubernetes. `code` is the HTTP status."""

    kind: str = "Status"
    status: str = "Failure"
    code: int
    reason: str
    message: str


class Health(Document, frozen=True, kw_only=True, rename="camel"):
    """The answer of a service that is alive."""

    kind: str = "Health"
    status: str = "ok"


class Readiness(Health, frozen=True, kw_only=True, rename="camel"):
    """The answer of a service that is ready, with the policy set in force."""

    policy_set: PolicySetRevision
    warnings: Sequence[str] = ()


class Accepted(Document, frozen=True, kw_only=True, rename="camel"):
    """The answer to a notification. `accepted` counts the events that will be reviewed."""

    kind: str = "Accepted"
    accepted: int


class ComposeReview(Document, frozen=True, kw_only=True, rename="camel"):
    """The answer to a review. `receipt` has its signed statements, none without a key."""

    kind: str = "ComposeReview"
    response: Decision
    receipt: Sequence[Envelope] = ()


class DecisionList(Document, frozen=True, kw_only=True, rename="camel"):
    """The decisions of `policyd check`, each with `source`, the path that was evaluated.

    With --explain-match, each also has `matches`. `undecided` lists the paths for which there is
    no decision, each with the reason.
    """

    kind: str = "DecisionList"
    decisions: Sequence[Mapping[str, Any]]
    undecided: Sequence[model.Undecided] = ()


class AuditRecord(Document, frozen=True, kw_only=True, rename="camel"):
    """One event of the audit log. `event` is the payload, byte for byte as it is hashed."""

    kind: str = "AuditRecord"
    sequence: int
    time: str
    type: str
    prev_hash: str
    hash: str
    event: msgspec.Raw


class ExportedEvent(AuditRecord, frozen=True, kw_only=True, rename="camel"):
    """One event of an export. `event` is null if retention removed it; `id` remains."""

    id: str


class AuditRecordList(Document, frozen=True, kw_only=True, rename="camel"):
    """A page of the audit log, newest first. `next` is a sequence number."""

    kind: str = "AuditRecordList"
    items: Sequence[AuditRecord]
    next: int | None = None


class AuditVerification(Document, frozen=True, kw_only=True, rename="camel"):
    """The report on an audit log: the number of events, the last hash, and all problems.

    `evidence` names the checkpoints and hashes that the log was compared with, `removed` is the
    number of events whose payload retention removed.
    """

    kind: str = "AuditVerification"
    events: int
    head: str
    problems: Sequence[Problem]
    evidence: Sequence[str] = ()
    removed: int = 0


class ProvenDecision(msgspec.Struct, frozen=True):
    """What a proof in the file `source` shows: the event of a decision in the log `origin`.

    The log had `size` events. `hash` is that of the event in the hash chain.
    """

    source: str
    origin: str
    size: int
    sequence: int
    decision: str
    time: str
    hash: str


class ProofList(Document, frozen=True, kw_only=True, rename="camel"):
    """Proofs that hold, and files with proofs that do not hold, each with the reason."""

    kind: str = "ProofList"
    items: Sequence[ProvenDecision]
    problems: Sequence[model.Undecided] = ()


class GrantList(Document, frozen=True, kw_only=True, rename="camel"):
    """A page of grants, newest first. `next` is "sequence.position"."""

    kind: str = "GrantList"
    items: Sequence[GrantRecord]
    next: str | None = None


class EventList(AuditRecordList, frozen=True, kw_only=True, rename="camel"):
    """A page of events of any kind, newest first. `next` is a sequence number."""

    kind: str = "EventList"


class Receipt(Document, frozen=True, kw_only=True, rename="camel"):
    """What the receipt in the file `source` states.

    `verified` says whether all of it was verified; `key_id` is that of the key that signed, "" if
    it was not verified, and `reason` says why a receipt is not valid.
    """

    kind: str = "Receipt"
    source: str
    verified: bool
    key_id: str = ""
    reason: str = ""
    admission: Admission | None = None


class UsageList(Document, frozen=True, kw_only=True, rename="camel"):
    """The GPU-hours from `since`, "" for the beginning, until before `until`, by the field `by`."""

    kind: str = "UsageList"
    since: str
    until: str
    by: str
    items: Sequence[Usage]


class DeviceList(Document, frozen=True, kw_only=True, rename="camel"):
    """The devices of hosts of the inventory, each with the grants that are held `at` a time."""

    kind: str = "DeviceList"
    at: str
    items: Sequence[HostDevice]


class PushList(Document, frozen=True, kw_only=True, rename="camel"):
    """A page of pushes to registries, newest first. `next` is the number of a push."""

    kind: str = "PushList"
    items: Sequence[PushRecord]
    next: int | None = None


class JobRepositoryList(Document, frozen=True, kw_only=True, rename="camel"):
    """The repositories whose CI jobs were accepted, by issuer and name."""

    kind: str = "JobRepositoryList"
    items: Sequence[KnownRepository]


class TokenList(Document, frozen=True, kw_only=True, rename="camel"):
    """The tokens in the database, by name. Digests are no secrets; tokens are not kept."""

    kind: str = "TokenList"
    items: Sequence[TokenRecord]


class PolicyList(Document, frozen=True, kw_only=True, rename="camel"):
    """The policies of a policy set, each with its constraints."""

    kind: str = "PolicyList"
    policy_set: PolicySetRevision
    items: Sequence[Mapping[str, Any]]


def audit_record(record: model.AuditRecord) -> AuditRecord:
    """Return `record` as a document."""
    return AuditRecord(
        sequence=record.sequence,
        time=record.time,
        type=record.kind,
        prev_hash=record.prev_hash,
        hash=record.hash,
        event=msgspec.Raw(record.payload.encode()),
    )


def exported_event(record: model.AuditRecord, event_id: str) -> ExportedEvent:
    """Return `record`, whose event has the id `event_id`, as a document of an export."""
    return ExportedEvent(
        id=event_id,
        sequence=record.sequence,
        time=record.time,
        type=record.kind,
        prev_hash=record.prev_hash,
        hash=record.hash,
        event=msgspec.Raw(record.payload.encode() or REMOVED.encode()),
    )


def audit_record_list(records: Sequence[model.AuditRecord], limit: int) -> AuditRecordList:
    """Return a page of at most `limit` records."""
    following = records[-1].sequence if len(records) == limit else None
    return AuditRecordList(items=[audit_record(record) for record in records], next=following)


def event_list(records: Sequence[model.AuditRecord], limit: int) -> EventList:
    """Return a page of at most `limit` records of any kind."""
    following = records[-1].sequence if len(records) == limit else None
    return EventList(items=[audit_record(record) for record in records], next=following)


def audit_verification(report: VerifyReport) -> AuditVerification:
    """Return `report` as a document."""
    return AuditVerification(
        events=report.events,
        head=report.head,
        problems=report.problems,
        evidence=report.evidence,
        removed=report.removed,
    )


def proven_decision(source: str, entry: Entry, origin: str, size: int) -> ProvenDecision:
    """Return what the proof in `source` shows: `entry` is in the log `origin` of `size` events."""
    return ProvenDecision(
        source=source,
        origin=origin,
        size=size,
        sequence=entry.sequence,
        decision=entry.decision,
        time=entry.time,
        hash=entry.hash,
    )


def grant_list(records: Sequence[GrantRecord], limit: int) -> GrantList:
    """Return a page of at most `limit` grants."""
    last = records[-1] if len(records) == limit else None
    return GrantList(items=records, next=f"{last.sequence}.{last.position}" if last else None)


def push_list(records: Sequence[PushRecord], limit: int) -> PushList:
    """Return a page of at most `limit` pushes."""
    following = records[-1].number if len(records) == limit else None
    return PushList(items=records, next=following)


def policy_list(policy_set: PolicySet, *, locations: bool) -> PolicyList:
    """Return all policies of `policy_set`. See `policy_document` for `locations`."""
    items = [
        policy_document(policy, policy_set, locations=locations)
        for policy in policy_set.policies.values()
    ]
    return PolicyList(policy_set=policy_set.reference, items=items)


def policy_document(policy: Policy, policy_set: PolicySet, *, locations: bool) -> dict[str, Any]:
    """Return `policy` with its constraints as a document of the kind Policy.

    Without `locations`, the places of constraints in the operator's files are left out.
    """
    own = [found for found in policy_set.constraints if found.policy == policy.id]
    constraints: list[dict[str, Any]] = [msgspec.to_builtins(found) for found in own]
    if not locations:
        for constraint in constraints:
            del constraint["location"]
    fields = {**msgspec.to_builtins(policy), "constraints": constraints}
    return {"apiVersion": API_VERSION, "kind": "Policy", **fields}


class HostChecks(Document, frozen=True, kw_only=True, rename="camel"):
    """The checks of `policyd host check`."""

    kind: str = "HostChecks"
    items: Sequence[Mapping[str, Any]]


class HostDifference(Document, frozen=True, kw_only=True, rename="camel"):
    """What `policyd host diff` finds."""

    kind: str = "HostDifference"
    host: str
    uncovered: Sequence[Mapping[str, Any]]
    unused: Sequence[Mapping[str, Any]]
    containers: int
    grants: int
