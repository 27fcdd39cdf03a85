"""The report on a change, as people read it in a forge.

In: the projects that a change touches. Out: a Report. Text of a project is escaped: it makes no
mention, reference, link, HTML or table cell. Annotations come sorted: violations that are new
first, then by severity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from policyd.forges.comparison import State, Touched
from policyd.forges.contract import Annotation, Report, Verdict
from policyd.formats.report.entries import SEVERITIES
from policyd.formats.report.markdown import escaped
from policyd.formats.table import visible
from policyd.model import Grant, Violation

MAX_MARKDOWN: Final = 60_000
"""Characters of a report: GitHub takes 65,535."""
MAX_SHOWN: Final = 200
"""Annotations of a report. All violations are in the text."""
_HEADS: Final[dict[State, str]] = {
    "newly-denied": "Denied by this change",
    "still-denied": "Still denied, as before this change",
    "fixed": "Fixed by this change",
    "allowed": "Allowed",
    "removed": "Removed",
}
_LEVELS: Final[dict[str, Literal["failure", "warning", "notice"]]] = {
    "deny": "failure",
    "warn": "warning",
    "dryrun": "notice",
}
NOTHING: Final = "The change touches no Compose project."


def report_of(touched: Sequence[Touched], url: str = "") -> Report:
    """Return the report on a change that touches the projects `touched`."""
    return Report(
        verdict=_verdict(touched),
        sentence=_sentence(touched),
        markdown=_cut(list(_lines(touched))),
        annotations=tuple(_annotations(touched))[:MAX_SHOWN],
        url=url,
    )


def failed(reason: str) -> Report:
    """Return the report on a change that could not be reviewed because of `reason`."""
    sentence = f"Not reviewed, so not allowed: {visible(reason)}"
    return Report("error", sentence, f"## policyd\n\n{escaped(sentence)}\n")


def _verdict(touched: Sequence[Touched]) -> Verdict:
    return "denied" if any(_denies(one) for one in touched) else "allowed"


def _denies(one: Touched) -> bool:
    return one.state in ("newly-denied", "still-denied")


def _sentence(touched: Sequence[Touched]) -> str:
    if not touched:
        return NOTHING
    denied = [one for one in touched if _denies(one)]
    if not denied:
        granted = sum(len(one.granted) for one in touched)
        more = f", {granted} new accelerator grant{_s(granted)}" if granted else ""
        return f"Allowed: {len(touched)} project{_s(len(touched))} changed{more}"
    policies = sorted({one.policy for found in denied for one in (*found.new, *found.old)})
    named = ", ".join(policies[:3]) + (", …" if len(policies) > 3 else "")
    shown = visible(denied[0].project.label)
    what = shown if len(denied) == 1 else f"{len(denied)} of {len(touched)} projects"
    return f"Denied: {what}" + (f" ({named})" if named else "")


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _lines(touched: Sequence[Touched]) -> Iterator[str]:
    yield "## policyd"
    yield ""
    yield escaped(_sentence(touched))
    for state, head in _HEADS.items():
        found = [one for one in touched if one.state == state]
        if not found:
            continue
        yield ""
        yield f"### {head}"
        for one in found:
            yield from _project(one)


def _project(one: Touched) -> Iterator[str]:
    yield ""
    yield f"**{escaped(one.project.label)}**"
    decision = one.project.decision
    if one.project.problem:
        yield f"\n{escaped(one.project.problem)}"
    elif decision and one.state != "removed" and decision.status.code not in (200, 403):
        yield f"\n{escaped(decision.status.message)}"
    rows = [*(("new", v) for v in one.new), *(("as before", v) for v in one.old)]
    if rows:
        yield ""
        yield "| | Policy | Place | Message | Remediation |"
        yield "|---|---|---|---|---|"
        yield from (_row(age, violation) for age, violation in rows)
    if one.granted and one.state != "removed":
        yield ""
        yield "New accelerator grants: " + ", ".join(_granted(grant) for grant in one.granted)
    if one.not_evaluated and one.state != "removed":
        yield ""
        yield "Not evaluated: " + ", ".join(
            dict.fromkeys(escaped(seen.what) for seen in one.not_evaluated)
        )


def _row(age: str, violation: Violation) -> str:
    place = str(violation.location or "")
    cells = (age, violation.policy, place, violation.message, violation.remediation)
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def _granted(grant: Grant) -> str:
    devices = grant.devices if isinstance(grant.devices, str) else json.dumps(grant.devices)
    return escaped(f"{grant.service}: {grant.vendor} {devices} ({grant.method})")


def _annotations(touched: Sequence[Touched]) -> Iterator[Annotation]:
    found = [
        (not _is_new(violation, one), SEVERITIES[violation.severity], violation)
        for one in touched
        if one.state != "removed" and one.project.decision
        for violation in one.project.decision.violations
        if violation.location and violation.location.line
    ]
    for _, _, violation in sorted(found, key=lambda entry: entry[:2]):
        assert violation.location
        yield Annotation(
            file=violation.location.file,
            line=violation.location.line,
            level=_LEVELS[violation.enforcement_action],
            title=visible(violation.policy),
            message=visible(f"{violation.message} {violation.remediation}".strip()),
        )


def _is_new(violation: Violation, one: Touched) -> bool:
    return violation in one.new


def _cut(lines: Sequence[str]) -> str:
    text, left = "", 0
    for line in lines:
        if left or len(text) + len(line) > MAX_MARKDOWN:
            left += 1
            continue
        text += f"{line}\n"
    return text + (f"\n{left} more lines do not fit into this text.\n" if left else "")
