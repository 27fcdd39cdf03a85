"""`policyd test`: run the tests of policies.

In: folders of policies. Out: what failed and a count on standard output; exit 1 when a test failed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from policyd.cli import DENIED
from policyd.formats.json import document
from policyd.formats.table import visible
from policyd.regotest import run

EPILOG: Final = """\b
Examples:
  policyd test policies
  policyd test policies/gpu/no_all_gpus --verbose
\b
A test is a rule test_… in a file *_test.rego, which must be true, or a
Compose file in a folder samples, whose first line says what must be found in
it: # expect: no-privileged, or # expect: nothing.
"""


@click.command("test", epilog=EPILOG)
@click.argument(
    "paths", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path)
)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that passed too.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(paths: tuple[Path, ...], verbose: bool, form: str) -> int:
    """Run the tests of the policies in each FOLDER."""
    results = run(paths)
    failed = [result for result in results if not result.passed]
    if form == "json":
        click.echo(document(results), nl=False)
        return DENIED if failed else 0
    for result in results:
        if not result.passed:
            click.echo(visible(f"{result.location}: {result.name}: {result.message}"))
        elif verbose:
            click.echo(visible(f"{result.location}: {result.name}: passed"))
    click.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return DENIED if failed else 0
