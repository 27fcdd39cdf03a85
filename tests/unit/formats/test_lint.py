from __future__ import annotations

from policyd.errors import PolicySetError, PolicySetWarning
from policyd.formats.lint import text
from policyd.model import Location


def test_each_problem_is_a_line_and_the_last_line_counts_them() -> None:
    one = PolicySetError("unknown key x", Location("set.yaml", 3, 1))
    other = PolicySetError("no such file\x1b")

    assert text([]) == "no problems\n"
    assert text([one]) == "set.yaml:3:1: unknown key x\n1 problem\n"
    assert text([one, other]) == ("set.yaml:3:1: unknown key x\nno such file\\x1b\n2 problems\n")


def test_warnings_are_counted_apart() -> None:
    warning = PolicySetWarning("no constraint names it", Location("a.rego"))

    assert text([warning]) == ("a.rego: warning: no constraint names it\nno problems, 1 warning\n")
