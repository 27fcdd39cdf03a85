"""Two values merge by the rule of their field."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.nodes import plain
from policyd.compose.phases.merge import equal, identity, merge, prune, prune_one, sprint
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document

SERVICE = PROJECT.at("services", "*")


def merged(base: str, over: str) -> Any:
    return plain(merge(document(base), document(over), SERVICE))


@cases(
    ("base", "over", "expected"),
    [
        ("image: a", "image: b", {"image": "b"}),
        ("image: a", "image: null", {"image": "a"}),
        ("command: a", "command: null", {"command": None}),
        ("gpus: [{count: 1}]", "gpus: [{count: 1}, {count: 2}]", {"gpus": [{"count": 1}, {"count": 2}]}),
        ("gpus: [{a: 1, b: 2}]", "gpus: [{b: 2, a: 1}]", {"gpus": [{"a": 1, "b": 2}]}),
        ("gpus: [{count: 1}]", "gpus: [{count: '1'}]", {"gpus": [{"count": 1}, {"count": "1"}]}),
        ("security_opt: [a, a]", "security_opt: [a]", {"security_opt": ["a", "a"]}),
        ("dns: a", "dns: [a, b]", {"dns": ["a", "b"]}),
        ("environment: {B: 1, A: null}", "environment: [A=2, C=3]", {"environment": ["A=2", "B=1", "C=3"]}),
        ("environment: [A=1, A=2]", "environment: [A=1]", {"environment": ["A=1"]}),
        ("depends_on: [a]", "depends_on: b", {"depends_on": {"a": {"condition": "service_started", "required": True}, "b": {"condition": "service_started", "required": True}}}),
        ("networks: [a]", "networks: null", {"networks": {"a": None}}),
        ("networks: null", "networks: [a]", {"networks": {"a": None}}),
        ("models: {m: {model_var: a}}", "models: [m, n]", {"models": {"m": {"model_var": "a"}, "n": None}}),
        ("ulimits: {n: {soft: 1, hard: 2}}", "ulimits: {n: {soft: 2}}", {"ulimits": {"n": {"soft": 2, "hard": 2}}}),
        ("ulimits: {n: 1}", "ulimits: {n: {soft: 2}}", {"ulimits": {"n": {"soft": 2}}}),
        ("logging: {driver: a, options: {x: 1}}", "logging: {options: {y: 2}}", {"logging": {"driver": "a", "options": {"x": 1, "y": 2}}}),
        ("logging: {driver: a, options: {x: 1}}", "logging: {driver: b}", {"logging": {"driver": "b"}}),
        ("build: a", "build: {target: t}", {"build": {"context": "a", "target": "t"}}),
    ],
)  # fmt: skip
def test_values_merge(base: str, over: str, expected: Any) -> None:
    assert merged(base, over) == expected


@cases(
    ("base", "over", "message"),
    [
        ("gpus: [{count: 1}]", "gpus: all", "compose.yaml:1:7: web.gpus: cannot override a list at compose.yaml:1:7 by a string"),
        ("logging: {driver: a}", "logging: null", "compose.yaml:1:10: web.logging: cannot override a mapping at compose.yaml:1:10 by nothing (null)"),
        ("deploy: {resources: {limits: {}}}", "deploy: {resources: []}", "compose.yaml:1:21: web.deploy.resources: cannot override a mapping at compose.yaml:1:21 by a list"),
        ("networks: [a]", "networks: [1]", "compose.yaml:1:12: web.networks: expected a name, found an integer"),
        ("networks: [a]", "networks: 1", "compose.yaml:1:11: web.networks: expected a mapping, found an integer"),
        ("environment: [A=1]", "environment: [{A: 1}]", "compose.yaml:1:15: web.environment: expected KEY=VALUE, found a mapping"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_is_refused_with_its_path(base: str, over: str, message: str) -> None:
    with pytest.raises(ComposeError) as error:
        merge(document(base), document(over), SERVICE, ("web",))

    assert str(error.value) == message


def test_identity_tells_types_apart() -> None:
    values = document("[1, 1.0, '1', true, null, [1], {a: 1}, {a: 2}]".join(("k: ", "\n"))).value[
        "k"
    ]
    identities = [identity(each) for each in values.value]

    assert len(set(identities)) == 8
    assert identity(document("{a: 1, b: [x]}")) == identity(document("{b: [x], a: 1}"))


def test_not_a_number_equals_nothing() -> None:
    first, second = document("[.nan, .nan]".join(("k: ", "\n"))).value["k"].value

    assert identity(first) != identity(second)


def test_what_resets_name_is_removed_and_lists_keep_their_items() -> None:
    root = document("services: {web: {image: x, cap_add: [A]}, db: {image: y}}")

    assert plain(
        prune(root, [("services", "*", "image"), ("services", "web", "cap_add", "*")])
    ) == {"services": {"web": {"cap_add": ["A"]}, "db": {}}}


def test_a_resource_that_is_reset_itself_stays() -> None:
    resource = document("{image: x, user: y}")

    assert plain(prune_one("services", "web", resource, [("services", "web")])) == plain(resource)
    assert plain(prune_one("services", "web", resource, [("services", "web", "user")])) == {
        "image": "x"
    }


def test_values_become_texts_as_go_prints_them() -> None:
    root = document("{b: [1, true, null, 1.5], a: x}")

    assert sprint(root) == "map[a:x b:[1 true <nil> 1.5]]"


@cases(
    ("one", "other", "expected"),
    [
        ("{a: 1, b: [x, {c: null}]}", "{b: [x, {c: null}], a: 1}", True),
        ("{a: 1}", "{a: 1.0}", False),
        ("{a: 1}", "{a: '1'}", False),
        ("{a: true}", "{a: 1}", False),
        ("{a: [1, 2]}", "{a: [1]}", False),
        ("{a: 1}", "{b: 1}", False),
        ("{a: 2024-05-01}", "{a: 2024-05-01 00:00:00}", True),
    ],
)
def test_values_are_deeply_equal(one: str, other: str, expected: bool) -> None:
    left, right = document(one), document(other)

    assert equal(left, right) is expected
    assert (identity(left) == identity(right)) is expected
