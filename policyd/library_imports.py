"""Import libraries with less work than they do on their own, for commands that end at once.

Without these functions the libraries work the same. Call them before other threads import.
"""

from __future__ import annotations

import re
import sys

from policyd.lazy_pattern import lazy_pattern


def import_msgspec() -> None:
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


def import_yaml() -> None:
    """Import PyYAML, whose patterns are compiled at their first use.

    Most of them are for its parser in Python, which policyd does not use. Compiling them takes a
    tenth of the processor time of a short command.
    """
    if "yaml" in sys.modules:
        return
    compile_now = re.compile
    re.compile = lazy_pattern  # type: ignore[assignment]
    try:
        import yaml  # noqa: F401
    finally:
        re.compile = compile_now
