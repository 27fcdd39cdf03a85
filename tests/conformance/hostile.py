"""Projects that are made to stall, crash or mislead a loader.

`HOSTILE` maps a name to a function that builds the case, so that the large ones exist only while
they are used. Most must be refused; some are only large.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case
from tests.conformance.hostile_containers import CONTAINERS
from tests.conformance.hostile_projects import PROJECTS
from tests.conformance.hostile_values import VALUES
from tests.conformance.hostile_yaml import YAML

HOSTILE: dict[str, Callable[[], Case]] = {**YAML, **VALUES, **PROJECTS, **CONTAINERS}
