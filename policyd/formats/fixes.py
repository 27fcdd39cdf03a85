"""What `policyd fix` did to a project.

In: a FixReport. Out: text. Control characters in texts of projects are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from policyd.formats.table import visible
from policyd.model import Violation


class FixReport(msgspec.Struct, frozen=True):
    """The result of `policyd fix` for one project.

    `fixed` and `remaining` are violations with paths from the current folder, `remaining` with the
    reason why a mechanical fix could not be made. `changes` says whether a file is edited.
    """

    source: str
    fixed: Sequence[Violation]
    remaining: Sequence[tuple[Violation, str]]
    refusal: str = ""
    changes: bool = False
    applied: bool = False


def text(report: FixReport, *, colour: bool = False) -> str:
    """Return what is fixed and what remains."""
    return "".join(f"{line}\n" for line in _report(report))


def _report(report: FixReport) -> Iterator[str]:
    source = visible(report.source)
    if report.refusal:
        yield f"{source}: nothing to fix: {visible(report.refusal)}"
        return
    done = "fixed" if report.applied else "can be fixed"
    count = f"{len(report.fixed)} {'violation' if len(report.fixed) == 1 else 'violations'}"
    remain = "remains" if len(report.remaining) == 1 else "remain"
    places = "" if report.applied or not report.changes else " (places as after the changes)"
    yield f"{source}: {count} {done}, {len(report.remaining)} {remain}{places}"
    advice: dict[str, tuple[str, int]] = {}
    counted = Counter(one.policy for one in report.fixed)
    for one in report.fixed:
        advice.setdefault(one.policy, (one.remediation, counted[one.policy]))
    for policy, (remediation, number) in sorted(advice.items()):
        yield visible(f"  {done}: {policy} ({number}): {remediation}")
    for violation, problem in report.remaining:
        place = f"{violation.location}: " if violation.location else ""
        yield visible(f"  remains: {place}{violation.policy}: {violation.message}")
        yield visible(f"    fix: {violation.remediation}")
        if problem:
            yield visible(f"    not fixed automatically: {problem}")
    if report.changes and not report.applied:
        yield "Nothing was written; --apply writes the changes."
