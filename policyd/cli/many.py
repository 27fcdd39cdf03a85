"""Judge projects one after the other, or many on all cores.

In: targets, and what makes a judge. Out: an outcome each, in the order of the targets. Each process
builds its own services, since an engine and a database connection do not survive a fork.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from policyd.cli.options import Target
from policyd.formats.reviewed import Reviewed

MANY: Final = 24
"""Targets from which further processes pay: starting one costs as much as some twenty projects."""
AT_ONCE: Final = 8
"""Targets that a process takes at a time."""


class Undecided(msgspec.Struct, frozen=True):
    """A target for which there is no decision, and why."""

    source: str
    reason: str


Outcome = Reviewed | Undecided
Judge = Callable[[Target], Outcome]

_judge: Judge


def outcomes(targets: Sequence[Target], make_judge: Callable[[], Judge]) -> Iterator[Outcome]:
    """Yield the outcome of each of `targets`. `make_judge` must be picklable."""
    workers = min(_cores(), len(targets) // AT_ONCE)
    if len(targets) < MANY or workers < 2:
        yield from map(make_judge(), targets)
        return
    import multiprocessing  # 20 ms that one project need not wait for

    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Pool(workers, _start, (make_judge,)) as pool:
        yield from pool.imap(_ask, targets, chunksize=AT_ONCE)


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(make_judge: Callable[[], Judge]) -> None:
    global _judge
    _judge = make_judge()


def _ask(target: Target) -> Outcome:
    return _judge(target)
