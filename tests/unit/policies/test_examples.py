from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policyd.policies.examples import Examples, built_in_policies, examples


@pytest.fixture(scope="module")
def policies():
    return built_in_policies()


def test_every_built_in_policy_has_a_denied_and_an_allowed_example(policies) -> None:
    found = {id_: examples(policy) for id_, policy in policies.items()}
    without = {id_ for id_, one in found.items() if not (one.denied and one.allowed)}

    assert len(policies) > 50
    assert without == set()


def test_examples_do_not_show_what_the_tests_expect(policies) -> None:
    assert not [id_ for id_, one in policies.items() if "# expect" in examples(one).denied]


def test_a_short_sample_without_settings_is_preferred(policies, tmp_path: Path) -> None:
    policy = msgspec.structs.replace(policies["no-privileged"], module="mine/x/policy.rego")
    samples = tmp_path / "mine" / "x" / "samples"
    for name, text in {
        "denied_a/compose.yaml": "# expect: no-privileged\n# host: gpu\nx: 1\n",
        "denied_b/compose.yaml": "# expect: no-privileged\nlonger: 1\n",
        "denied_c.yaml": "# expect: no-privileged\nshort: 1\n",
        "denied_d.yaml": "x\n" * 41,
        "allowed.yaml": "fine: 1\n",
    }.items():
        (samples / name).parent.mkdir(parents=True, exist_ok=True)
        (samples / name).write_text(text)
    (samples / "denied_e.yaml").write_bytes(b"\xff\n")

    assert examples(policy, tmp_path) == Examples("short: 1\n", "fine: 1\n")
    assert examples(policy) == Examples()
