"""Print the documents of commands.

In: a document, the formats of its kind, and the name of one of them. Out: text on standard output,
with colours only on a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

import click

from policyd.cli.options import Command
from policyd.formats.contract import Formats

Document = TypeVar("Document")


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


def show(document: Document, formats: Formats[Document], form: str = "text") -> None:
    """Print `document` in the format `form` of `formats`. NO_COLOR turns colours off."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    click.echo(formats[form](document, colour=colour), nl=False, color=colour)
