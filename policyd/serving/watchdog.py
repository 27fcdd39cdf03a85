"""End a worker that is stuck, so that another takes its place, and one that is left alone.

Rego, once it runs, holds the lock of the interpreter and cannot be interrupted: no thread of the
worker runs then, and none could end it. So a timer of the kernel does, unless a thread puts it off
in time. It counts processor time of this process: one that is paused, or starved, is not stuck.
A worker whose main process is gone would judge for ever by the policy set of that day.
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
"""granian takes workers that end within 5.5 seconds of their start for a loop, and gives up."""
PUTTING_OFF_SECONDS: Final = 1.0


def start(seconds: float) -> None:
    """End this process once no other thread has run for `seconds` of its processor time.

    What its threads were at is then on standard error. It is asked to end (SIGTERM) when its parent
    is gone.
    """
    faulthandler.register(signal.SIGVTALRM, file=sys.stderr, chain=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    threading.Thread(
        target=_watch, args=(seconds, os.getppid()), name="policyd-watchdog", daemon=True
    ).start()


def _watch(seconds: float, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(min(PUTTING_OFF_SECONDS, seconds / 4))
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    os.kill(os.getpid(), signal.SIGTERM)
