"""The bounds of the loader are numbers with a reason, and hold where they are read."""

from __future__ import annotations

from policyd.compose import limits
from tests.support.compose_projects import refusal


def test_every_limit_is_positive() -> None:
    values = {name: value for name, value in vars(limits).items() if name.startswith("MAX_")}

    assert len(values) > 10
    assert all(isinstance(value, int) and value > 0 for value in values.values())


def test_too_many_services_are_refused() -> None:
    services = "".join(f"  s{number}: *x\n" for number in range(limits.MAX_SERVICES + 1))

    assert refusal(f"x-x: &x {{image: x}}\nservices:\n{services}") == (
        "compose.yaml:2:1: the project has more than 2000 services and jobs"
    )
