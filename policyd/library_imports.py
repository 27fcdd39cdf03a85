"""Import libraries with less work than they do on their own, for commands that end at once.

Without these functions the libraries work the same. Call them before other threads import.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

from policyd.lazy_pattern import lazy_pattern


def import_msgspec() -> None:
    """Import msgspec without typing_extensions, if nothing has imported that before.

    msgspec takes from it what is in `typing` from Python 3.11 on, and importing it takes a
    twentieth of the processor time of a short command. The patterns of `platform` and `textwrap`,
    which msgspec imports and does not use, are compiled at their first use.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        _import_with_lazy_patterns("msgspec")
    except ImportError:
        pass  # The next import of msgspec raises it, or finds typing_extensions.
    finally:
        del sys.modules["typing_extensions"]


def import_click() -> None:
    """Import click without `inspect` and `gettext`, if nothing did before.

    click needs `inspect` for the text of help and for functions as defaults, and imports it then.
    With the modules of the Python parser, which it imports in turn, it takes a twentieth of the
    processor time of a short command. `gettext` would search the system for a translation of
    click's sentences; those of policyd have none.
    """
    if "click" in sys.modules:
        return
    modules = {"inspect": _LazyInspect("inspect"), "gettext": _Untranslated("gettext")}
    instead = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(instead)
    try:
        import click  # noqa: F401
    finally:
        for name in instead:
            del sys.modules[name]


def import_yaml() -> None:
    """Import PyYAML, whose patterns are compiled at their first use.

    Most of them are for its parser in Python, which policyd does not use. Compiling them takes a
    tenth of the processor time of a short command.
    """
    if "yaml" not in sys.modules:
        _import_with_lazy_patterns("yaml")


class _LazyInspect(ModuleType):
    """The module `inspect` as click sees it."""

    @staticmethod
    def cleandoc(doc: str) -> str:
        """Return what `inspect.cleandoc` returns. It leaves one line as it is."""
        if doc.isprintable() and not doc.startswith(" "):
            return doc
        import inspect

        return inspect.cleandoc(doc)

    def __getattr__(self, name: str) -> Any:
        import inspect

        return getattr(inspect, name)


class _Untranslated(ModuleType):
    """The module `gettext` as click sees it."""

    @staticmethod
    def gettext(message: str) -> str:
        """Return `message`."""
        return message

    @staticmethod
    def ngettext(one: str, several: str, number: int) -> str:
        """Return the form of a message for `number` things."""
        return one if number == 1 else several


def _import_with_lazy_patterns(name: str) -> None:
    compile_now = re.compile
    re.compile = lazy_pattern  # type: ignore[assignment]
    try:
        __import__(name)
    finally:
        re.compile = compile_now
