"""Show on a terminal how far a command is. Nothing is printed where standard error is a file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import click

SECONDS: Final = 0.1
"""Seconds between two updates."""
MAX_CELLS: Final = 40
"""Characters of a full bar."""
_CLEAR: Final = "\r\x1b[K"

Item = TypeVar("Item")


@contextlib.contextmanager
def progress_bar(things: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows a bar for so many of so many `things`; on exit, the bar is removed.

    Nothing is shown unless standard error is a terminal that can clear a line.
    """
    dumb = os.environ.get("TERM") == "dumb"
    if dumb or sys.stderr is None or not sys.stderr.isatty():
        yield _show_nothing
        return
    import shutil  # here, because one project does not need it

    shown = 0.0

    def show(done: int, total: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > SECONDS:
            shown = time.monotonic()
            line = bar(done, total, shutil.get_terminal_size().columns, things)
            click.echo(f"\r{line}", err=True, nl=False)

    try:
        yield show
    finally:
        click.echo(_CLEAR, err=True, nl=False)


def _show_nothing(_done: int, _total: int) -> None:
    pass


def with_progress(items: Iterable[Item], total: int) -> list[Item]:
    """Return `items` as a list, with a bar on standard error while they come, if several do."""
    if total <= 1:
        return list(items)
    found: list[Item] = []
    with progress_bar("projects") as show:
        for item in items:
            found.append(item)
            show(len(found), total)
    return found


def bar(done: int, total: int, columns: int, things: str = "projects") -> str:
    """Return a bar for `done` of `total` `things` that fits in a terminal of `columns`."""
    words = f"{done} of {total} {things}"
    cells = min(MAX_CELLS, columns - len(words) - 4)
    if cells < 1:
        return words[: max(columns - 1, 0)]
    full = cells * min(done, total) // total if total else cells
    return f"[{'#' * full}{'-' * (cells - full)}] {words}"
