"""The README of the policies says what is in the packs."""

from __future__ import annotations

from policyd.policies import load_policy_set
from policyd.policies.catalogue import markdown
from policyd.policies.packs import built_in

MARK = "<!-- catalogue: written from METADATA, checked by tests/unit/policies/test_catalogue.py -->"


def test_readme_has_the_catalogue_as_metadata_says_it() -> None:
    readme = (built_in() / "README.md").read_text()

    assert (
        readme.partition(MARK)[2].strip() == markdown(load_policy_set().policies.values()).strip()
    )


def test_catalogue_has_a_table_for_each_pack() -> None:
    policies = load_policy_set().policies

    lines = markdown([policies["no-privileged"], policies["no-fuse-device"]]).splitlines()

    assert lines == [
        "### Pack `container`",
        "",
        "| Policy | Severity | What it finds | How to mend it |",
        "|---|---|---|---|",
        "| `no-privileged` | critical | Privileged container | Remove `privileged: true`, "
        "and grant the one device or capability that is needed. |",
        "| `no-fuse-device` | low | The FUSE device | "
        "Mount on the host, or ask for an exception. |",
    ]
