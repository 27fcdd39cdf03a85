from __future__ import annotations

import os

from policyd.cli.many import MANY, Judge, Outcome, Undecided, outcomes
from policyd.cli.options import ComposeFlags, Target


def _tell_process() -> Judge:
    def judge(target: Target) -> Outcome:
        return Undecided(target.source, str(os.getpid()))

    return judge


def _targets(count: int) -> list[Target]:
    return [Target(str(number), "/", ComposeFlags()) for number in range(count)]


def test_a_few_projects_are_judged_in_this_process() -> None:
    assert [outcome.reason for outcome in outcomes(_targets(2), _tell_process)] == [
        str(os.getpid())
    ] * 2


def test_many_projects_keep_their_order_on_all_cores() -> None:
    count = MANY * 4

    judged = list(outcomes(_targets(count), _tell_process))

    assert [outcome.source for outcome in judged] == [str(number) for number in range(count)]
    if len(os.sched_getaffinity(0)) > 1:
        assert str(os.getpid()) not in {outcome.reason for outcome in judged}
