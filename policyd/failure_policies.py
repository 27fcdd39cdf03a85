"""What follows when policyd itself fails: Fail denies, Ignore allows, as in Kubernetes.

In: settings, and the client of a review or its enforcement point. Out: its failure policy.
"""

from __future__ import annotations

from policyd.admission import IGNORED
from policyd.config import Settings, Token
from policyd.errors import PolicydError
from policyd.issuer_settings import Issuer
from policyd.model import Decision, EnforcementPoint, FailurePolicy


def failure_policy(
    settings: Settings, client: Token | Issuer, enforcement_point: EnforcementPoint
) -> FailurePolicy:
    """Return what follows when policyd fails during a review by `client`."""
    return client.failure_policy or settings.failure_policies.get(enforcement_point, "Fail")


def ignores_failures(settings: Settings) -> bool:
    """Return whether a failure policy of `settings` is Ignore."""
    named = {client.failure_policy for client in settings.tokens.values()}
    named |= {client.failure_policy for client in settings.issuers.values()}
    return "Ignore" in named | {*settings.failure_policies.values()}


def unrecorded(uid: str, error: PolicydError) -> Decision:
    """Return the decision of a client that ignores `error`: no webhook has decided."""
    return Decision(
        uid=uid,
        allowed=True,
        status=IGNORED,
        warnings=(f"no policy was evaluated, and nothing is recorded: {error}",),
        audit_annotations={"failurePolicy": "Ignore", "failure": type(error).__name__},
    )
