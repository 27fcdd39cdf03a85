"""Print the documents of commands.

In: a document, the formats of its kind, and the name of one of them. Out: text on standard output,
with colours on a terminal, or as --color says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar, get_args

import click

from policyd.cli.options import Command
from policyd.formats.contract import Formats

Document = TypeVar("Document")
ColourChoice = Literal["auto", "always", "never"]


def colour_option(command: Command) -> Command:
    """Return `command` with `--color` added."""
    return click.option(
        "--color",
        "colour",
        type=click.Choice(get_args(ColourChoice)),
        default="auto",
        show_default=True,
        help="Colours: auto means on a terminal, and follows NO_COLOR and FORCE_COLOR.",
    )(command)


def format_option(
    names: Iterable[str], default: str = "text", help_text: str | None = None
) -> Callable[[Command], Command]:
    """Return a decorator that adds `--format`, whose values are `names`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(list(names)),
        default=default,
        show_default=True,
        help=help_text,
    )


def show(
    document: Document,
    formats: Formats[Document],
    form: str = "text",
    colour: ColourChoice = "auto",
    *,
    is_error: bool = False,
) -> None:
    """Print `document` in the format `form` of `formats`; on standard error if `is_error`."""
    coloured = has_colours(colour)
    text = formats[form](document, colour=coloured)
    click.echo(text, nl=False, err=is_error, color=coloured)


def has_colours(choice: ColourChoice) -> bool:
    """Return whether standard output gets colours.

    `auto` means on a terminal that is not dumb. NO_COLOR turns them off there, and FORCE_COLOR
    turns them on elsewhere, if it is not empty. Sources: no-color.org, force-color.org.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return on_terminal() and os.environ.get("TERM") != "dumb"


def on_terminal() -> bool:
    """Return whether standard output is a terminal. A process may be started without one."""
    return sys.stdout is not None and sys.stdout.isatty()


def columns() -> int:
    """Return the width of the terminal, 0 if standard output is not a terminal."""
    if not on_terminal():
        return 0
    import shutil  # here, because it takes as long as the text of a small report

    return shutil.get_terminal_size().columns
