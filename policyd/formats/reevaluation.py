"""A decision that was evaluated again, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator

from policyd.compose.text.model_paths import dotted
from policyd.formats import json
from policyd.formats.table import visible
from policyd.reevaluation import Change, Reevaluation, Verdict


def text(found: Reevaluation, *, colour: bool = False) -> str:
    """Return both verdicts, and the violations that would be new or gone."""
    return "".join(f"{visible(line)}\n" for line in _lines(found))


def as_json(found: Reevaluation, *, colour: bool = False) -> str:
    """Return the Reevaluation."""
    return json.render(found)


def _lines(found: Reevaluation) -> Iterator[str]:
    yield f"decision {found.decision_id} about {found.project or 'a project'} at {found.time}"
    yield f"  recorded: {_verdict(found.recorded)}"
    yield f"  now:      {_verdict(found.now)}"
    for sign, changes in (("+", found.new), ("-", found.gone)):
        yield from (f"  {sign} {_change(one)}" for one in changes)
    if not found.changes:
        yield "nothing would change"
    if found.masked:
        values = "1 value is" if found.masked == 1 else f"{found.masked} values are"
        yield f"{values} masked; a policy that reads one may decide otherwise:"
        shown = found.masked_paths[:5]
        more = f" and {found.masked - len(shown)} more" if found.masked > len(shown) else ""
        yield f"  {', '.join(shown)}{more}"


def _verdict(verdict: Verdict) -> str:
    word = "allowed" if verdict.allowed else "denied"
    return f"{word} by {verdict.policy_set} {verdict.revision[:19]}: {verdict.status.message}"


def _change(change: Change) -> str:
    where = dotted(change.path) or change.service
    return (
        f"{change.policy} ({change.enforcement_action}, constraint {change.constraint}) "
        f"at {where}: {change.message}"
    )
