"""`policyd test`: run the tests of policies, and report the coverage of the Rego.

In: folders of policies. Out: failed tests, a summary and the coverage on standard output; exit 1
when a test failed or the coverage is below the minimum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.cli import DENIED
from policyd.formats.json import document
from policyd.formats.table import table, visible
from policyd.model import API_VERSION
from policyd.rego_tests import Coverage, TestResult, coverage, percentage, run

HEADER: Final = ("FILE", "LINES", "COVERED", "NOT COVERED")

EPILOG: Final = """\b
Examples:
  policyd test policies
  policyd test policies/gpu/no_all_gpus --verbose
  policyd test policies --coverage --min 95
\b
There are two kinds of tests. A rule test_… in a file *_test.rego must be
true. A sample is a Compose file in a folder samples, or compose.yaml in a
folder below it. Its first line lists the expected violations:
  # expect: no-privileged      or      # expect: nothing
All policies of the pack evaluate a sample, unless a following line names
policies and parameters, or the host:
  # constraints: {max-gpus: {limit: 2}}
  # host: gpu-01
The file samples/data.yaml has data for samples. Only test rules count for the
coverage, samples do not.
"""


@click.command("test", epilog=EPILOG, short_help="Run the tests of policies.")
@click.argument("paths", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="List passed tests too.")
@click.option(
    "--coverage", "measured", is_flag=True, help="Report the lines of Rego that no test evaluates."
)
@click.option(
    "--min",
    "minimum",
    type=click.FloatRange(0, 100),
    metavar="N",
    help="Fail when the coverage is below N percent; requires --coverage.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    paths: tuple[Path, ...], verbose: bool, measured: bool, minimum: float | None, form: str
) -> int:
    """Run the tests of the policies in each FOLDER. The default is the current folder."""
    if minimum is not None and not measured:
        raise click.UsageError("--min requires --coverage")
    folders = paths or (Path(),)
    results = run(folders)
    files = coverage(folders) if measured else None
    if form == "json":
        click.echo(_report(results, files), nl=False)
    else:
        click.echo("\n".join([*_tests(results, verbose), *_coverage(files, minimum)]))
    passed = all(result.passed for result in results)
    covered = minimum is None or percentage(files or ()) >= minimum
    return 0 if passed and covered else DENIED


def _tests(results: Sequence[TestResult], verbose: bool) -> Iterator[str]:
    for result in results:
        if not result.passed or verbose:
            said = result.message or "passed"
            yield visible(f"{result.location}: {result.name}: {said}")
    failed = sum(not result.passed for result in results)
    yield f"{len(results) - failed} passed, {failed} failed"


def _coverage(files: Sequence[Coverage] | None, minimum: float | None) -> Iterator[str]:
    if files is None:
        return
    rows = [
        (
            file.file,
            str(file.covered + len(file.missed)),
            _percent(percentage([file])),
            ", ".join(_ranges(file.missed)),
        )
        for file in files
    ]
    yield ""
    yield from table(HEADER, rows)
    yield ""
    found = percentage(files)
    below = f", below the minimum of {minimum:g} %" if minimum and found < minimum else ""
    yield f"{_percent(found)} of {sum(int(row[1]) for row in rows)} lines covered{below}"


def _percent(value: float) -> str:
    """Return a percentage with one decimal, rounded down, so that 100.0 means all lines."""
    return f"{math.floor(value * 10) / 10:.1f} %"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """Yield sorted `lines` as ranges: "3", "7-9"."""
    for _, group in groupby(enumerate(lines), lambda pair: pair[1] - pair[0]):
        neighbours = [line for _, line in group]
        first, last = neighbours[0], neighbours[-1]
        yield f"{first}-{last}" if last > first else str(first)


def _report(results: Sequence[TestResult], files: Sequence[Coverage] | None) -> str:
    report: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "TestReport", "tests": results}
    if files is not None:
        report["coverage"] = {
            "percent": percentage(files),
            "files": [
                {**msgspec.structs.asdict(file), "percent": percentage([file])} for file in files
            ],
        }
    return document(report)
