"""Count the work of a call, independently of the speed of the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import policyd

PACKAGE = str(Path(policyd.__file__).parent)


def lines_run(call: Callable[[], object]) -> int:
    """Return how many lines of policyd `call` runs; a line in a loop counts each time."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
