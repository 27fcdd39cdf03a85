"""Traces: which expression of a rule does not hold, for which solutions, and with which values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policyd.errors import EngineError
from policyd.rego_trace import MAX_LEVELS, MAX_VALUES, Step, Trace, trace, try_trace
from tests.support.cases import cases

PACKAGE = "package policyd.policies.x\n\n"
RULE = "data.policyd.policies.x.violation"


def traced(rego: str, document: dict[str, Any], levels: int = 1) -> list[Trace]:
    modules = {"x.rego": PACKAGE + rego}
    return trace(modules, {}, msgspec.json.encode(document), RULE, levels=levels)


def images(*names: str) -> dict[str, Any]:
    return {"ws": [{"name": name, "image": f"{name}:1"} for name in names]}


def test_the_expression_that_drops_every_solution_is_the_last_and_has_its_values() -> None:
    [found] = traced(
        'violation contains w.name if {\n\tsome w in input.ws\n\tw.image == "db:1"\n\ttrue\n}\n',
        images("web"),
    )

    web = {"name": "web", "image": "web:1"}
    assert found.holds is False
    assert (found.name, str(found.location)) == (RULE, "x.rego:3:1")
    assert found.steps == (
        Step("some w in input.ws", 4, "true", 1, 1, ({"w": [web]},)),
        Step('w.image == "db:1"', 5, "false", 1, 0, ({"w": [web], "w.image": ["web:1"]},)),
    )


def test_solutions_that_an_expression_drops_are_counted_and_shown_while_others_remain() -> None:
    [found] = traced(
        'violation contains w.name if {\n\tsome w in input.ws\n\tw.image == "db:1"\n}\n',
        images("web", "db", "api"),
    )

    assert found.holds is True
    step = found.steps[1]
    assert (step.outcome, step.solutions, step.kept) == ("true", 3, 1)
    assert [row["w.image"] for row in step.values] == [["api:1"], ["web:1"]]


@cases(
    ("expression", "outcome", "values"),
    [
        ("input.nosuch", "undefined", ({"input.nosuch": []},)),
        ("input.no", "false", ({"input.no": [False]},)),
        ("not input.yes", "false", ({"input.yes": [True]},)),
        ("input.yes == input.no", "false", ({"input.yes": [True], "input.no": [False]},)),
        ("y := input.nosuch", "undefined", ({"input.nosuch": []},)),
        ("some y in input.none", "undefined", ({"input.none": [[]]},)),
        ("input.list[_] == 3", "false", ({"input.list[_]": [1, 2]},)),
        ("every y in input.list { y > 1 }", "false", ({"input.list": [[1, 2]]},)),
    ],
)
def test_false_and_undefined_are_told_apart(
    expression: str, outcome: str, values: tuple[dict[str, Any], ...]
) -> None:
    document = {"no": False, "yes": True, "none": [], "list": [1, 2]}

    [found] = traced(f"violation contains 1 if {{\n\t{expression}\n}}\n", document)

    assert [(step.outcome, step.values) for step in found.steps] == [(outcome, values)]


def test_an_undefined_value_in_the_head_is_a_step_of_its_own() -> None:
    [found] = traced(
        'violation contains {"a": 1, "msg": w.owner} if {\n\tsome w in input.ws\n}\n', images("web")
    )

    last = found.steps[-1]
    assert (last.text, last.line) == ('{"a": 1, "msg": w.owner}', 3)
    assert (last.outcome, last.values[0]["w.owner"]) == ("undefined", [])


def test_functions_are_traced_with_the_arguments_of_the_call() -> None:
    rego = (
        'violation contains w.name if {\n\tsome w in input.ws\n\tallowed(w.image, {"a"})\n}\n'
        "\nallowed(image, prefixes) if {\n\tsome p in prefixes\n\tstartswith(image, p)\n}\n"
    )

    [found] = traced(rego, images("web"), levels=2)
    [inner] = found.steps[-1].called

    assert (inner.name, inner.location.line) == ("data.policyd.policies.x.allowed", 8)
    assert [(step.text, step.outcome) for step in inner.steps] == [
        ("some p in prefixes", "true"),
        ("startswith(image, p)", "false"),
    ]
    assert inner.steps[1].values == ({"image": ["web:1"], "p": ["a"]},)
    assert traced(rego, images("web"))[0].steps[-1].called == ()


def test_a_rule_and_each_of_its_alternatives_is_traced() -> None:
    rego = (
        "violation contains 1 if {\n\tmode == 3\n}\n\n"
        "mode := 1 if input.a\n\nelse := 2 if input.b\n\nmode := 5 if false\n"
    )

    [found] = traced(rego, {"b": True}, levels=2)

    assert [(one.location.line, one.holds) for one in found.steps[0].called] == [
        (7, False),
        (9, True),
        (11, False),
    ]


def test_levels_and_values_are_bounded() -> None:
    rules = "".join(f"r{n} if r{n + 1}\n\n" for n in range(MAX_LEVELS + 2))
    rego = f"violation contains 1 if r0\n\n{rules}r{MAX_LEVELS + 2} if input.x\n"

    [found] = traced(rego, {}, levels=100)
    depth = 1
    while found.steps[0].called:
        [found] = found.steps[0].called
        depth += 1
    [many] = traced("violation contains w if {\n\tsome w in input.ws\n}\n", images(*"abcdefgh"))

    assert depth == MAX_LEVELS
    assert len(many.steps[0].values) == MAX_VALUES
    assert many.steps[0].kept == 1


def test_an_expression_that_fails_to_be_evaluated_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"^x\.rego: "):
        traced("violation contains 1 if {\n\tconcat(1, input.a) == 1\n}\n", {"a": 1})


def test_values_of_a_test_are_those_with_its_input() -> None:
    modules = {
        "x.rego": f"{PACKAGE}violation contains input.a if input.a > 1\n",
        "x_test.rego": "package policyd.policies.x_test\n\nimport data.policyd.policies.x\n\n"
        'test_a if {\n\tx.violation == set() with input as {"a": 2}\n}\n',
    }

    [found] = try_trace(modules, {}, "data.policyd.policies.x_test.test_a")

    [step] = found.steps
    assert (step.outcome, step.values) == ("false", ({"x.violation": [[2]]},))
    assert try_trace(modules | {"y.rego": "no rego"}, {}, "data.x") == ()
