"""Evaluate projects one after the other, or many of them on all cores.

In: targets, and a function that returns an evaluator. Out: an outcome for each target, in order.
Each process builds its own services, because database connections do not survive a fork. An
evaluator without connections is made once, and forked processes use it.
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
from policyd.config import Settings
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
"""The evaluator of this worker process: that of its parent, or the first target creates it."""


def outcomes(
    targets: Sequence[Target],
    make_evaluator: Callable[[], Callable[[Target], Result]],
    *,
    survives_fork: bool = False,
) -> Iterator[Result]:
    """Yield the result of each of `targets`. `make_evaluator` must be picklable.

    `survives_fork` says that an evaluator that was not yet used works in a forked process. Raises
    what `make_evaluator` raises, and EngineError when a process was killed.
    """
    global _evaluator
    workers = min(_cores(), len(targets) // AT_ONCE)
    if len(targets) < MANY or workers < 2:
        yield from map(make_evaluator(), targets)
        return
    # Imported here: it takes 20 ms, and one project does not need it.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if survives_fork and method == "fork":
        _evaluator = make_evaluator()
    try:
        with ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_parent) as pool:
            ask = functools.partial(_ask, make_evaluator)
            yield from pool.map(ask, targets, chunksize=AT_ONCE)
    except BrokenProcessPool as error:
        raise EngineError("a worker process was killed") from error
    finally:
        _evaluator = None


def survives_fork(settings: Settings) -> bool:
    """Return whether services for `settings` work in a process forked after they were built.

    They do without connections to a database and to registries. An engine has no threads and no
    connections before its first evaluation.
    """
    return not settings.audit and settings.images == "off"


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
