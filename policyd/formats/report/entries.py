"""The entries of a report: one for each violation, with a place, a level and a fingerprint.

In: a Report, which holds the reviewed projects of one run and what was not decided. Out: entries
in the order in which reports list them. Pure: paths are those that `Reviewed.shown` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from policyd.digests import sha256
from policyd.formats.report.reviewed import Reviewed, dependence
from policyd.model import Exempted, Location, Severity, Undecided, Violation
from policyd.policies.packs import Policy

Level = Literal["error", "warning", "note"]

LEVELS: Final[dict[str, Level]] = {"deny": "error", "warn": "warning", "dryrun": "note"}
"""The level of an entry by its enforcement action."""
ORDER: Final = {"error": 0, "warning": 1, "note": 2}
SEVERITIES: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}

NOT_LOADABLE: Final = "compose-invalid"
"""The rule of an entry for a project that Compose would refuse."""
NOT_EVALUATED: Final = "evaluation-failed"
"""The rule of an entry for a project that could not be evaluated."""
RULES: Final = {
    NOT_LOADABLE: "The Compose project is not valid",
    NOT_EVALUATED: "The Compose project could not be evaluated",
}


class TextView(msgspec.Struct, frozen=True):
    """How the format `text` shows a report. `columns` is the width of the terminal, 0 for none.

    `quiet` leaves out everything but verdicts, `only_denied` the projects that are allowed.
    """

    quiet: bool = False
    only_denied: bool = False
    columns: int = 0


class Report(msgspec.Struct, frozen=True):
    """The results of one run. `policies` are those of the policy set in force, by id."""

    results: Sequence[Reviewed]
    undecided: Sequence[Undecided] = ()
    policies: Mapping[str, Policy] = {}
    view: TextView = TextView()


def sentence(one: Undecided) -> str:
    """Return the reason of `one`, which begins with the path."""
    return one.reason if one.reason.startswith(one.source) else f"{one.source}: {one.reason}"


class Entry(msgspec.Struct, frozen=True):
    """One entry of a report.

    `location` names the file from the current folder; `text` is the line there. `exempted` is set
    when an exception applies. `fingerprint` (64 hex digits) does not depend on line numbers,
    messages or the revision of the policy set; it is unique within a report.
    """

    rule: str
    title: str
    level: Level
    severity: Severity
    message: str
    remediation: str
    source: str
    location: Location
    fingerprint: str
    service: str = ""
    text: str = ""
    constraint: str = ""
    exempted: Exempted | None = None


def entries(report: Report, *, exempted: bool = False) -> list[Entry]:
    """Return the entries of `report`, the most severe first; those with exceptions on request."""
    seen: dict[str, int] = {}
    found = []
    for entry in _entries(report, exempted):
        count = seen[entry.fingerprint] = seen.get(entry.fingerprint, 0) + 1
        if count > 1:
            again = _digest(entry.fingerprint, str(count))
            entry = msgspec.structs.replace(entry, fingerprint=again)
        found.append(entry)
    return sorted(found, key=_order)


def _entries(report: Report, exempted: bool) -> Iterator[Entry]:
    for result in report.results:
        decision = result.decision
        if decision.status.code not in (200, 403):
            yield _refused(result)
        for violation in (*decision.violations, *(decision.exempted if exempted else ())):
            yield _entry(violation, result, report.policies)


def _entry(violation: Violation, result: Reviewed, policies: Mapping[str, Policy]) -> Entry:
    policy = policies.get(violation.policy)
    location = _shown(violation.location, result)
    depends = dependence(violation, result)
    path = "/".join(map(str, violation.path))
    return Entry(
        rule=violation.policy,
        title=policy.title if policy else violation.policy,
        level=LEVELS[violation.enforcement_action],
        severity=violation.severity,
        message=f"{violation.message} ({depends})" if depends else violation.message,
        remediation=violation.remediation,
        source=result.source,
        location=location,
        fingerprint=_digest(violation.policy, violation.constraint, location.file, path),
        service=violation.service,
        text=_line(violation.location, result),
        constraint=violation.constraint,
        exempted=violation if isinstance(violation, Exempted) else None,
    )


def _refused(result: Reviewed) -> Entry:
    status = result.decision.status
    rule = NOT_LOADABLE if status.code == 422 else NOT_EVALUATED
    location = _shown(status.location, result)
    return Entry(
        rule=rule,
        title=RULES[rule],
        level="error",
        severity="high",
        message=status.message.removeprefix(f"{status.location}: "),
        remediation="",
        source=result.source,
        location=location,
        fingerprint=_digest(rule, "", location.file, ""),
        text=_line(status.location, result),
    )


def _shown(location: Location | None, result: Reviewed) -> Location:
    if location is None:
        return Location(result.source)
    return Location(result.shown(location.file), location.line, location.column)


def _line(location: Location | None, result: Reviewed) -> str:
    return result.lines.get(location.file, {}).get(location.line, "") if location else ""


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _order(entry: Entry) -> tuple[object, ...]:
    place = entry.location
    return (
        ORDER[entry.level],
        SEVERITIES[entry.severity],
        place.file,
        place.line,
        place.column,
        entry.rule,
        entry.fingerprint,
    )
