"""A policy set as the audit log recorded it when it was put in force.

In: the policy set, since when it was in force, the ID of a policy. Out: text, JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from policyd.formats import json
from policyd.formats.table import seconds, table, visible
from policyd.model import API_VERSION
from policyd.policies.recorded_policy_set import RecordedPolicySet


class PolicySetInForce(msgspec.Struct, frozen=True):
    """A policy set that was put in force by the event `sequence` at the time `since`.

    `policy` is the ID of the policy to show, "" for all.
    """

    policy_set: RecordedPolicySet
    sequence: int
    since: str
    policy: str = ""


def text(shown: PolicySetInForce, *, colour: bool = False) -> str:
    """Return a list of the policies and their constraints, or the whole text of one policy."""
    return "\n".join(_lines(shown)) + "\n"


def as_json(shown: PolicySetInForce, *, colour: bool = False) -> str:
    """Return the whole policy set, of the kind RecordedPolicySet."""
    heading = {"apiVersion": API_VERSION, "kind": "RecordedPolicySet"}
    place = {"since": shown.since, "sequence": shown.sequence}
    return json.render({**heading, **place, **msgspec.to_builtins(shown.policy_set)})


def _lines(shown: PolicySetInForce) -> Iterator[str]:
    recorded = shown.policy_set
    yield visible(f"{recorded.name}, revision {recorded.revision}")
    yield visible(f"In force since {seconds(shown.since)} (event {shown.sequence}).")
    yield ""
    if not shown.policy:
        rows = [
            [policy, ", ".join(one["name"] for one in _constraints(recorded, policy)) or "-"]
            for policy in sorted(recorded.policies)
        ]
        yield from table(("POLICY", "CONSTRAINTS"), rows)
        return
    for constraint in _constraints(recorded, shown.policy):
        yield visible(
            f"constraint {constraint['name']}: {msgspec.json.encode(constraint).decode()}"
        )
    module = recorded.policies[shown.policy]
    yield visible(f"module {module}:")
    yield ""
    yield from (visible(line) for line in recorded.modules[module].expandtabs(4).splitlines())


def _constraints(recorded: RecordedPolicySet, policy: str) -> list[dict[str, str]]:
    return [one for one in recorded.constraints if one["policy"] == policy]
