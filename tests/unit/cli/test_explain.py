from __future__ import annotations

import pytest

PRIVILEGED = """\
no-privileged: Privileged container (critical)
It denies here.

Why:
  A privileged container has access to every device of the host, so its use of GPUs does
  not depend on any grant.

Denied:
  services:
    app:
      image: registry.example/team/app:1.4
      privileged: true

Allowed:
  services:
    app:
      image: registry.example/team/app:1.4
      privileged: false

Fix:
  Remove `privileged: true`, and declare a GPU that is needed as a reservation: `driver:
  nvidia` with `device_ids: ['0']`. `policyd fix` removes `privileged:`.

Exception:
  `policyd exceptions request no-privileged` prints the document that the owners of the
  policy set can approve, for the violations of the project in this folder.

References:
"""


def test_a_policy_is_explained_with_examples_fix_and_exception(run) -> None:
    result = run("explain", "no-privileged")

    assert result.exit_code == 0
    assert result.stdout.startswith(PRIVILEGED)
    assert "  CIS Docker Benchmark 1.6: 5.5: https://" in result.stdout


def test_a_built_in_policy_that_is_not_in_force_is_explained_too(run) -> None:
    result = run("explain", "allowed-capabilities")

    assert result.exit_code == 0
    assert "\nIt is not in force here: the policy set has no constraint on it.\n" in result.stdout
    assert "# constraints" not in result.stdout


def test_without_a_policy_all_are_listed(run) -> None:
    lines = run("explain").stdout.splitlines()

    assert lines[0].split() == ["POLICY", "SEVERITY", "ACTION", "REPORTS"]
    listed = [line.split()[0] for line in lines[1:-2]]
    assert listed == sorted(listed)
    assert {"no-privileged", "allowed-capabilities", "gpu-owner-label"} <= set(listed)
    assert lines[-1] == "`policyd explain POLICY` explains one policy."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("no-privilegd", "unknown policy no-privilegd; did you mean no-privileged?"),
        ("zzz", "unknown policy zzz; `policyd explain` lists all of them"),
    ],
)
def test_an_unknown_policy_is_an_error_with_a_hint(run, name: str, hint: str) -> None:
    result = run("explain", name)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"policyd: error: {hint}\n")


def test_a_policy_of_a_pack_beside_the_policy_set_has_its_own_examples(run, folder) -> None:
    assert run("policies", "new", "own-images").exit_code == 0

    shown = run("explain", "own-images", "--policy-set", "rules").stdout

    assert "\nIt only warns here.\n" in shown
    assert "\nDenied:\n  services:\n" in shown
    assert "\nAllowed:\n  services:\n" in shown
