"""`policyd init`: write the first files by which a repository adopts policyd.

In: the current folder. Out: new files, and what to add to files that exist.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

import click

from policyd.adoption.first_files import Forge, first_files
from policyd.adoption.repository_file import repository_root
from policyd.cli import complain
from policyd.cli.options import current_folder
from policyd.errors import ConfigError
from policyd.formats.table import visible

EPILOG: Final = """\b
Examples:
  policyd init
  policyd init --dry-run
  policyd init --ci gitlab
"""


@click.command("init", epilog=EPILOG)
@click.option(
    "--ci",
    "forge",
    type=click.Choice(get_args(Forge)),
    help="Pipeline to write a job for. Default: the one whose files the repository has.",
)
@click.option("--dry-run", is_flag=True, help="Print the files, and write nothing.")
def command(forge: Forge | None, dry_run: bool) -> int:
    """Write .policyd.yaml, a pre-commit hook and a CI job for this repository.

    Looks for the projects and the pipeline of this folder, the root of a repository. A file that
    exists is not changed: the command prints what to add.
    """
    root = current_folder()
    if root != (top := repository_root(root)):
        complain(
            f"the root of the repository is {top}: pipelines look for their files there", "note"
        )
    found = first_files(root, forge)
    for name, text in found.written.items():
        if not dry_run:
            _write(Path(root, name), text)
        click.echo(f"{'would write' if dry_run else 'wrote'} {visible(name)}")
        if dry_run:
            _quote(text)
    for name in found.existing:
        click.echo(f"{visible(name)} exists and is not changed")
    for name, text in found.added.items():
        click.echo(f"add to {visible(name)}:")
        _quote(text)
    if found.forge == "none":
        click.echo("no pipeline found; name one with --ci, or see docs/pipelines.md")
    projects = "1 project" if found.projects == 1 else f"{found.projects} projects"
    click.echo(f"\n{projects} found. Run `policyd check`.")
    return 0


def _quote(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"    {visible(line)}".rstrip())


def _write(path: Path, text: str) -> None:
    """Write a new file. Raises ConfigError when it exists by now, or cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
