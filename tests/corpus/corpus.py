"""The labelled projects: what grants and violations each has, by the catalogue of GPU policies.

`cases/*.txtar`: `case.json` (note, class, tags, how Compose is called, `expect`) and `project/…`.
Of the classes, `benign` has no grant and no violation, `invalid` is refused by Compose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policyd.model import Decision
from tests.conformance import txtar
from tests.conformance.case import Case

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Labelled:
    """A project with its labels: sorted ids of the policies it violates, and its grants."""

    case: Case
    kind: str
    violations: tuple[str, ...]
    grants: tuple[str, ...]


def read() -> list[Labelled]:
    """Return all labelled projects, by name."""
    return [_read(path) for path in sorted(CASES.glob("*.txtar"))]


def _read(path: Path) -> Labelled:
    parts = txtar.parse(path.read_bytes())
    options = json.loads(parts["case.json"])
    files = {
        name.removeprefix("project/"): content
        for name, content in parts.items()
        if name.startswith("project/")
    }
    expect = options["expect"]
    return Labelled(
        case=Case(name=path.stem, files=files, options=options),
        kind=options["class"],
        violations=tuple(sorted(expect.get("violations", ()))),
        grants=_sorted(expect.get("grants", ())),
    )


def violations(decision: Decision) -> tuple[str, ...]:
    """Return the sorted ids of the policies that `decision` reports."""
    return tuple(sorted({violation.policy for violation in decision.violations}))


def grants(decision: Decision) -> tuple[str, ...]:
    """Return the grants of `decision` in the form of the labels, which leave out two fields."""
    return _sorted(
        {
            "service": grant.service,
            "vendor": grant.vendor,
            "method": grant.method,
            "devices": grant.devices,
        }
        for grant in decision.grants
    )


def _sorted(found: Any) -> tuple[str, ...]:
    return tuple(sorted(json.dumps(grant, sort_keys=True) for grant in found))
