from __future__ import annotations

import json

from policyd.policies import load_policy_set


def test_the_catalogue_names_every_policy_with_its_action(run) -> None:
    result = run("policies")

    lines = result.stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:4] for line in lines[3:]}
    assert result.exit_code == 0
    assert lines[0].startswith("Policy set default, sha256:")
    assert rows["no-all-gpus"] == ["high", "deny", "gpu"]
    assert rows["no-privileged"] == ["critical", "deny", "container"]
    assert sorted(rows) == sorted(load_policy_set().policies)


def test_one_policy_is_shown_with_its_fix_and_where_it_comes_from(run) -> None:
    result = run("policies", "no-all-gpus")

    assert result.stdout.startswith("no-all-gpus: All GPUs of the host\n")
    assert "severity:    high\n" in result.stdout
    assert "source:      gpu/no_all_gpus/policy.rego\n" in result.stdout
    assert "fix:         Name the GPUs" in result.stdout
    assert "references:\n  NVIDIA Container Toolkit" in result.stdout


def test_json_has_the_same(run) -> None:
    everything = json.loads(run("policies", "--format", "json").stdout)
    one = json.loads(run("policies", "no-all-gpus", "--format", "json").stdout)

    assert everything["kind"] == "PolicyList"
    assert one in everything["items"]
    assert one["constraints"][0]["actions"] == {"default": "deny"}


def test_an_unknown_policy_is_exit_2_with_a_near_one_named(run) -> None:
    near, far = run("policies", "no-all-gpu"), run("policies", "xyz")

    assert near.exit_code == far.exit_code == 2
    assert near.stderr.endswith("did you mean no-all-gpus?\n")
    assert far.stderr.endswith("`policyd policies` lists them\n")
