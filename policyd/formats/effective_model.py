"""The effective model of a project, and the input of policies, as indented JSON.

In: a Project, or the JSON of the input. Out: JSON with the keys in the order in which they are set.
The model is written as `docker compose config --format json` does; the standard library is used
because it writes integers of any size.
"""

from __future__ import annotations

import json
from typing import Any

from policyd.compose.project import Project
from policyd.formats.json import escaped


def compose_json(project: Project, *, colour: bool = False) -> str:
    """Return the effective model of `project`."""
    return _indented(project.config())


def review_json(policy_input: bytes, *, colour: bool = False) -> str:
    """Return the JSON document `policy_input` with indentation."""
    return _indented(json.loads(policy_input))


def _indented(value: Any) -> str:
    return escaped(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
