from __future__ import annotations

from policyd.policies.source_files import files_of, named_by, policy_set_file

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [gpu, rules, ../shared], data: [hosts.yaml]}
"""


def test_a_folder_stands_for_the_file_in_it(tmp_path):
    assert policy_set_file(tmp_path) == tmp_path / "policyset.yaml"
    assert policy_set_file(tmp_path / "acme.yaml") == tmp_path / "acme.yaml"


def test_packs_and_data_of_the_user_are_named_and_built_in_packs_are_not(tmp_path):
    file = tmp_path / "policyset.yaml"
    file.write_text(HEADING)

    assert named_by(file) == (
        [tmp_path / "rules", tmp_path / "../shared"],
        [tmp_path / "hosts.yaml"],
    )


def test_of_a_policy_set_that_cannot_be_read_nothing_is_known(tmp_path):
    file = tmp_path / "policyset.yaml"
    for text in ("", "kind: [", "apiVersion: policyd/v1\nkind: Constraint\n"):
        file.write_text(text)
        assert named_by(file) == ([], [])


def test_a_pack_is_its_rego_and_its_data_there_or_not(tmp_path):
    (tmp_path / "no_x").mkdir()
    (tmp_path / "no_x" / "policy.rego").write_text("")
    (tmp_path / "no_x" / "sample.yaml").write_text("")

    assert files_of(tmp_path) == [
        tmp_path / "no_x" / "policy.rego",
        tmp_path / "data.yaml",
        tmp_path / "data.json",
    ]
