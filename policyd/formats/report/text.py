"""Decisions for people: the verdict, then each violation with its location, reason and remediation.

In: reviewed projects. Out: text with a block for each project, and a line of totals if there are
several. Control characters in texts of projects are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policyd.formats.grants import certainty, devices, workload
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import AFTER, BEFORE, Reviewed
from policyd.formats.table import table, visible, width
from policyd.model import Decision, Exempted, Location, Violation

_CODES: Final = {"bold": "1", "red": "1;31", "green": "1;32", "yellow": "1;33", "blue": "1;34"}
_ACTIONS: Final = {
    "deny": ("denied", "red"),
    "warn": ("warning", "yellow"),
    "dryrun": ("dry run", "blue"),
}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the results of `report` as text, with terminal colours if `colour`."""
    results = report.results
    paint = _Paint(colour)
    blocks = ["\n".join(_project(result, paint)) + "\n" for result in results]
    parts: list[str] = []
    for block in blocks:
        if parts and (block.count("\n") > 1 or parts[-1].count("\n") > 1):
            parts.append("\n")
        parts.append(block)
    if len(results) > 1:
        parts.append("\n" + _totals(results, paint) + "\n")
    return "".join(parts)


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, name: str) -> str:
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self._colour else text


def _project(result: Reviewed, paint: _Paint) -> Iterator[str]:
    decision = result.decision
    yield _verdict(result, paint)
    yield from _banners(decision, paint)
    if decision.status.code == 422:
        yield from _refusal(result, paint)
    for violation in decision.violations:
        yield ""
        yield from _violation(violation, result, paint)
    for exempted in decision.exempted:
        yield ""
        yield from _exempted(exempted, result, paint)
    yield from _grants(decision)
    yield from _not_evaluated(result, paint)
    yield from _matches(result)


def _verdict(result: Reviewed, paint: _Paint) -> str:
    decision = result.decision
    source = paint(visible(result.source), "bold")
    verdict = paint("ALLOWED", "green") if decision.allowed else paint("DENIED", "red")
    return f"{verdict}  {source}{_summary(decision)}"


def _banners(decision: Decision, paint: _Paint) -> Iterator[str]:
    """Yield one line for each break-glass exception that the decision used."""
    for name, until in dict.fromkeys(
        (one.exception, one.expires) for one in decision.exempted if one.break_glass
    ):
        said = f"the exception {name} bypasses all policies until {until}"
        yield f"{paint('BREAK GLASS', 'red')}  {visible(said)}"


def _summary(decision: Decision) -> str:
    if decision.status.code == 422:
        return ": the project does not load"
    counts = Counter(violation.enforcement_action for violation in decision.violations)
    parts = [
        _count(counts["deny"], "violation"),
        _count(counts["warn"], "warning"),
        _count(counts["dryrun"], "violation in dry run", "violations in dry run"),
        _count(len(decision.exempted), "exemption"),
    ]
    said = ", ".join(part for part in parts if part)
    if not said and not decision.allowed:
        said = visible(decision.status.message)
    return f": {said}" if said else ""


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""


def _refusal(result: Reviewed, paint: _Paint) -> Iterator[str]:
    status = result.decision.status
    yield ""
    yield f"{_place(status.location, result)}{visible(status.sentence)}"
    if status.location:
        yield from _excerpt(status.location, result.lines, paint)


def _violation(violation: Violation, result: Reviewed, paint: _Paint) -> Iterator[str]:
    word, colour = _ACTIONS[violation.enforcement_action]
    yield _head(violation, result, paint(word, colour), paint)
    margin = "  "
    if violation.location:
        excerpt = list(_excerpt(violation.location, result.lines, paint))
        yield from excerpt
        if excerpt:
            margin = " " * (len(str(violation.location.line + AFTER)) + 1)
    if violation.remediation:
        yield f"{margin}{paint('=', 'blue')} fix: {visible(violation.remediation)}"
    yield f"{margin}{paint('=', 'blue')} policy: {visible(_policy(violation))}"


def _exempted(exempted: Exempted, result: Reviewed, paint: _Paint) -> Iterator[str]:
    word = paint("BREAK GLASS", "red") if exempted.break_glass else paint("exempted", "blue")
    yield _head(exempted, result, word, paint)
    left = _count(exempted.days_left, "day") or "less than a day"
    sign = paint("=", "blue")
    yield (
        f"  {sign} exception: {visible(exempted.exception)}, "
        f"until {visible(exempted.expires)}, {left} left"
    )
    yield (
        f"  {sign} owned by {visible(exempted.owner)}, approved by "
        f"{visible(exempted.approved_by)}: {visible(exempted.reason)}"
    )
    yield f"  {sign} policy: {visible(_policy(exempted))}"


def _head(violation: Violation, result: Reviewed, word: str, paint: _Paint) -> str:
    place = _place(violation.location, result)
    return f"{paint(place, 'bold')}{word}: {visible(violation.message)}"


def _place(location: Location | None, result: Reviewed) -> str:
    """Return `location` relative to the current folder and ": ", or "" if there is none."""
    if not location:
        return ""
    return visible(f"{Location(result.shown(location.file), location.line, location.column)}: ")


def _policy(violation: Violation) -> str:
    constraint = violation.constraint
    named = f", constraint {constraint}" if constraint not in ("", violation.policy) else ""
    return f"{violation.policy}, {violation.severity}{named}"


def _excerpt(
    place: Location, lines: Mapping[str, Mapping[int, str]], paint: _Paint
) -> Iterator[str]:
    around = lines.get(place.file, {})
    if place.line not in around:
        return
    digits = len(str(place.line + AFTER))
    bar = paint("|", "blue")
    for number in range(place.line - BEFORE, place.line + AFTER + 1):
        if number not in around or (number != place.line and not around[number].strip()):
            continue
        yield f"{paint(str(number).rjust(digits), 'blue')} {bar} {visible(around[number])}".rstrip()
        if number == place.line and 0 < place.column <= len(around[number]) + 1:
            before = width(visible(around[number][: place.column - 1]))
            yield f"{' ' * digits} {bar} {' ' * before}{paint('^', 'red')}"


def _grants(decision: Decision) -> Iterator[str]:
    if not decision.grants:
        return
    yield ""
    yield "Requested accelerators:"
    rows = [
        (
            workload(grant),
            grant.vendor,
            grant.method,
            devices(grant.devices, grant.method) + certainty(grant),
            str(grant.replicas),
        )
        for grant in decision.grants
    ]
    for line in table(("SERVICE", "VENDOR", "METHOD", "DEVICES", "REPLICAS"), rows):
        yield f"  {line}"


def _not_evaluated(result: Reviewed, paint: _Paint) -> Iterator[str]:
    for entry in result.decision.not_evaluated:
        yield ""
        yield (
            f"{_place(entry.location, result)}{paint('not evaluated', 'yellow')}: "
            f"{visible(entry.what)}: {visible(entry.reason)}"
        )


def _matches(result: Reviewed) -> Iterator[str]:
    if not result.matches:
        return
    yield ""
    yield "Constraints and exceptions:"
    for match in result.matches:
        where = Location(**match["location"])
        policies = ", ".join(match["policies"]) or "every policy"
        name = f"{match['kind'].lower()} {match['name']} ({policies})"
        yield f"  {visible(f'{where}: {name} {_applies(match)}')}"
        for check in match["checks"]:
            yield f"    {visible(check['key'])}: {visible(check['reason'])}"


def _applies(match: Mapping[str, Any]) -> str:
    if not match["applies"]:
        return "does not apply"
    findings = _count(match["findings"], "finding")
    if match["kind"] == "Constraint":
        return f"applies: {match['action']}, {findings or 'no finding'}"
    loud = "BREAK GLASS, " if match["action"] == "break-glass" else ""
    return f"applies: {loud}{f'exempts {findings}' if findings else 'exempts nothing'}"


def _totals(results: Sequence[Reviewed], paint: _Paint) -> str:
    allowed = sum(result.decision.allowed for result in results)
    denied = len(results) - allowed
    words = [f"{allowed} allowed", f"{denied} denied"]
    return f"{len(results)} projects: {paint(', '.join(words), 'red' if denied else 'green')}"
