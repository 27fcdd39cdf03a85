"""Render the catalogue of policies as Markdown.

In: policies. Out: for each pack a table of its policies, then a section for each policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from policyd.formats.table import visible
from policyd.policies.packs import Policy


def markdown(policies: Iterable[Policy]) -> str:
    """Return, for each pack, a table of its policies and a section for each of them."""
    by_pack: dict[str, list[Policy]] = {}
    for policy in policies:
        by_pack.setdefault(policy.pack, []).append(policy)
    parts = []
    for pack in sorted(by_pack):
        parts.append("\n".join(map(visible, _table(pack, by_pack[pack]))) + "\n")
        parts += [section(policy) for policy in by_pack[pack]]
    return "\n".join(parts)


def section(policy: Policy) -> str:
    """Return the METADATA of `policy` under a level-4 heading."""
    return "\n".join(map(visible, _section(policy))) + "\n"


def _table(pack: str, policies: Iterable[Policy]) -> Iterator[str]:
    yield f"### Pack `{pack}`"
    yield ""
    yield "| Policy | Severity | Reports |"
    yield "|---|---|---|"
    for policy in policies:
        yield _row(f"[`{policy.id}`](#{policy.id})", policy.severity, policy.title)


def _section(policy: Policy) -> Iterator[str]:
    yield f"#### {policy.id}"
    yield ""
    yield f"**{policy.title}** ({policy.severity}). {_line(policy.description)}"
    yield ""
    yield f"Remediation: {_line(policy.remediation)}"
    if policy.parameters:
        yield ""
        yield "| Parameter | Type | Default | Description |"
        yield "|---|---|---|---|"
        for name, schema in policy.parameters.items():
            default = msgspec.json.encode(schema.default).decode()
            yield _row(f"`{name}`", schema.type, f"`{default}`", _line(schema.description))
    if policy.environment:
        yield ""
        yield f"Environment variables: {', '.join(f'`{name}`' for name in policy.environment)}."
    if policy.owners:
        yield ""
        yield f"Owners: {_line(', '.join(policy.owners))}."
    if policy.references:
        yield ""
        yield f"References: {'; '.join(map(_line, policy.references))}."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _line(text: str) -> str:
    """Return `text` on one line, with HTML tags escaped."""
    return " ".join(text.split()).replace("<", "&lt;")
