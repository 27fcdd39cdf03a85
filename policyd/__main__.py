"""The program `policyd`, which is also `python -m policyd`."""

from __future__ import annotations

import gc
import sys

# Python looks for garbage after so many new objects. With its default of 700, it would look a
# hundred times during the imports, whose objects stay.
gc.set_threshold(50_000)

from policyd.library_imports import import_click, import_msgspec  # noqa: E402


def run() -> None:
    """Run the command that the arguments of the process name, and exit with its code.

    A bug keeps its traceback. Its exit code is 2, because 1 means that a project is denied.
    """
    import_msgspec()
    import_click()
    from policyd.cli import UNDECIDED, main

    try:
        main(prog_name="policyd")
    except Exception:  # noqa: BLE001 (Python would exit with 1, which means denied)
        import traceback  # here, because only a bug needs it

        traceback.print_exc()
        sys.exit(UNDECIDED)
    finally:
        # When Python ends, it looks for garbage among all objects, which takes a tenth of the
        # processor time of a short command. Frozen objects are left out.
        gc.freeze()


if __name__ == "__main__":
    run()
