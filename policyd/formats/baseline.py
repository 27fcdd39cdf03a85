"""The result of `policyd baseline check`.

In: violations compared with a baseline. Out: text, JSON, or a report in a format of `policyd check`
in which what is known counts as exempted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from policyd.adoption.baseline import Comparison, Known
from policyd.formats import json
from policyd.formats.contract import Format
from policyd.formats.report.entries import Report
from policyd.formats.table import visible
from policyd.model import API_VERSION, Undecided


class BaselineReport(msgspec.Struct, frozen=True):
    """A comparison; `broken` are projects that do not load, with the reason.

    `report` has all projects, with their decisions as the baseline changes them.
    """

    file: str
    compared: Comparison
    broken: Sequence[Undecided] = ()
    report: Report = Report([])


def text(report: BaselineReport, *, colour: bool = False) -> str:
    """Return the new violations, then what is known and gone."""
    return "".join(f"{visible(line)}\n" for line in _lines(report))


def as_json(report: BaselineReport, *, colour: bool = False) -> str:
    """Return a document of kind BaselineComparison."""
    compared = report.compared
    return json.render(
        {
            "apiVersion": API_VERSION,
            "kind": "BaselineComparison",
            "new": [_document(one) for one in compared.new],
            "changed": [_document(one) for one in compared.changed],
            "known": len(compared.known),
            "gone": [msgspec.to_builtins(one) for one in compared.gone],
            "notLoadable": [msgspec.to_builtins(one) for one in report.broken],
        }
    )


def of_report(render: Format[Report]) -> Format[BaselineReport]:
    """Return the format that renders the `report` of a comparison by `render`."""

    def rendered(report: BaselineReport, /, *, colour: bool = False) -> str:
        return render(report.report, colour=colour)

    return rendered


def _document(one: Known) -> dict[str, object]:
    violation = msgspec.to_builtins(one.violation)
    return {"project": one.entry.project, "file": one.entry.file, **violation}


def _lines(report: BaselineReport) -> Iterator[str]:
    compared = report.compared
    for word, found in (("new", compared.new), ("changed", compared.changed)):
        for one in found:
            where = one.violation.location
            place = f"{one.entry.file}:{where.line}:{where.column}" if where else one.entry.project
            yield f"{place}: {word}: {one.entry.policy}: {one.violation.message}"
            yield f"  fix: {one.violation.remediation}"
    for broken in report.broken:
        yield f"{broken.source}: the project does not load: {broken.reason}"
    counts = [
        f"{len(compared.new)} new",
        f"{len(compared.changed)} with another value than in the baseline",
        f"{len(compared.known)} known",
        f"{len(compared.gone)} gone",
    ]
    yield f"Violations: {', '.join(counts)}."
    if compared.gone:
        policies = ", ".join(dict.fromkeys(one.policy for one in compared.gone))
        yield (
            f"Entries of {report.file} that do not hold any more: {len(compared.gone)} "
            f"({policies}). `policyd baseline create` removes them."
        )
