"""The program `policyd`, which is also `python -m policyd`."""

from __future__ import annotations

import gc
import sys
from typing import Final

YOUNG_OBJECTS: Final = 50_000
"""New objects after which Python looks for garbage among them.

With its default of 700, it looks a hundred times while modules are imported, whose objects stay.
"""


def run() -> None:
    """Run the command that the arguments of the process name, and exit with its code."""
    gc.set_threshold(YOUNG_OBJECTS)
    _import_msgspec()
    from policyd.cli import main

    try:
        main(prog_name="policyd")
    finally:
        # When Python ends, it looks for garbage among all objects, which takes a tenth of the
        # processor time of a short command. Frozen objects are left out.
        gc.freeze()


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions, if nothing has imported that before.

    msgspec takes from it what is in `typing` from Python 3.11 on, and importing it takes a
    twentieth of the processor time of a short command.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401
    except ImportError:
        pass  # The next import of msgspec raises it, or finds typing_extensions.
    finally:
        del sys.modules["typing_extensions"]


if __name__ == "__main__":
    run()
