"""`policyd test`: run the tests of policies, and report the coverage of the Rego.

In: folders of policies. Out: failed tests, a summary and the coverage on standard output; exit 1
when a test failed or the coverage is below the minimum.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import msgspec

from policyd.cli import DENIED
from policyd.cli.output import format_option, show
from policyd.formats.available import REGO_TESTS
from policyd.formats.rego_tests import RegoTestRun
from policyd.opa_comparison import compared
from policyd.rego_tests import report

EPILOG: Final = """\b
Examples:
  policyd test policies
  policyd test policies/gpu/no_all_gpus --verbose
  policyd test policies --coverage --min 95
  policyd test policies --engine opa
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
    "--engine",
    type=click.Choice(["embedded", "opa"]),
    default="embedded",
    show_default=True,
    help="With opa, run all tests with the program `opa` too, and report differences.",
)
@format_option(REGO_TESTS)
def command(
    paths: tuple[Path, ...],
    verbose: bool,
    measured: bool,
    minimum: float | None,
    engine: str,
    form: str,
) -> int:
    """Run the tests of the policies in each FOLDER. The default is the current folder."""
    if minimum is not None and not measured:
        raise click.UsageError("--min requires --coverage")
    folders = paths or (Path(),)
    found = report(folders, measured=measured)
    if engine == "opa":
        found = compared(found, folders)
    show(RegoTestRun(found, verbose, minimum), REGO_TESTS, form)
    passed = all(result.passed for result in found.tests)
    percent = 100.0 if found.coverage is msgspec.UNSET else found.coverage.percent
    return 0 if passed and percent >= (minimum or 0) else DENIED
