from __future__ import annotations

from policyd.host.denial import LONGEST, denial
from policyd.model import Decision, Status, Violation


def violation(policy: str = "no-privileged", action="deny", **fields) -> Violation:
    given = {"message": "service web runs privileged", "remediation": "Remove it.", **fields}
    return Violation(policy, policy, action, "high", **given)


def decided(*violations: Violation, message: str = "1 policy denies") -> Decision:
    status = Status(403, "Forbidden", message)
    return Decision("u", False, status, violations, decision_id="d-1")


def test_one_violation_is_one_line():
    assert denial(decided(violation())) == (
        "no-privileged: service web runs privileged. Fix: Remove it. (decision d-1)"
    )


def test_several_violations_are_a_list_that_is_cut():
    found = denial(decided(*(violation(f"p{n}", remediation="") for n in range(7))))

    assert found.splitlines() == [
        "7 violations:",
        *(f"- p{n}: service web runs privileged" for n in range(5)),
        "- and 2 more",
        "(decision d-1)",
    ]


def test_violations_that_do_not_deny_are_left_out():
    found = decided(violation(), violation("other", "warn"))

    assert "other" not in denial(found)


def test_an_error_is_its_message():
    assert denial(decided(message="HostConfig: expected an object")) == (
        "HostConfig: expected an object (decision d-1)"
    )


def test_control_characters_and_long_texts_do_not_reach_the_terminal():
    found = denial(decided(violation(message="a\x1b[31m\nb" + "c" * 1_000, remediation="")))

    assert found.startswith("no-privileged: a [31m b")
    assert len(found) == len("no-privileged: ") + LONGEST + len(" (decision d-1)")
