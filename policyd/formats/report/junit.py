"""JUnit XML, which most CI systems show as test results.

In: a report. Out: one <testsuite> for each project, with one <testcase> for each entry: a failure
when it denies, otherwise skipped with its message; one passed <testcase> for a project
without entries. Names are unique within a suite. A path that was not decided is an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyd.formats.report.entries import Entry, Report, entries
from policyd.formats.report.xml_text import attributes


def render(report: Report, *, colour: bool = False) -> str:
    """Return the JUnit document for `report`."""
    found: dict[str, list[Entry]] = {result.source: [] for result in report.results}
    for entry in entries(report):
        found[entry.source].append(entry)
    suites = [line for source, own in found.items() for line in _suite(source, own)]
    for one in report.undecided:
        counts = attributes(name=one.source, tests=1, failures=0, errors=1, skipped=0)
        suites += [
            f"  <testsuite{counts}>",
            f"    <testcase{attributes(classname=one.source, name='evaluation')}>",
            f"      <error{attributes(message=one.reason)}/>",
            "    </testcase>",
            "  </testsuite>",
        ]
    head = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{attributes(name='policyd')}>"]
    return "\n".join([*head, *suites, "</testsuites>"]) + "\n"


def _suite(source: str, own: list[Entry]) -> Iterator[str]:
    failures = sum(entry.level == "error" for entry in own)
    skipped = len(own) - failures
    counts = attributes(
        name=source, tests=max(len(own), 1), failures=failures, errors=0, skipped=skipped
    )
    yield f"  <testsuite{counts}>"
    if not own:
        yield f"    <testcase{attributes(classname=source, name='no violation')}/>"
    names: dict[str, int] = {}
    for entry in own:
        name = f"{entry.rule} {entry.service}".rstrip()
        count = names[name] = names.get(name, 0) + 1
        yield from _case(entry, name if count == 1 else f"{name} ({count})")
    yield "  </testsuite>"


def _case(entry: Entry, name: str) -> Iterator[str]:
    fix = f" {entry.remediation}" if entry.remediation else ""
    message = f"{entry.location}: {entry.message}.{fix}"
    yield f"    <testcase{attributes(classname=entry.source, name=name, file=entry.location.file)}>"
    if entry.level == "error":
        yield f"      <failure{attributes(type=entry.severity, message=message)}/>"
    else:
        yield f"      <skipped{attributes(message=f'{entry.level}: {message}')}/>"
    yield "    </testcase>"
