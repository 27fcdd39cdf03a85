"""Write the catalogue of policies as the README has it.

In: policies. Out: Markdown, one table for each pack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policyd.policies.packs import Policy


def markdown(policies: Iterable[Policy]) -> str:
    """Return one table for each pack: id, severity, what it finds, how to mend it."""
    by_pack: dict[str, list[Policy]] = {}
    for policy in policies:
        by_pack.setdefault(policy.pack, []).append(policy)
    return "\n".join(line for pack in sorted(by_pack) for line in _table(pack, by_pack[pack]))


def _table(pack: str, policies: Iterable[Policy]) -> Iterator[str]:
    yield f"### Pack `{pack}`"
    yield ""
    yield "| Policy | Severity | What it finds | How to mend it |"
    yield "|---|---|---|---|"
    for policy in policies:
        cells = (f"`{policy.id}`", policy.severity, policy.title, policy.remediation)
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""
