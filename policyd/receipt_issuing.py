"""Issue receipts of recorded decisions.

In: services with an audit log and a key, a decision and the project that it is about. Out: the
signed envelopes of its receipt. The receipt of a decision is always the same, however often it is
issued: a client that repeats a review gets it again.
"""

from __future__ import annotations

from typing import Final

from policyd.audit.event import event_of, rfc3339
from policyd.audit.moments import nanoseconds
from policyd.errors import ConfigError
from policyd.model import Bundle, Decision, PolicySetRevision, Review
from policyd.receipts.coverage import admitted
from policyd.receipts.envelope import Envelope, sealed
from policyd.receipts.keys import SigningKey, signing_key_of
from policyd.receipts.statement import Admission, admission_statement, summary_statement
from policyd.secret_files import key_in
from policyd.services import Services

SECOND: Final = 1_000_000_000
"""Nanoseconds."""


def signing_key(path: str) -> SigningKey:
    """Return the private key in the file at `path`, which others must not be able to read.

    Raises ConfigError.
    """
    return signing_key_of(key_in(path, "receipt_key_file"), f"receipt_key_file: {path}")


class ReceiptIssuer:
    """Signs the decisions of one service. Threads may share it."""

    def __init__(self, services: Services) -> None:
        """Raises ConfigError when the key is not valid, or the audit log has no name."""
        settings = services.settings
        if not settings.audit_origin:
            raise ConfigError("audit_origin: receipts name the audit log of a decision; set it")
        self._services = services
        self._key = signing_key(settings.receipt_key_file)

    def issue(self, bundle: Bundle, review: Review, decision: Decision) -> tuple[Envelope, ...]:
        """Return the receipt of `decision` on `review` of the project in `bundle`.

        Raises AuditError, and NotFound if the decision is not in the audit log.
        """
        settings = self._services.settings
        record = self._services.audit.decision(decision.decision_id)
        event = event_of(record)
        asked = event.input.review
        lifetime = settings.receipt_lifetime * SECOND
        admission = Admission(
            decision_id=decision.decision_id,
            log=settings.audit_origin,
            sequence=record.sequence,
            time=event.timestamp,
            expires=rfc3339(nanoseconds(event.timestamp) + lifetime),
            allowed=decision.allowed,
            operation=asked.operation,
            dry_run=asked.dry_run,
            project=decision.project,
            bundle_digest=decision.bundle_digest,
            source=asked.source,
            policy_set=decision.policy_set or PolicySetRevision("", ""),
            workloads=admitted(self._services.workloads(bundle, review, decision)),
            grants=event.granted,
            exceptions=tuple(sorted({one.exception for one in decision.exempted})),
        )
        statement = admission_statement(admission)
        summary = summary_statement(admission, statement)
        return sealed(statement, self._key), sealed(summary, self._key)
