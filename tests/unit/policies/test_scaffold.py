"""A new policy runs as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import ConfigError
from policyd.policies.policy_set import lint_policy_set, load_policy_set
from policyd.policies.scaffold import write_policy
from policyd.rego_tests import run


@pytest.mark.thorough
def test_new_policies_pass_lint_and_their_tests(tmp_path: Path) -> None:
    folder = tmp_path / "rules"

    written = write_policy("no-host-network", folder, "team")
    write_policy("second", folder, "team")

    assert [str(file.relative_to(folder)) for file in written] == [
        "team/no_host_network/policy.rego",
        "team/no_host_network/policy_test.rego",
        "team/no_host_network/samples/denied/compose.yaml",
        "team/no_host_network/samples/allowed/compose.yaml",
        "policyset.yaml",
    ]
    assert [str(problem) for problem in lint_policy_set(folder)] == []
    constraints = load_policy_set(folder).constraints
    assert [(c.policy, c.actions) for c in constraints] == [
        ("no-host-network", {"default": "warn"}),
        ("second", {"default": "warn"}),
    ]


def test_the_tests_and_samples_of_two_new_policies_pass(tmp_path: Path) -> None:
    write_policy("no-host-network", tmp_path, "team")
    write_policy("second", tmp_path, "team")

    results = run([tmp_path])

    assert [result.message for result in results] == [""] * 8


@pytest.mark.parametrize(
    ("policy_id", "pack", "message"),
    [
        ("No_Host", "team", "invalid policy ID 'No_Host': use lower-case letters, digits and"),
        ("9a", "team", "invalid policy ID '9a': use lower-case letters, digits and dashes, and"),
        ("new", "gpu", "--pack gpu is a built-in pack; choose another name for the folder"),
        ("first", "team", "first already exists; choose another ID"),
        (
            "second",
            "other",
            "does not name the pack other; add it to spec.packs, or",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_changes(
    tmp_path: Path, policy_id: str, pack: str, message: str
) -> None:
    write_policy("first", tmp_path, "team")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    with pytest.raises(ConfigError) as caught:
        write_policy(policy_id, tmp_path, pack)

    assert message in str(caught.value)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
