"""End a worker that is stuck, so that another takes its place.

Rego, once it runs, holds the lock of the interpreter and cannot be interrupted: no thread of the
worker runs then, and none could end it. So a timer of the kernel does, unless a thread puts it off
in time. It counts processor time of this process: one that is paused, or starved, is not stuck.
"""

from __future__ import annotations

import faulthandler
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

    What its threads were at is then on standard error. Call it in the main thread.
    """
    faulthandler.register(signal.SIGVTALRM, file=sys.stderr, chain=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    threading.Thread(target=_put_off, args=(seconds,), name="policyd-watchdog", daemon=True).start()


def _put_off(seconds: float) -> None:
    while True:
        time.sleep(min(PUTTING_OFF_SECONDS, seconds / 4))
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
