"""The input document of policies: its types, and the one function that builds it.

The JSON Schema of the input is generated from the types. Keys of the envelope are camelCase; keys
inside `project` and `workloads` are snake_case, as in Compose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from policyd.loading import Loaded
from policyd.model import Path, Review, UnseenKind, to_json
from policyd.policies.manifests import Constraint
from policyd.workloads.credential_search import Credential
from policyd.workloads.model import Workload


class AskedConstraint(msgspec.Struct, frozen=True):
    """A constraint that applies to this review. Its parameters include the defaults."""

    name: str
    parameters: dict[str, Any]


class UnsetVariable(msgspec.Struct, frozen=True):
    """A variable without a value and without a default, and the model path where it was used."""

    variable: str
    path: Path


class Unseen(msgspec.Struct, frozen=True):
    """Something that could not be evaluated, and the reason."""

    kind: UnseenKind
    what: str
    reason: str


class PolicyInput(msgspec.Struct, frozen=True, rename="camel"):
    """The input document of policies. `project` is the effective model with its name.

    `constraints` is by policy: a policy without an entry is not evaluated. `requestedProfiles` are
    the profiles that the caller or COMPOSE_PROFILES names; all services are evaluated in any case.
    `credentials` says where files of the project contain credentials, without their values.
    """

    review: Review
    constraints: dict[str, tuple[AskedConstraint, ...]]
    workloads: tuple[Workload, ...]
    project: dict[str, Any]
    unresolved: tuple[UnsetVariable, ...]
    not_evaluated: tuple[Unseen, ...]
    requested_profiles: tuple[str, ...]
    credentials: tuple[Credential, ...]


def review_input(
    loaded: Loaded, review: Review, constraints: Mapping[str, Sequence[Constraint]]
) -> bytes:
    """Return the input document for `review` of the project `loaded`, as JSON."""
    return to_json(policy_input(loaded, review, constraints))


def policy_input(
    loaded: Loaded, review: Review, constraints: Mapping[str, Sequence[Constraint]]
) -> PolicyInput:
    """Return the input document for `review` of the project `loaded`.

    `loaded` has its grants on the host of the review. `constraints` are those that apply to the
    review, by policy.
    """
    project = loaded.project
    return PolicyInput(
        review=review,
        constraints={
            policy: tuple(AskedConstraint(c.name, c.parameters) for c in applying)
            for policy, applying in constraints.items()
        },
        workloads=loaded.workloads,
        project={"name": project.name, **project.tree},
        unresolved=tuple(UnsetVariable(u.variable, u.path) for u in project.unresolved),
        not_evaluated=tuple(
            Unseen(each.kind, each.what, each.reason)
            for each in loaded.not_evaluated
            if each.kind != "variable"  # these are in `unresolved`, with their paths
        ),
        requested_profiles=project.requested_profiles,
        credentials=loaded.credentials,
    )
