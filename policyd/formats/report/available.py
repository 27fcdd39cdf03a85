"""The formats of reports, each in the module of its name.

A module is imported when its format is first used, because `check` starts faster without the
others.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Final

from policyd.formats.contract import Format, Formats
from policyd.formats.report.entries import Report

NAMES: Final = (
    "checkstyle",
    "github",
    "gitlab",
    "json",
    "junit",
    "markdown",
    "rdjson",
    "sarif",
    "text",
)
"""The formats in the order that help lists."""


class _Reports(Mapping[str, Format[Report]]):
    def __getitem__(self, name: str) -> Format[Report]:
        if name not in NAMES:
            raise KeyError(name)
        found: Format[Report] = importlib.import_module(f"policyd.formats.report.{name}").render
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


REPORT: Final[Formats[Report]] = _Reports()
