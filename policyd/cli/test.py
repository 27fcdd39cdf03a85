"""`policyd test`: run the tests of policies, and say what they leave out.

In: folders of policies. Out: what failed, a count and the coverage on standard output; exit 1 when
a test failed, or less is covered than must be.
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
A test is a rule test_… in a file *_test.rego, which must be true, or a
sample: a Compose file in a folder samples, or compose.yaml in a folder there.
Its first line says what must be found in it: # expect: no-privileged, or
# expect: nothing. It is judged by the policies of its pack; a line below may
name policies with parameters, # constraints: {max-gpus: {limit: 2}}, and
another the host, # host: gpu-01. samples/data.yaml holds data for samples.
Lines count as covered when a test rule evaluates them.
"""


@click.command("test", epilog=EPILOG, short_help="Run the tests of policies.")
@click.argument("paths", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that passed too.")
@click.option("--coverage", "measured", is_flag=True, help="Say which lines no test evaluates.")
@click.option(
    "--min",
    "minimum",
    type=click.FloatRange(0, 100),
    metavar="N",
    help="With --coverage: fail below N lines of 100.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    paths: tuple[Path, ...], verbose: bool, measured: bool, minimum: float | None, form: str
) -> int:
    """Run the tests of the policies in each FOLDER, by default the current one."""
    if minimum is not None and not measured:
        raise click.UsageError("--min needs --coverage")
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
    """Return a percentage to one decimal, rounded down: 100 is all."""
    return f"{math.floor(value * 10) / 10:.1f} %"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """Yield sorted `lines` with neighbours together: "3", "7-9"."""
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
