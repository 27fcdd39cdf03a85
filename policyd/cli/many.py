"""Evaluate projects one after the other, or many of them on all cores.

In: targets, and a function that returns an evaluator. Out: an outcome for each target, in order.
Each process builds its own services, because engines and database connections do not survive a
fork.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from policyd.cli.changed import Untouched
from policyd.cli.options import Target
from policyd.errors import EngineError
from policyd.formats.report.reviewed import Reviewed
from policyd.model import Undecided

MANY: Final = 24
"""Number of targets for which more processes pay off: starting one takes as long as 20 projects."""
AT_ONCE: Final = 8
"""Targets that a process receives at a time."""


Outcome = Reviewed | Undecided | Untouched
Evaluator = Callable[[Target], Outcome]
Result = TypeVar("Result")

_evaluator: Callable[[Target], Any] | None = None
"""The evaluator of this worker process. The first target creates it."""


def outcomes(
    targets: Sequence[Target], make_evaluator: Callable[[], Callable[[Target], Result]]
) -> Iterator[Result]:
    """Yield the result of each of `targets`. `make_evaluator` must be picklable.

    Raises what `make_evaluator` raises, and EngineError when a process was killed.
    """
    workers = min(_cores(), len(targets) // AT_ONCE)
    if len(targets) < MANY or workers < 2:
        yield from map(make_evaluator(), targets)
        return
    # Imported here: it takes 20 ms, and one project does not need it.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_parent) as pool:
        ask = functools.partial(_ask, make_evaluator)
        try:
            yield from pool.map(ask, targets, chunksize=AT_ONCE)
        except BrokenProcessPool as error:
            raise EngineError("a worker process was killed") from error


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ask(make_evaluator: Callable[[], Callable[[Target], Result]], target: Target) -> Result:
    global _evaluator
    if _evaluator is None:
        _evaluator = make_evaluator()
    result: Result = _evaluator(target)
    return result
