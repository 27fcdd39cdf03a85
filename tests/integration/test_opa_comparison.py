"""The program `opa` checks policies and runs their tests beside the embedded engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import ConfigError
from policyd.opa_comparison import compared, strict_problems
from policyd.opa_program import evaluate
from policyd.policies.scaffold import write_policy
from policyd.rego_tests import report
from tests.support import opaserver

pytestmark = pytest.mark.integration

DIFFERING_TEST = """package policyd.policies.named_test

test_counts if strings.count("11111", "11") == 2

test_is_equal if count([1]) == 1

test_fails_in_both if count([1]) == 2
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The Rego of a new policy in the policy set in `tmp_path`."""
    opaserver.opa()
    return write_policy("named", tmp_path, "team")[0]


def test_a_valid_policy_set_has_no_problems(policy: Path, tmp_path: Path) -> None:
    assert strict_problems(tmp_path) == []
    assert strict_problems(tmp_path / "team") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("w.network_mode in", "w.network_mod in"), "undefined ref: w.network_mod"),
        (("some w in input", "unused := 1\n\tsome w in input"), "assigned var unused unused"),
    ],
)
def test_opa_compiles_strictly_and_with_the_schema_of_the_input(
    policy: Path, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    policy.write_text(policy.read_text().replace(*change))

    [problem] = strict_problems(tmp_path)

    assert problem.message == f"OPA reports: {message}"
    assert problem.where
    assert (problem.where.file, problem.where.line > 1) == (str(policy), True)


@pytest.mark.thorough
@pytest.mark.parametrize("schemas", ["", "# schemas:\n#   - input: schema.input\n"])
def test_opa_knows_the_parameters_of_each_policy(
    policy: Path, tmp_path: Path, schemas: str
) -> None:
    text = policy.read_text().replace("# custom:", f"{schemas}# custom:")
    policy.write_text(text)
    assert strict_problems(tmp_path) == []

    policy.write_text(text.replace("in c.parameters.modes", "in c.parameters.mods"))

    [problem] = strict_problems(tmp_path)
    assert problem.message.startswith("OPA reports: undefined ref: ")
    assert problem.where
    line = 1 + text[: text.index("c.parameters.modes")].count("\n")
    assert problem.where.line == line


@pytest.mark.thorough
def test_tests_and_samples_that_end_differently_fail(policy: Path, tmp_path: Path) -> None:
    (policy.parent / "policy_test.rego").write_text(DIFFERING_TEST)
    policy.write_text(
        policy.read_text().replace("[w.title, w.network_mode]", '[upper("ß"), w.network_mode]')
    )

    found = compared(report([tmp_path], measured=False), [tmp_path])

    messages = {result.name.rpartition("named")[2]: result.message for result in found.tests}
    assert messages == {
        "_test.test_counts": ("the engines differ: embedded: the rule is not true; OPA: passed"),
        "_test.test_is_equal": "",
        "_test.test_fails_in_both": "the rule is not true",
        "/samples/allowed/compose.yaml": "",
        "/samples/denied/compose.yaml": (
            "the engines differ: only embedded: named: SS has the network mode host; only OPA: "
            "named: ß has the network mode host"
        ),
    }


def test_an_error_of_the_evaluation_is_reported(policy: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluate({"a.rego": "package a\n\nx := to_number(input.x)\n"}, {}, "to_number(`a`)")

    assert str(caught.value).startswith("opa: ")


def test_a_missing_program_is_reported(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError) as caught:
        strict_problems(tmp_path)

    assert str(caught.value) == "there is no program opa on the PATH; install OPA"
