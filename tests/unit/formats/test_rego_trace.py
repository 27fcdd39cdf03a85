"""The text of a trace: short, and on one line for each value."""

from __future__ import annotations

from policyd.formats.rego_trace import PolicyTrace, text
from policyd.model import Location
from policyd.rego_trace import Step, Trace
from tests.support.cases import cases


def shown(*values: object, name: str = "x") -> str:
    step = Step("x ==\n 1", 2, "false", 1, 0, ({name: list(values)},))
    found = text(PolicyTrace([Trace("data.a.rule", Location("a.rego", 1, 1), (step,))], False))
    first, second, *rest = found.splitlines()
    assert (first, second) == ("a.rego:1:1: rule does not hold", "  false        2: x == 1")
    [value] = rest
    return value.strip()


@cases(
    ("values", "expected"),
    [
        ([], "x is undefined"),
        ([1], "x = 1"),
        ([1, "a"], 'x = 1 or "a"'),
        ([1, 2, 3, 4, 5], "x = 1 or 2 or 3 and 2 more"),
        (["\x1b[31m"], 'x = "\\u001b[31m"'),
        (["y" * 300], f'x = "{"y" * 199}…'),
        ([{"long": "y" * 300}], f'x = {{"long": "{"y" * 190}…'),
        ([{"name": "web", "long": "y" * 300}], 'x = {"name": "web", … 1 more keys}'),
        ([{"name": "y" * 300}], f'x = {{"name": "{"y" * 190}…'),
    ],
)
def test_values_are_short_and_on_one_line(values: list[object], expected: str) -> None:
    assert shown(*values) == expected


def test_values_of_an_expression_that_drops_nothing_are_shown_only_if_asked_for() -> None:
    step = Step("x", 2, "true", 1, 1, ({"x": [1]},))
    one = Trace("data.a.rule", Location("a.rego", 1, 1), (step,))

    assert text(PolicyTrace([one], False)).splitlines()[1:] == ["  true         2: x"]
    assert text(PolicyTrace([one], True)).splitlines()[2:] == [f"{'':17}x = 1"]


def test_an_expression_that_drops_some_solutions_says_how_many() -> None:
    step = Step("x", 2, "true", 3, 1, ({"x": [0]},))
    one = Trace("data.a.rule", Location("a.rego", 1, 1), (step,))

    assert text(PolicyTrace([one], False)).splitlines()[1:] == [
        "  true         2: x",
        f"{'':17}does not hold for 2 of 3:",
        f"{'':17}x = 0",
    ]
