"""Every kind of simple statement and expression has the value that it has in an engine."""

from __future__ import annotations

from policyd.policies.simple_statements import Scope
from policyd.workloads.model import Device, Ulimit
from tests.support.cases import cases
from tests.support.simple_bodies import (
    body_of,
    document,
    holds,
    holds_or_is_in_doubt,
    may_hold,
    module,
    mount,
    workload,
)

FOUND = document(
    workload(
        cap_add=("ALL", "SYS_ADMIN"),
        replicas=3,
        pid="host",
        labels={"team": "ml", "": ""},
        ulimits={"nofile": Ulimit(1, -1)},
        devices=(Device("/dev/a", "/dev/b", "rwm", "/dev/a", ("services", "app", "devices", 0)),),
        mounts=(mount("/s"), mount("/t")),
    ),
    workload("db", provider="model", profiles=("debug",)),
    project={"services": {"app": {"isolation": "vm", "dns": ["1.1.1.1"], "tty": False}, "db": {}}},
)
W = "some w in input.workloads"
KEYS = "keys := input.project[w.path[0]][w.path[1]]"
HOLDING = [
    [W, "w.replicas > 2"],
    [W, "w.replicas >= 3", "w.replicas <= 3", "w.replicas < 4"],
    [W, "w.replicas * 2 + 1 - 7 == 0"],
    [W, "not w.replicas > 1", 'w.name == "db"'],
    [W, "not w.labels.missing > 1"],
    [W, 'w.name in ({"x"} | {p | p := "app"})'],
    [W, 'c := {x | some x in w.cap_add} & {"ALL", "NONE"}', 'c == {"ALL"}'],
    [W, 'c := {x | some x in w.cap_add} - {"ALL"}', 'c == {"SYS_ADMIN"}'],
    [W, "[x | some x in w.cap_add] == w.cap_add", "w.cap_add != []"],
    [W, 'w.cap_add == ["ALL", "SYS_ADMIN"]'],
    [W, 'w.cap_add[1] == "SYS_ADMIN"'],
    [W, "not w.cap_add[2]", "w.cap_add[0]"],
    [W, 'w.ulimits["nofile"].hard == -1'],
    [W, "some name in [`nofile`, `nproc`]", "w.ulimits[name].hard == -1"],
    [W, 'some [a, b] in [["x", "db"], ["y"], "z", ["z", "q", "r"]]', "b == w.name"],
    [W, 'some [_, b] in {["x", "db"]}', "b == w.name"],
    [W, KEYS, 'keys.isolation == "vm"'],
    [W, KEYS, "some i, server in keys.dns", "i == 0", 'server == "1.1.1.1"'],
    [W, KEYS, "not keys.tty", "keys.isolation"],
    [W, 'o := {"a": w.name, "b": [w.pid]}', 'o.a == "app"', 'o.b[0] == "host"'],
    [W, "o := {key: value | some key, value in w.labels}", 'o.team == "ml"'],
    [W, 'count(w.labels) > 1', "count({x | some x in w.cap_add}) == 2"],
    [W, 'object.get(w.labels, "none", w.name) == "db"'],
    [W, 'split(concat("/", ["a", w.name]), "/")[1] == "db"'],
    [W, "device := w.devices[0]", 'device.source == "/dev/a"'],
    ["all := [w.name | some w in input.workloads]", '"db" in all', "all[0] == `app`"],
    [W, "x := w.profiles", "x != []", "y := [p | some p in x]", 'y == ["debug"]'],
    [W, 'input.project["services"][w.name].isolation'],
    [W, "w.cap_add == [x | some x in w.cap_add; x != w.pid]", "w.cap_add != []"],
]  # fmt: skip
FAILING = [
    [W, "w.replicas > 3"],
    [W, "w.labels.missing > 1"],
    [W, "x := w.build.missing"],
    [W, KEYS, 'keys.isolation == "process"'],
    [W, "some x in w.labels.none"],
    [W, "count(w.build.none) == 0"],
    [W, "not count(w.cap_add) >= 0"],
    [W, 'some [a, b] in [["x"], "y"]'],
    [W, "some x in [1, 2]", "x > 2"],
    [W, '{w.pid} == {"x"}'],
    [W, "w.hook == {1}"],
    [W, '"db" in {x | some x in w.cap_add}'],
    [W, "w.replicas != 3", "w.replicas != 1"],
]


@cases("body", HOLDING, ids=" ; ".join)
def test_a_body_that_holds_in_the_engine_holds(body):
    assert holds(module(body), FOUND)
    assert may_hold(module(body), FOUND)


@cases("body", [body for body in HOLDING if body[0] == W], ids=" ; ".join)
def test_a_last_statement_that_fails_ends_the_body(body):
    assert not may_hold(module([*body, "w.tty"]), FOUND)


@cases("body", FAILING, ids=" ; ".join)
def test_a_body_that_fails_in_the_engine_fails(body):
    assert not holds(module(body), FOUND)
    assert not may_hold(module(body), FOUND)


def test_text_of_a_policy_does_not_become_code():
    hostile = "') or open('"
    text = module([W, f"w.name == `{hostile}`", f'w.labels[`{hostile}`] in [`{hostile}`, "x"]'])

    assert not holds_or_is_in_doubt(body_of(text), Scope(FOUND))


@cases("count", [14, 15], ids=str)
def test_loops_in_loops_are_simple_up_to_a_depth(count):
    loops = [f"some x{number} in w.profiles" for number in range(count)]

    assert may_hold(module([W, *loops, "w.tty"]), FOUND) is (count == 15)


def test_a_variable_that_is_declared_later_is_not_a_rule():
    body = [W, "w.name == y", 'y := "db"']

    assert may_hold(module(body, 'y := "none"'), FOUND)
