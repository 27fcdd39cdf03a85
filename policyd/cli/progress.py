"""Show on a terminal how far a command is. Nothing is printed where standard error is a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Final, TypeVar

import click

SECONDS: Final = 0.1
"""Seconds between two updates."""
MAX_CELLS: Final = 40
"""Characters of a full bar."""
_CLEAR: Final = "\r\x1b[K"

Item = TypeVar("Item")


def with_progress(items: Iterable[Item], total: int) -> list[Item]:
    """Return `items` as a list, with a bar on standard error while they come, if several do."""
    found: list[Item] = []
    shown = 0.0
    watched = total > 1 and sys.stderr.isatty()
    if watched:
        import shutil  # here, because one project does not need it
    try:
        for item in items:
            found.append(item)
            if watched and time.monotonic() - shown > SECONDS:
                shown = time.monotonic()
                line = bar(len(found), total, shutil.get_terminal_size().columns)
                click.echo(f"\r{line}", err=True, nl=False)
    finally:
        if watched:
            click.echo(_CLEAR, err=True, nl=False)
    return found


def bar(done: int, total: int, columns: int) -> str:
    """Return a bar for `done` of `total` projects that fits in a terminal of `columns`."""
    words = f"{done} of {total} projects"
    cells = min(MAX_CELLS, columns - len(words) - 4)
    if cells < 1:
        return words[: max(columns - 1, 0)]
    full = cells * done // total
    return f"[{'#' * full}{'-' * (cells - full)}] {words}"
