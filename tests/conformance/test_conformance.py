"""The loader gives the answer that `docker compose config` gave to every recorded case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.case import CASES, Case, read_case
from tests.conformance.differences import DELIBERATE

_AREAS = sorted(path.name for path in CASES.iterdir() if path.is_dir())


@pytest.mark.thorough
@pytest.mark.parametrize("area", _AREAS)
def test_loads_as_compose_does(area: str, record_property: Callable[[str, object], None]) -> None:
    cases = [read_case(path) for path in sorted((CASES / area).glob("*.txtar"))]
    wrong = {case.name: found for case in cases if (found := _problems(case))}
    record_property("agreeing cases", len(cases) - len(wrong))

    assert not wrong, "\n".join(
        line for name, found in wrong.items() for line in (name, *(f"  {one}" for one in found))
    )


def _problems(case: Case) -> list[str]:
    """Return the differences that are not deliberate, or that a deliberate one is gone."""
    try:
        found = disagreements(case)
    except Exception as crash:
        crash.add_note(f"The loader was given the case {case.name}.")
        raise
    if reason := DELIBERATE.get(case.name):
        return [] if found else [f"agrees now; listed as different because {reason}"]
    return found


def test_deliberate_differences_name_cases() -> None:
    assert [name for name in DELIBERATE if not (CASES / f"{name}.txtar").is_file()] == []
