"""Compare the answer of the loader with the answer of Compose to a case."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from policyd.compose import load
from policyd.errors import BundleError, ComposeError, NoComposeFile
from tests.conformance.case import Case
from tests.conformance.comparison import differences

LIMIT_SECONDS = 5
REFUSALS = (ComposeError, NoComposeFile, BundleError)
"""The errors with which the loader refuses a project. BundleError is for a path on the command line
that is not a readable file."""


class TookTooLong(BaseException):
    """The loader did not return within the time limit."""


def disagreements(case: Case) -> list[str]:
    """Return a line for each difference between the loader and the answer in `case`.

    The text of a refusal may differ. Any other error of the loader is raised.
    """
    return compare(case, case.config, case.error)


def compare(case: Case, expected: dict[str, Any] | None, error: str) -> list[str]:
    """Return the differences between loading `case` and `expected` (None: refused with `error`)."""
    try:
        config = load(case.bundle()).config()
    except REFUSALS as refusal:
        return [] if expected is None else [f"refused: {refusal}"]
    if expected is None:
        return [f"accepted, but Compose refuses: {error.strip()}"]
    return list(differences(expected, config))


def guarded(case: Case, expected: dict[str, Any] | None, error: str) -> list[str]:
    """Return what `compare` returns; a crash or a timeout of the loader is a difference too."""
    try:
        with _time_limit():
            return compare(case, expected, error)
    except TookTooLong:
        return [f"CRASH no answer after {LIMIT_SECONDS} s"]
    except Exception as crash:  # noqa: BLE001 - every crash of the loader is a finding
        frame = traceback.extract_tb(crash.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        lines = "".join(traceback.format_exception(crash, limit=-8)).splitlines()
        return [f"CRASH {type(crash).__name__}: {crash} ({place})", *lines]


@contextmanager
def _time_limit() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TookTooLong
