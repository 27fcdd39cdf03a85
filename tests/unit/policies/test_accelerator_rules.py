from __future__ import annotations

from policyd.policies.accelerator_rules import about_accelerators
from policyd.policies.packs import Policy
from policyd.policies.policy_set import load_policy_set
from tests.support.cases import cases


def test_policies_about_accelerators_are_found_in_the_built_in_packs() -> None:
    policies = load_policy_set().policies
    found = about_accelerators(policies.values())

    assert {"no-all-gpus", "no-nvidia-runtime", "no-unresolved-gpu-selection"} <= found
    assert not {"no-privileged", "no-host-namespaces"} & found


@cases(
    ("text", "is_about"),
    [
        ("violation if input.workloads[0].grants", True),
        ("import data.policyd.lib.gpus", True),
        ("violation if w.device_requests != []", True),
        ("# w.grants are not read\nviolation if w.privileged", False),
        ("violation if w.grants_access", False),
    ],
)
def test_comments_and_other_names_do_not_count(text: str, is_about: bool) -> None:
    policy = Policy("p", "", "", "low", "", (), {}, (), "pack", "m", text, "data.p.violation")

    assert about_accelerators([policy]) == ({"p"} if is_about else set())
