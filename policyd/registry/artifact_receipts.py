"""Attach the receipts of decisions on pushes to the artifacts that were pushed.

In: a recorded decision on an artifact, and the project in it. Out: the digest of the manifest that
has the receipt. Errors: RegistryError, AuditError, ConfigError.
"""

from __future__ import annotations

from policyd.model import Bundle, Decision, Review
from policyd.receipt_issuing import ReceiptIssuer
from policyd.receipts.verification import receipt_text
from policyd.registry.referrers import attach_receipt
from policyd.registry.transport import Remote
from policyd.services import Services


class ArtifactReceipts:
    """Attaches receipts to the artifacts of one registry. Threads may share it."""

    def __init__(self, services: Services, remote: Remote) -> None:
        """Raises ConfigError for a key that is not valid."""
        self._services = services
        self._issuer = ReceiptIssuer(services)
        self._remote = remote

    def attach(
        self, repository: str, digest: str, bundle: Bundle, review: Review, decision: Decision
    ) -> str:
        """Attach the receipt of `decision` on `review` to the artifact with `digest`.

        `bundle` is the project in it. Returns the digest of the manifest with the receipt.
        """
        receipt = receipt_text(self._issuer.issue(bundle, review, decision))
        # The time of the decision, so that another attempt attaches the same manifest.
        created = self._services.audit.decision(decision.decision_id).time
        return attach_receipt(self._remote, repository, digest, receipt, created)
