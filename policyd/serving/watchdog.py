"""Stop a worker that hangs, so that it is replaced, and a worker without a main process.

An evaluation in regorus holds the GIL and cannot be interrupted, so no thread of the worker can
stop it. Therefore a kernel timer stops the process unless a thread resets the timer regularly. It
measures processor time, because a process that is paused or gets no processor does not hang. A
worker whose main process has died would use its last policy set forever.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from typing import Final

LEAST_SECONDS: Final = 10
"""A worker may take this long at its start, when it imports and reads everything."""
RESET_SECONDS: Final = 1.0


def start(seconds: float) -> None:
    """Stop this process when no other thread has run for `seconds` of its processor time.

    The tracebacks of its threads are written to standard error. When the parent process has ended,
    this process is terminated with SIGTERM.
    """
    faulthandler.register(signal.SIGVTALRM, file=sys.stderr, chain=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    threading.Thread(
        target=_watch, args=(seconds, os.getppid()), name="policyd-watchdog", daemon=True
    ).start()


def _watch(seconds: float, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(min(RESET_SECONDS, seconds / 4))
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    os.kill(os.getpid(), signal.SIGTERM)
