"""The program `policyd`, which is also `python -m policyd`."""

from __future__ import annotations

import gc
from typing import Final

from policyd.library_imports import import_click, import_msgspec

YOUNG_OBJECTS: Final = 50_000
"""New objects after which Python looks for garbage among them.

With its default of 700, it looks a hundred times while modules are imported, whose objects stay.
"""


def run() -> None:
    """Run the command that the arguments of the process name, and exit with its code."""
    gc.set_threshold(YOUNG_OBJECTS)
    import_msgspec()
    import_click()
    from policyd.cli import main

    try:
        main(prog_name="policyd")
    finally:
        # When Python ends, it looks for garbage among all objects, which takes a tenth of the
        # processor time of a short command. Frozen objects are left out.
        gc.freeze()


if __name__ == "__main__":
    run()
