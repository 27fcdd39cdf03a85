"""The report on a change, as people read it in a forge.

In: the projects that a change touches. Out: a Report. Text of a project is escaped: it makes no
mention, reference, link, HTML or table cell. Violations on lines that the change adds or replaces
come first, then they come by severity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from policyd.forges.changed_lines import ChangedLines
from policyd.forges.comparison import State, Touched
from policyd.forges.contract import Annotation, Report, Verdict
from policyd.formats.report.entries import SEVERITIES
from policyd.formats.report.markdown import escaped
from policyd.formats.table import visible
from policyd.model import Grant, Location, Violation

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
_HARMLESS: Final = {"warn": "warning", "dryrun": "dry run"}
"""What violations are called that do not deny."""
NOTHING: Final = "The change touches no Compose project."


def report_of(touched: Sequence[Touched], changed: ChangedLines, link: str = "") -> Report:
    """Return the report on a change that touches the projects `touched`.

    `changed` are the lines that it adds or replaces, {} if that is unknown. `link` and the id of a
    decision are the URL of the decision; "" for no links.
    """
    by_verdict = sorted(touched, key=lambda one: not _denies(one))
    return Report(
        verdict=_verdict(touched),
        sentence=_sentence(touched),
        markdown=_cut(list(_lines(touched, changed, link))),
        annotations=tuple(_annotations(touched, changed))[:MAX_SHOWN],
        url=next(filter(None, (_url(one, link) for one in by_verdict)), ""),
    )


def located_files(touched: Sequence[Touched]) -> list[str]:
    """Return the names of the files in which the violations of `touched` are."""
    return [place.file for _, place in _located(touched)]


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


def _lines(touched: Sequence[Touched], changed: ChangedLines, link: str) -> Iterator[str]:
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
            yield from _project(one, changed, link)


def _project(one: Touched, changed: ChangedLines, link: str) -> Iterator[str]:
    yield ""
    url = _url(one, link)
    yield f"**{escaped(one.project.label)}**" + (f" ([decision]({url}))" if url else "")
    decision = one.project.decision
    if one.project.problem:
        yield f"\n{escaped(one.project.problem)}"
    elif decision and one.state != "removed" and decision.status.code not in (200, 403):
        yield f"\n{escaped(decision.status.message)}"
    if rows := sorted(_rows(one), key=lambda row: _rank(row[1], changed)):
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


def _url(one: Touched, link: str) -> str:
    """Return the URL of the decision at the head, "" if none was recorded or there are no links."""
    decision = one.project.decision
    is_recorded = decision is not None and decision.decision_id and one.state != "removed"
    return f"{link}{decision.decision_id}" if link and decision and is_recorded else ""


def _rows(one: Touched) -> Iterator[tuple[str, Violation]]:
    """Yield the violations at the head, those that deny first, each with what it is called."""
    yield from (("new", violation) for violation in one.new)
    yield from (("as before", violation) for violation in one.old)
    if one.state != "removed" and one.project.decision:
        for violation in one.project.decision.violations:
            if name := _HARMLESS.get(violation.enforcement_action):
                yield name, violation


def _row(age: str, violation: Violation) -> str:
    place = str(violation.location or "")
    cells = (age, violation.policy, place, violation.message, violation.remediation)
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def _granted(grant: Grant) -> str:
    devices = grant.devices if isinstance(grant.devices, str) else json.dumps(grant.devices)
    return escaped(f"{grant.service}: {grant.vendor} {devices} ({grant.method})")


def _annotations(touched: Sequence[Touched], changed: ChangedLines) -> Iterator[Annotation]:
    for violation, place in sorted(_located(touched), key=lambda one: _rank(one[0], changed)):
        yield Annotation(
            file=place.file,
            line=place.line,
            level=_LEVELS[violation.enforcement_action],
            title=visible(violation.policy),
            message=visible(f"{violation.message} {violation.remediation}".strip()),
        )


def _located(touched: Sequence[Touched]) -> Iterator[tuple[Violation, Location]]:
    """Yield the violations at the head that have a line."""
    for one in touched:
        for _, violation in _rows(one):
            if violation.location and violation.location.line:
                yield violation, violation.location


def _rank(violation: Violation, changed: ChangedLines) -> tuple[bool, int]:
    """Return the order of a violation: those on changed lines come first, then by severity."""
    place = violation.location
    is_changed = place is not None and place.line in changed.get(place.file, ())
    return not is_changed, SEVERITIES[violation.severity]


def _cut(lines: Sequence[str]) -> str:
    text, left = "", 0
    for line in lines:
        if left or len(text) + len(line) > MAX_MARKDOWN:
            left += 1
            continue
        text += f"{line}\n"
    return text + (f"\n{left} more lines do not fit into this text.\n" if left else "")
