from __future__ import annotations

from policyd.formats.explanation import Explainable, Explanation, explanation_text, list_text
from policyd.formats.policies import PolicyInSet
from policyd.policies.examples import Examples
from policyd.policies.policy_set import load_policy_set

SHOWN = PolicyInSet(load_policy_set().policies["no-all-gpus"], load_policy_set())


def test_sections_without_content_are_left_out() -> None:
    shown = explanation_text(Explanation(SHOWN, Examples()))

    assert "Denied:" not in shown
    assert "`policyd fix`" not in shown
    assert shown.startswith("no-all-gpus: All GPUs of the host (high)\nIt denies here.\n\nWhy:\n")


def test_parameters_of_a_sample_are_named() -> None:
    denied = "# constraints: {no-all-gpus: {limit: 2}}\nservices: {}\n"
    allowed = "# constraints: {no-all-gpus: {}}\nservices: {}\n"
    shown = explanation_text(Explanation(SHOWN, Examples(denied, allowed)))

    assert "\nDenied:\n  # with the parameters {limit: 2}\n  services: {}\n" in shown
    assert "\nAllowed:\n  services: {}\n" in shown


def test_the_list_has_severity_action_and_title() -> None:
    assert list_text(Explainable({"no-all-gpus": SHOWN})).splitlines()[1].split(maxsplit=3) == [
        "no-all-gpus",
        "high",
        "deny",
        "All GPUs of the host",
    ]
