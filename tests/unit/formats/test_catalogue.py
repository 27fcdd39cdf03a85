"""The catalogue as Markdown."""

from __future__ import annotations

import msgspec

from policyd.formats.catalogue import markdown, section
from policyd.policies.parameters import Schema
from policyd.policies.policy_set import load_policy_set


def test_catalogue_has_a_table_and_sections_for_each_pack() -> None:
    policies = load_policy_set().policies

    text = markdown(
        [policies["no-all-gpus"], policies["no-privileged"], policies["no-fuse-device"]]
    )

    assert text.splitlines()[:9] == [
        "### Pack `container`",
        "",
        "| Policy | Severity | Reports |",
        "|---|---|---|",
        "| [`no-privileged`](#no-privileged) | critical | Privileged container |",
        "| [`no-fuse-device`](#no-fuse-device) | low | FUSE device |",
        "",
        "#### no-privileged",
        "",
    ]
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "### Pack `container`",
        "#### no-privileged",
        "#### no-fuse-device",
        "### Pack `gpu`",
        "#### no-all-gpus",
    ]


def test_section_says_all_that_metadata_says() -> None:
    policy = msgspec.structs.replace(
        load_policy_set().policies["no-fuse-device"],
        parameters={"limit": Schema("integer", "How many | at most, <n>.", 4)},
        environment=("CUDA_VERSION", "DOCKER_RESOURCE_*"),
    )

    assert section(policy).splitlines() == [
        "#### no-fuse-device",
        "",
        f"**FUSE device** (low). {policy.description}",
        "",
        f"Remediation: {policy.remediation}",
        "",
        "| Parameter | Type | Default | Description |",
        "|---|---|---|---|",
        "| `limit` | integer | `4` | How many &#124; at most, &lt;n>. |",
        "",
        "Environment variables: `CUDA_VERSION`, `DOCKER_RESOURCE_*`.",
        "",
        f"References: {'; '.join(policy.references)}.",
    ]
