"""A policy set is loaded in a process of its own first: nothing in it can harm the caller."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import PolicySetError, PolicySetWarning
from policyd.policies.policy_set import lint_policy_set, load_policy_set
from policyd.policy_set_trial import lint_in_process, load_after_trial
from tests.support.namedrule import HEADING, POLICY

ENDLESS = """
violation contains {"msg": "no", "service": "", "path": []} if {
	some workload in input.workloads
	workload.image != "x"
	count([1 | some i in numbers.range(1, 90000); some j in numbers.range(1, 90000); i + j < 0]) > 0
}
"""
LARGE = """
violation contains {"msg": "no", "service": "", "path": []} if {
	some workload in input.workloads
	all := [x | some i in numbers.range(1, 3000000); x := sprintf("%d %s", [i, workload.image])]
	count(all) < 3
}
"""


@pytest.fixture
def write(tmp_path: Path):
    """A function that writes a policy set with the policy in `text` and returns its folder."""

    def to(text: str) -> Path:
        (tmp_path / "rules").mkdir()
        (tmp_path / "policyset.yaml").write_text(HEADING)
        (tmp_path / "rules/policy.rego").write_text(text)
        return tmp_path

    return to


@pytest.mark.thorough
def test_a_valid_policy_set_is_the_one_that_is_loaded_here(write) -> None:
    folder = write(POLICY)

    assert load_after_trial(folder) == load_policy_set(folder)
    assert load_after_trial(None) == load_policy_set()


@pytest.mark.thorough
def test_an_error_is_told_with_its_place(write) -> None:
    folder = write(POLICY + "x := {\n")

    with pytest.raises(PolicySetError) as caught:
        load_after_trial(folder)
    with pytest.raises(PolicySetError) as expected:
        load_policy_set(folder)

    assert (caught.value.message, caught.value.where) == (
        expected.value.message,
        expected.value.where,
    )


@pytest.mark.thorough
def test_recursion_is_refused_with_its_path(write) -> None:
    with pytest.raises(PolicySetError, match=r"must not depend on itself: .*\.f → .*\.f"):
        load_after_trial(write(POLICY + "f(x) := f(x)\nviolation contains 1 if f(1)\n"))


@pytest.mark.slow
def test_an_endless_policy_is_refused(write) -> None:
    with pytest.raises(PolicySetError, match="loading the policy set exceeded 6 seconds"):
        load_after_trial(write(POLICY + ENDLESS), seconds=6)


@pytest.mark.slow
def test_a_policy_that_needs_too_much_memory_is_refused(write) -> None:
    folder = write(POLICY + LARGE)
    with pytest.raises(PolicySetError) as refused:
        load_after_trial(folder, memory=768 * 1024**2)

    assert str(refused.value) == (
        f"{folder}: loading the policy set and evaluating it on a sample project needs more than "
        "0.75 GiB of memory: let its rules build smaller collections"
    )


@pytest.mark.thorough
def test_a_policy_set_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicySetError, match=r"gone\.yaml"):
        load_after_trial(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("violation", "message"),
    [
        pytest.param(
            '{"msg": input.workloads[_].labels.nosuch}',
            "",
            marks=pytest.mark.slow,
        ),
        (
            '{"msg": data.policyd.shapes.number}',
            "the policy named reported a malformed violation: ",
        ),
        pytest.param(
            "data.policyd.shapes.number",
            "the policy named reported a violation that is not an object",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_malformed_violation_is_refused_with_its_policy_and_file(
    write, violation: str, message: str
) -> None:
    rule = f"\nviolation contains {violation} if input.constraints.named\n"
    folder = write(POLICY + rule)
    (folder / "rules/data.yaml").write_text("policyd: {shapes: {number: 1}}\n")

    found = [
        (str(problem.where), problem.message)
        for problem in lint_in_process(folder)
        if not isinstance(problem, PolicySetWarning)
    ]

    if not message:
        assert found == []
        return
    [(where, reason)] = found
    assert where == "rules/policy.rego"
    assert reason.startswith(message)


@pytest.mark.thorough
def test_lint_reports_errors_and_warnings_with_their_places(write) -> None:
    folder = write(POLICY + "x := {\n")

    assert [str(one) for one in lint_in_process(folder)] == [
        str(one) for one in lint_policy_set(folder)
    ]


@pytest.mark.slow
def test_lint_of_an_endless_policy_ends(write) -> None:
    [problem] = lint_in_process(write(POLICY + ENDLESS), seconds=6)

    assert problem.message == "loading the policy set exceeded 6 seconds"
