"""Projects that are made to stall, crash or mislead a loader.

`HOSTILE` maps a name to a function that builds the case, so that the large ones exist only while
they are used. Most must be refused; some are only large.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from tests.conformance.case import Case
from tests.conformance.hostile_containers import CONTAINERS
from tests.conformance.hostile_projects import PROJECTS
from tests.conformance.hostile_values import VALUES
from tests.conformance.hostile_yaml import YAML

HOSTILE: dict[str, Callable[[], Case]] = {**YAML, **VALUES, **PROJECTS, **CONTAINERS}

_LARGE = (
    "*-in-great-number", "*-in-two-files", "*-of-many-services", "*-of-the-whole-range*",
    "*env-files*", "env-file-of-many-*", "*-megabyte*", "*-mebibytes", "*-of-comment",
    "command-of-*", "hooks-that-*", "hooks-with-*", "slow-many-*s", "depends-on-*",
    "extends-of-one-file-many-times", "include-wide", "job-extends-chain", "jobs-in-a-circle",
    "label-files-*", "long-value-in-many-fields", "million-keys", "pools-of-many-networks",
    "profiles-of-the-environment",
)  # fmt: skip


def is_large(name: str) -> bool:
    """Return whether the project takes long: only a limit of the loader on its size stops it."""
    return any(fnmatchcase(name, pattern) for pattern in _LARGE)
