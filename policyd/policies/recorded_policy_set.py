"""The text of a policy set as the audit log keeps it.

In: a policy set. Out: JSON with everything that decides: the Rego, the data, the constraints and
the exceptions. The same policy set gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.errors import AuditError
from policyd.model import to_json
from policyd.policies.policy_set import PolicySet


class RecordedPolicySet(msgspec.Struct, frozen=True, rename="camel"):
    """A policy set. `policies` names the module of each policy, by its ID."""

    name: str
    revision: str
    policies: dict[str, str]
    modules: dict[str, str]
    constraints: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]
    data: dict[str, Any]

    @property
    def entitlements(self) -> dict[str, Any]:
        """The entitlements in the data, by name."""
        found: dict[str, Any] = self.data.get("policyd", {}).get("entitlements", {})
        return found


def content_of(policy_set: PolicySet) -> bytes:
    """Return the JSON of `policy_set`."""
    return to_json(
        RecordedPolicySet(
            name=policy_set.name,
            revision=policy_set.revision,
            policies={policy.id: policy.module for policy in policy_set.policies.values()},
            modules=policy_set.modules,
            constraints=[msgspec.to_builtins(one) for one in policy_set.constraints],
            exceptions=[msgspec.to_builtins(one) for one in policy_set.exceptions],
            data=policy_set.data,
        )
    )


def read_content(content: bytes) -> RecordedPolicySet:
    """Return the policy set in `content`. Raises AuditError for other bytes."""
    try:
        return msgspec.json.decode(content, type=RecordedPolicySet)
    except msgspec.MsgspecError as error:
        raise AuditError(f"the recorded policy set is malformed: {error}") from error
