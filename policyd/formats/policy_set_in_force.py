"""A policy set as the audit log recorded it when it was put in force.

In: the policy set, since when it was in force, what of it to show. Out: text, JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.formats import json
from policyd.formats.table import seconds, table, visible
from policyd.model import API_VERSION
from policyd.policies.recorded_policy_set import RecordedPolicySet
from policyd.policies.times import moment

_TIMES: Final = ("starts", "expires")
"""Fields of an exception in nanoseconds since the epoch, 0 for none."""


class PolicySetInForce(msgspec.Struct, frozen=True):
    """A policy set that was put in force by the event `sequence` at the time `since`.

    `policy`, `exception` and `entitlement` are those to show, "" for none. Without any, the
    policies are listed.
    """

    policy_set: RecordedPolicySet
    sequence: int
    since: str
    policy: str = ""
    exception: str = ""
    entitlement: str = ""


def text(shown: PolicySetInForce, *, colour: bool = False) -> str:
    """Return a list of the policies and their constraints, or the whole text of what is to show."""
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
    if not (shown.policy or shown.exception or shown.entitlement):
        rows = [
            [policy, ", ".join(one["name"] for one in _constraints(recorded, policy)) or "-"]
            for policy in sorted(recorded.policies)
        ]
        yield from table(("POLICY", "CONSTRAINTS"), rows)
    if shown.policy:
        yield from _policy(recorded, shown.policy)
    for exception in recorded.exceptions:
        if exception["name"] == shown.exception:
            yield from _fields("exception", exception)
    if shown.entitlement:
        entitlement = recorded.entitlements[shown.entitlement]
        yield from _fields("entitlement", {"name": shown.entitlement, **entitlement})


def _policy(recorded: RecordedPolicySet, policy: str) -> Iterator[str]:
    for constraint in _constraints(recorded, policy):
        yield from _fields("constraint", constraint)
    module = recorded.policies[policy]
    yield visible(f"module {module}:")
    yield ""
    yield from (visible(line) for line in recorded.modules[module].expandtabs(4).splitlines())


def _fields(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of a document, and each of its other fields that says something."""
    yield visible(f"{kind} {document['name']}")
    for name, value in document.items():
        said = moment(value) if name in _TIMES and value else _stated(value)
        if name not in ("name", "location") and said:
            yield visible(f"  {name}: {said if isinstance(said, str) else _json(said)}")


def _stated(value: Any) -> Any:
    """Return `value` without the keys that say nothing, such as an empty list of globs."""
    if isinstance(value, dict):
        return {key: said for key, below in value.items() if (said := _stated(below))}
    return value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _constraints(recorded: RecordedPolicySet, policy: str) -> list[dict[str, Any]]:
    return [one for one in recorded.constraints if one["policy"] == policy]
