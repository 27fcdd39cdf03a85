from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from policyd import opa_bundle
from policyd.policies.policy_set import load_policy_set


def manifest(content: bytes) -> dict[str, object]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("/.manifest")
        assert member
        found: dict[str, object] = json.load(member)
        return found


def test_the_built_in_policy_set_is_written_with_its_revision(run, folder: Path) -> None:
    result = run("bundle", "build")

    policy_set = load_policy_set()
    assert result.stdout == f"bundle.tar.gz: policy set default, {policy_set.revision}\n"
    assert (folder / "bundle.tar.gz").read_bytes() == opa_bundle.build(policy_set)
    assert manifest(opa_bundle.build(policy_set)) == {
        "revision": policy_set.revision,
        "roots": ["policyd"],
        "rego_version": 1,
    }


def test_the_policy_set_and_the_file_that_are_named_are_taken(run, folder: Path) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: team}\nspec: {packs: [gpu]}\n"
    )

    result = run("bundle", "build", "--policy-set", "rules", "-o", "team.tar.gz")

    revision = load_policy_set(folder / "rules").revision
    assert result.stdout == f"team.tar.gz: policy set team, {revision}\n"
    assert manifest((folder / "team.tar.gz").read_bytes())["revision"] == revision


def test_a_dash_is_standard_output(run) -> None:
    result = run("bundle", "build", "-o", "-")

    assert result.stdout_bytes == opa_bundle.build(load_policy_set())


def test_a_file_that_cannot_be_written_is_exit_2(run) -> None:
    result = run("bundle", "build", "-o", "none/bundle.tar.gz")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "policyd: error: none/bundle.tar.gz: cannot write the file: No such file or directory\n"
    )


def test_a_policy_set_that_is_not_right_is_exit_2_and_nothing_is_written(run, folder) -> None:
    (folder / "set.yaml").write_text("kind: PolicySet\n")

    result = run("bundle", "build", "--policy-set", "set.yaml")

    assert result.exit_code == 2
    assert not (folder / "bundle.tar.gz").exists()
