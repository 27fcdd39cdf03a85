"""The policies of a policy set: a list of them, or one policy in full.

In: a policy set, or one of its policies. Out: text, Markdown, or documents of policyd.wire as JSON.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

import msgspec

from policyd import wire
from policyd.formats import catalogue, json
from policyd.formats.table import table, visible
from policyd.policies.manifests import Constraint
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet

HEADER: Final = ("POLICY", "SEVERITY", "ACTION", "PACK", "REPORTS")
OWNERS: Final = "OWNERS"
"""The column of the owners, in policy sets in which a policy has owners."""
OFF: Final = "off"
"""The action of a policy without a constraint."""
WIDTH: Final = 88
"""Width of a paragraph in columns."""


class PolicyInSet(msgspec.Struct, frozen=True):
    """A policy, and the policy set with the constraints on it."""

    policy: Policy
    policy_set: PolicySet

    @property
    def constraints(self) -> list[Constraint]:
        """The constraints on the policy."""
        return [one for one in self.policy_set.constraints if one.policy == self.policy.id]

    @property
    def action(self) -> str:
        """The enforcement actions of the constraints, separated by commas, or OFF."""
        actions = {action for one in self.constraints for action in one.actions.values()}
        return ",".join(sorted(actions)) or OFF


def set_text(policy_set: PolicySet, *, colour: bool = False) -> str:
    """Return a table of the policies of `policy_set`."""
    rows: list[tuple[str, ...]] = [
        (policy.id, policy.severity, PolicyInSet(policy, policy_set).action, policy.pack,
         policy.title)
        for policy in policy_set.policies.values()
    ]  # fmt: skip
    head = f"Policy set {visible(policy_set.name)}, {policy_set.revision}\n\n"
    header: tuple[str, ...] = HEADER
    owners = [", ".join(policy.owners) for policy in policy_set.policies.values()]
    if any(owners):
        header = (*HEADER[:-1], OWNERS, HEADER[-1])
        rows = [(*row[:-1], own, row[-1]) for row, own in zip(rows, owners, strict=True)]
    return head + "\n".join(table(header, rows)) + "\n"


def set_json(policy_set: PolicySet, *, colour: bool = False) -> str:
    """Return `policy_set` as a PolicyList."""
    return json.render(wire.policy_list(policy_set, locations=True))


def set_markdown(policy_set: PolicySet, *, colour: bool = False) -> str:
    """Return the catalogue of the policies of `policy_set`."""
    return catalogue.markdown(policy_set.policies.values())


def policy_text(shown: PolicyInSet, *, colour: bool = False) -> str:
    """Return all that is known about a policy."""
    return "\n".join(_page(shown)) + "\n"


def policy_json(shown: PolicyInSet, *, colour: bool = False) -> str:
    """Return a policy as a document of the kind Policy."""
    return json.render(wire.policy_document(shown.policy, shown.policy_set, locations=True))


def policy_markdown(shown: PolicyInSet, *, colour: bool = False) -> str:
    """Return the section of a policy in the catalogue."""
    return catalogue.section(shown.policy)


def _page(shown: PolicyInSet) -> Iterator[str]:
    policy = shown.policy
    yield f"{policy.id}: {visible(policy.title)}"
    yield ""
    yield from _paragraph(policy.description)
    yield ""
    yield f"severity:    {policy.severity}"
    yield f"action:      {shown.action}"
    for constraint in shown.constraints:
        labels = "".join(f" {key}={value}" for key, value in constraint.labels.items())
        place = visible(str(constraint.location))
        yield f"constraint:  {visible(constraint.name)} ({place}){labels}"
    if policy.owners:
        yield from _paragraph(f"owners:      {', '.join(policy.owners)}", " " * 13)
    yield f"pack:        {visible(policy.pack)}"
    yield f"source:      {visible(policy.module)}"
    if policy.environment:
        yield from _paragraph(f"reads:       {', '.join(policy.environment)}", " " * 13)
    yield ""
    yield from _paragraph(f"fix:         {policy.remediation}", " " * 13)
    if policy.parameters:
        yield ""
        yield "parameters:"
        for name, schema in policy.parameters.items():
            default = msgspec.json.encode(schema.default).decode()
            yield f"  {visible(name)} ({schema.type}, default {visible(default)})"
            yield from _paragraph(f"    {schema.description}", "    ")
    if policy.references:
        yield ""
        yield "references:"
        yield from (f"  {visible(reference)}" for reference in policy.references)


def _paragraph(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(visible(" ".join(text.split()) if not indent else text), WIDTH,
                         subsequent_indent=indent)  # fmt: skip
