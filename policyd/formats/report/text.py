"""Decisions for people: the verdict, then the violations of each policy with the remediation once.

In: a report. Out: text with a block for each project, and a summary if there are several. Control
characters in texts of projects are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policyd.formats.grant_words import certainty, devices, workload
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import AFTER, BEFORE, Reviewed, dependence
from policyd.formats.report.summary import by_policy, totals
from policyd.formats.report.terminal import Terminal
from policyd.formats.table import seconds, table, visible, width
from policyd.model import Decision, Exempted, Grant, Location, Violation

LONG: Final = 40
"""Lines of a project after which its verdict is repeated: the first line has left the screen."""

_ACTIONS: Final = {
    "deny": ("denied", "red"),
    "warn": ("warning", "yellow"),
    "dryrun": ("dry run", "blue"),
}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the results of `report` as text, with terminal colours if `colour`."""
    view = report.view
    terminal = Terminal(colour, view.columns)
    shown = [one for one in report.results if not (view.only_denied and one.decision.allowed)]
    several = len(report.results) + len(report.undecided) > 1
    advice = "" if view.quiet else _advice(shown)
    single = "" if several else advice
    blocks = [list(_project(one, terminal, quiet=view.quiet, advice=single)) for one in shown]
    parts: list[str] = []
    for number, block in enumerate(blocks):
        if number and (len(block) > 1 or len(blocks[number - 1]) > 1):
            parts.append("")
        parts += block
    if several:
        counts = [] if view.quiet else list(by_policy(report.results))
        parts += ["", *counts] if counts else []
        parts += ["", *terminal.lines(advice)] if advice else []
        parts += ["", totals(report, terminal)]
    return "".join(f"{line}\n" for line in (parts if parts[:1] != [""] else parts[1:]))


def _advice(results: Sequence[Reviewed]) -> str:
    """Return one line on exceptions if a policy denies in `results`, else ""."""
    denying = {
        one.policy
        for result in results
        for one in result.decision.violations
        if one.enforcement_action == "deny"
    }
    if not denying:
        return ""
    policy = visible(denying.pop()) if len(denying) == 1 else "POLICY"
    return (
        f"More: policyd explain {policy}. "
        f"To ask for an exception: policyd exceptions request {policy}"
    )


def _project(
    result: Reviewed, terminal: Terminal, *, quiet: bool, advice: str = ""
) -> Iterator[str]:
    verdict = _verdict(result, terminal)
    yield verdict
    yield from _banners(result.decision, terminal)
    if quiet:
        return
    details = list(_details(result, terminal))
    details += ["", *terminal.lines(advice)] if advice else []
    yield from details
    if len(details) > LONG:
        yield ""
        yield verdict


def _details(result: Reviewed, terminal: Terminal) -> Iterator[str]:
    decision = result.decision
    if decision.status.code == 422:
        yield from _refusal(result, terminal)
    for violations in _by_policy(decision.violations):
        yield from _violations(violations, result, terminal)
    for exempted in decision.exempted:
        yield ""
        yield from _exempted(exempted, result, terminal)
    yield from _grants(decision)
    yield from _not_evaluated(result, terminal)
    yield from _matches(result, terminal)


def _verdict(result: Reviewed, terminal: Terminal) -> str:
    decision = result.decision
    source = terminal.paint(visible(result.source), "bold")
    allowed = decision.allowed
    verdict = terminal.paint(*(("ALLOWED", "green") if allowed else ("DENIED", "red")))
    return f"{verdict}  {source}{_summary(decision)}"


def _banners(decision: Decision, terminal: Terminal) -> Iterator[str]:
    """Yield a line if policyd failed, and one for each break-glass exception that was used."""
    if "failure" in decision.audit_annotations:
        for warning in decision.warnings:
            yield from terminal.lines(("NOT EVALUATED", "red"), f"  {visible(warning)}")
    for name, until in dict.fromkeys(
        (one.exception, one.expires) for one in decision.exempted if one.break_glass
    ):
        said = visible(f"the exception {name} bypasses all policies until {until}")
        yield from terminal.lines(("BREAK GLASS", "red"), f"  {said}")


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


def _refusal(result: Reviewed, terminal: Terminal) -> Iterator[str]:
    status = result.decision.status
    yield ""
    yield from terminal.lines(_place(status.location, result) + visible(status.sentence))
    if status.location:
        yield from _excerpt(status.location, result.lines, terminal)


def _by_policy(violations: Sequence[Violation]) -> list[list[Violation]]:
    """Return `violations` in groups of one policy, constraint and action, in their order.

    Within a group, those with the same remediation stand together.
    """
    groups: dict[tuple[str, str, str, str], dict[str, list[Violation]]] = {}
    for one in violations:
        kind = (one.policy, one.constraint, one.enforcement_action, one.severity)
        groups.setdefault(kind, {}).setdefault(one.remediation, []).append(one)
    return [[one for same in group.values() for one in same] for group in groups.values()]


def _violations(group: list[Violation], result: Reviewed, terminal: Terminal) -> Iterator[str]:
    """Yield the violations of one policy: a remediation below the last one that it is for."""
    for number, violation in enumerate(group):
        following = group[number + 1].remediation if number + 1 < len(group) else None
        yield ""
        yield from _head(violation, result, _ACTIONS[violation.enforcement_action], terminal)
        excerpt = list(_excerpt(violation.location, result.lines, terminal))
        yield from excerpt
        margin = "  "
        if violation.location and excerpt:
            margin = " " * (len(str(violation.location.line + AFTER)) + 1)
        if depends := dependence(violation, result):
            yield from _note(visible(depends), margin, terminal)
        if violation.remediation and violation.remediation != following:
            yield from _note(f"fix: {visible(violation.remediation)}", margin, terminal)
        if following is None:
            count = f", {len(group)} violations" if number else ""
            yield from _note(visible(f"policy: {_policy(violation)}{count}"), margin, terminal)


def _note(text: str, margin: str, terminal: Terminal) -> Iterator[str]:
    yield from terminal.lines(("=", "blue"), f" {text}", margin=margin)


def _exempted(exempted: Exempted, result: Reviewed, terminal: Terminal) -> Iterator[str]:
    word = ("BREAK GLASS", "red") if exempted.break_glass else ("exempted", "blue")
    yield from _head(exempted, result, word, terminal)
    left = _count(exempted.days_left, "day") or "less than a day"
    notes = (
        f"exception: {exempted.exception}, until {exempted.expires}, {left} left",
        f"owned by {exempted.owner}, approved by {exempted.approved_by}: {exempted.reason}",
        *filter(None, [dependence(exempted, result)]),
        f"policy: {_policy(exempted)}",
    )
    for note in notes:
        yield from _note(visible(note), "  ", terminal)


def _head(
    violation: Violation, result: Reviewed, word: tuple[str, str], terminal: Terminal
) -> Iterator[str]:
    place = _place(violation.location, result)
    yield from terminal.lines((place, "bold"), word, f": {visible(violation.message)}")


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
    place: Location | None, lines: Mapping[str, Mapping[int, str]], terminal: Terminal
) -> Iterator[str]:
    around = lines.get(place.file, {}) if place else {}
    if not place or place.line not in around:
        return
    digits = len(str(place.line + AFTER))
    bar = terminal.paint("|", "blue")
    for number in range(place.line - BEFORE, place.line + AFTER + 1):
        if number not in around or (number != place.line and not around[number].strip()):
            continue
        is_here = number == place.line and 0 < place.column <= len(around[number]) + 1
        column = len(visible(around[number][: place.column - 1])) + 1 if is_here else 0
        text, column = terminal.excerpt(" " * (digits + 3), visible(around[number]), column)
        yield f"{terminal.paint(str(number).rjust(digits), 'blue')} {bar} {text}".rstrip()
        if is_here:
            before = " " * width(text[: column - 1])
            yield f"{' ' * digits} {bar} {before}{terminal.paint('^', 'red')}"


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
            devices(grant.devices, grant.method) + certainty(grant) + _end(grant),
            str(grant.replicas),
        )
        for grant in decision.grants
    ]
    for line in table(("SERVICE", "VENDOR", "METHOD", "DEVICES", "REPLICAS"), rows):
        yield f"  {line}"


def _end(grant: Grant) -> str:
    return f" until {seconds(grant.expires)}" if grant.expires else ""


def _not_evaluated(result: Reviewed, terminal: Terminal) -> Iterator[str]:
    entries = result.decision.not_evaluated
    decision = result.decision
    used = {
        name
        for violation in (*decision.violations, *decision.exempted)
        for name in result.unset_variables(violation)
    }
    variables = [one for one in entries if one.kind == "variable"]
    blank = [one for one in variables if one.what.strip("${}") not in used]
    hidden = [one for one in variables if one not in blank or len(blank) > 1]
    folded = blank if len(blank) > 1 else []
    word = ("not evaluated", "yellow")
    for entry in entries:
        if entry not in hidden:
            yield ""
            said = visible(f": {entry.what}: {entry.reason}")
            yield from terminal.lines(_place(entry.location, result), word, said)
    if folded:
        names = ", ".join(one.what for one in folded)
        said = f": {len(folded)} variables have no value here, and no violation depends on them: "
        yield ""
        yield from terminal.lines(word, said + visible(names))


def _matches(result: Reviewed, terminal: Terminal) -> Iterator[str]:
    if not result.matches:
        return
    yield ""
    yield "Constraints and exceptions:"
    for match in result.matches:
        where = Location(**match["location"])
        policies = ", ".join(match["policies"]) or "every policy"
        name = f"{match['kind'].lower()} {match['name']} ({policies})"
        yield from terminal.lines(visible(f"{where}: {name} {_applies(match)}"), margin="  ")
        for check in match["checks"]:
            said = visible(f"{check['key']}: {check['reason']}")
            yield from terminal.lines(said, margin="    ")


def _applies(match: Mapping[str, Any]) -> str:
    if not match["applies"]:
        return "does not apply"
    findings = _count(match["findings"], "finding")
    if match["kind"] == "Constraint":
        return f"applies: {match['action']}, {findings or 'no finding'}"
    loud = "BREAK GLASS, " if match["action"] == "break-glass" else ""
    return f"applies: {loud}{f'exempts {findings}' if findings else 'exempts nothing'}"
