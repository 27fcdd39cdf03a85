"""Judge projects one after the other, or many on all cores.

In: targets, and what makes a judge. Out: an outcome each, in the order of the targets. Each process
builds its own services, since an engine and a database connection do not survive a fork.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from policyd.cli.options import Target
from policyd.errors import EngineError
from policyd.formats.reviewed import Reviewed
from policyd.wire import Undecided

MANY: Final = 24
"""Targets from which further processes pay: starting one costs as much as some twenty projects."""
AT_ONCE: Final = 8
"""Targets that a process takes at a time."""


Outcome = Reviewed | Undecided
Judge = Callable[[Target], Outcome]

_judge: Judge | None = None
"""What judges in this process, a worker; made by its first target."""


def outcomes(targets: Sequence[Target], make_judge: Callable[[], Judge]) -> Iterator[Outcome]:
    """Yield the outcome of each of `targets`. `make_judge` must be picklable.

    Raises what `make_judge` raises, and EngineError when a process was killed.
    """
    workers = min(_cores(), len(targets) // AT_ONCE)
    if len(targets) < MANY or workers < 2:
        yield from map(make_judge(), targets)
        return
    # Imported here: 20 ms that one project need not wait for.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_parent) as pool:
        ask = functools.partial(_ask, make_judge)
        try:
            yield from pool.map(ask, targets, chunksize=AT_ONCE)
        except BrokenProcessPool as error:
            raise EngineError("a process that judged projects was killed") from error


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ask(make_judge: Callable[[], Judge], target: Target) -> Outcome:
    global _judge
    if _judge is None:
        _judge = make_judge()
    return _judge(target)
