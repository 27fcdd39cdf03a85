"""The summary over many projects: how many are denied or do not load, and the violations by policy.

In: a report. Out: lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.formats.report.terminal import Terminal
from policyd.formats.table import table

HEADER: Final = ("POLICY", "ACTION", "VIOLATIONS", "PROJECTS")
_ACTIONS: Final = ("deny", "warn", "dryrun")


def totals(report: Report, terminal: Terminal) -> str:
    """Return one line: how many projects are allowed, denied, not loadable and not decided."""
    results = report.results
    allowed = sum(result.decision.allowed for result in results)
    broken = sum(result.decision.status.code == 422 for result in results)
    undecided = len(report.undecided)
    denied = len(results) - allowed - broken
    words = [f"{allowed} allowed", f"{denied} denied"]
    words += [f"{broken} not loadable"] if broken else []
    words += [f"{undecided} not decided"] if undecided else []
    is_good = allowed == len(results) and not undecided
    counted = terminal.paint(", ".join(words), "green" if is_good else "red")
    return f"{len(results) + undecided} projects: {counted}"


def by_policy(results: Sequence[Reviewed]) -> Iterator[str]:
    """Yield a table of the violations by policy and action, the most frequent denials first."""
    violations: Counter[tuple[str, str]] = Counter()
    projects: Counter[tuple[str, str]] = Counter()
    for result in results:
        found = [(one.policy, one.enforcement_action) for one in result.decision.violations]
        violations.update(found)
        projects.update(set(found))
    order = sorted(
        violations,
        key=lambda kind: (_ACTIONS.index(kind[1]), -projects[kind], -violations[kind], kind),
    )
    rows = [(*kind, str(violations[kind]), str(projects[kind])) for kind in order]
    if rows:
        yield from table(HEADER, rows)
