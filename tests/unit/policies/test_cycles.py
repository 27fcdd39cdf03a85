from __future__ import annotations

import pytest

from policyd.policies.cycles import MAX_DEPTH, dependency_problems
from policyd.policies.packs import built_in
from policyd.policies.syntax_tree import parse
from tests.support.cases import cases

X = "package policyd.policies.x\n"


def found(*texts: str) -> list[str]:
    files = {f"{number}.rego": text for number, text in enumerate(texts)}
    return [
        str(error)
        for error in dependency_problems({name: parse(name, files[name]) for name in files})
    ]


@cases(
    ("text", "path"),
    [
        ("f(x) := f(x)\n", "f → x.f"),
        ("f(x) := g(x)\ng(y) := y if h\nh if { f(1) }\n", "f → x.g → x.h → x.f"),
        ("a if not b\nb if not a\n", "a → x.b → x.a"),
        ("a := [x | some x in data.policyd.policies.x.a]\n", "a → x.a"),
        ('a := data["policyd"].policies.x.a\n', "a → x.a"),
        ("a contains x if some x in data.policyd.policies\n", "a → x.a"),
        ("a contains x if some x in data\n", "a → x.a"),
        ("a := 1 if { every v in [1] { v == a } }\n", "a → x.a"),
        ("a := input.foo[b]\nb := input.foo[a]\n", "a → x.b → x.a"),
        ("default a := 1\na := 2 if not b\nb if a == 3\n", "a → x.b → x.a"),
        ("a[x] := y if { some x, y in b }\nb := a\n", "a → x.b → x.a"),
    ],
)
def test_a_cycle_is_found_with_its_path(text: str, path: str) -> None:
    shown = path.replace("x.", "policyd.policies.x.")

    [error] = found(X + text)

    assert error.endswith(f": a rule must not depend on itself: policyd.policies.x.{shown}")
    assert error.startswith("0.rego:2:1: ")


def test_a_cycle_through_an_import_and_another_file_is_found() -> None:
    lib = "package policyd.lib.y\n\nimport data.policyd.policies.x\n\nh := x.a\n"

    [error] = found(f"{X}import data.policyd.lib.y as lib\n\na := lib.h\n", lib)

    assert error == (
        "0.rego:4:1: a rule must not depend on itself: "
        "policyd.policies.x.a → policyd.lib.y.h → policyd.policies.x.a"
    )


@cases(
    "text",
    [
        "a contains x if { some a in [1]; x := a }\n",
        "f(f) := f\n",
        "default a := 1\na := 2 if b\nb := 3\n",
        "a := 1 if data.policyd.tables.runtimes\n",
        "a := input.a\nb := input.b[a]\n",
        'a := "data.policyd.policies.x.a"\n',
        "a := b\nb := c\nd := b\nc := 1\n",
    ],
)
def test_what_is_no_cycle_is_none(text: str) -> None:
    assert found(X + text) == []


@pytest.mark.thorough
def test_the_built_in_policies_have_no_cycle() -> None:
    modules = {str(file): parse(str(file), file.read_text()) for file in built_in().rglob("*.rego")}

    assert len(modules) > 50
    assert list(dependency_problems(modules)) == []


def chain(rules: int) -> str:
    """Return functions that each call the next one: two nodes of native recursion each."""
    calls = "".join(f"f{number}(x) := f{number + 1}(x)\n" for number in range(rules - 1))
    return f"{X}{calls}f{rules - 1}(x) := x\n"


def test_a_chain_that_would_overflow_the_stack_of_the_interpreter_is_refused() -> None:
    longest = (MAX_DEPTH + 1) // 2

    assert found(chain(longest)) == []
    assert found(chain(longest + 1)) == [
        "0.rego:2:1: the rule policyd.policies.x.f0 and the rules that it depends on are too deep "
        "to be evaluated safely: 501 calls, loops and comprehensions, more than 500"
    ]


def test_loops_side_by_side_are_as_deep_as_loops_inside_each_other() -> None:
    loops = "".join(f"\tsome x{number} in input.xs\n" for number in range(MAX_DEPTH))

    [error] = found(f"{X}a if {{\n{loops}}}\n")

    assert "policyd.policies.x.a and the rules" in error


@pytest.mark.slow
def test_a_chain_of_thousands_of_rules_is_one_error() -> None:
    rules = "".join(f"r{number} := r{number + 1}\n" for number in range(3000))

    assert len(found(f"{X}{rules}r3000 := 1\n")) == 1
    assert len(found(f"{X}{rules}r3000 := r0\n")) >= 1
