from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import ConfigError, PolicySetError
from policyd.model import Location
from policyd.policies.problems import Problems


def problem(message: str, file: str = "", line: int = 1, column: int = 1) -> PolicySetError:
    return PolicySetError(message, Location(file, line, column) if file else None)


def test_an_error_of_a_policy_set_ends_its_block_only() -> None:
    problems = Problems()
    reached = []

    for name in ("a", "b"):
        with problems.collecting():
            reached.append(name)
            raise PolicySetError(name)

    assert [str(one) for one in problems] == reached == ["a", "b"]


def test_other_errors_are_not_collected() -> None:
    problems = Problems()

    with pytest.raises(ConfigError), problems.collecting():
        raise ConfigError("not a policy set")
    assert problems == []


def test_modules_are_named_by_their_files_on_disk() -> None:
    packs = {"gpu": Path("/rules/gpu"), "gpu/extra": Path("/more")}
    problems = Problems(
        [problem("a", "gpu/x/policy.rego", 3, 5), problem("b", "gpu/extra/y.rego"),
         problem("c", "gpus/z.rego"), problem("d")]
    )  # fmt: skip

    placed = problems.placed(packs)

    assert [one.where for one in placed] == [
        Location("/rules/gpu/x/policy.rego", 3, 5),
        Location("/more/y.rego", 1, 1),
        Location("gpus/z.rego", 1, 1),
        None,
    ]
    assert [one.message for one in placed] == ["a", "b", "c", "d"]


def test_problems_are_listed_once_by_place() -> None:
    problems = Problems(
        [problem("late", "b", 2), problem("x", "b", 1, 9), problem("late", "b", 2),
         problem("y", "b", 1, 10), problem("first", "a", 9), problem("nowhere")]
    )  # fmt: skip

    assert [one.message for one in problems.in_order()] == ["nowhere", "first", "x", "y", "late"]
