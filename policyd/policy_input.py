"""The input document of policies (DESIGN section 5), as types: its JSON Schema comes from them.

Keys of ours are camelCase; those of the project and of workloads are snake_case, as in Compose.
"""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.model import Path, Review, UnseenKind
from policyd.workloads.model import Workload


class AskedConstraint(msgspec.Struct, frozen=True):
    """A constraint that is for this review, its parameters complete with defaults."""

    name: str
    parameters: dict[str, Any]


class UnsetVariable(msgspec.Struct, frozen=True):
    """A variable without a value and without a default, and the model path where it was used."""

    variable: str
    path: Path


class Unseen(msgspec.Struct, frozen=True):
    """Something that could not be looked at, and why."""

    kind: UnseenKind
    what: str
    reason: str


class PolicyInput(msgspec.Struct, frozen=True, rename="camel"):
    """The input document of policies. `constraints` is by policy; no other policies are asked.

    `project` is the effective model, as Compose loads it, with its name.
    """

    review: Review
    constraints: dict[str, tuple[AskedConstraint, ...]]
    workloads: tuple[Workload, ...]
    project: dict[str, Any]
    unresolved: tuple[UnsetVariable, ...]
    not_evaluated: tuple[Unseen, ...]
