from __future__ import annotations

import itertools
import os
import signal

import pytest

from policyd.cli.many import MANY, Evaluator, Outcome, outcomes, survives_fork
from policyd.cli.options import ComposeFlags, Target
from policyd.config import Settings
from policyd.errors import EngineError, PolicySetError
from policyd.model import Location, Undecided

_made = itertools.count()


def _tell_process() -> Evaluator:
    serial = next(_made)

    def judge(target: Target) -> Outcome:
        return Undecided(target.source, f"{os.getpid()} {serial}")

    return judge


def _targets(count: int) -> list[Target]:
    return [Target(str(number), "/", ComposeFlags()) for number in range(count)]


def test_a_few_projects_are_judged_in_this_process() -> None:
    first, second = outcomes(_targets(2), _tell_process)

    assert first.reason == second.reason
    assert first.reason.split()[0] == str(os.getpid())


@pytest.mark.thorough
def test_many_projects_keep_their_order_on_all_cores() -> None:
    count = MANY * 4

    judged = list(outcomes(_targets(count), _tell_process))

    assert [outcome.source for outcome in judged] == [str(number) for number in range(count)]
    if len(os.sched_getaffinity(0)) > 1:
        processes = [reason.split()[0] for reason in {outcome.reason for outcome in judged}]
        assert str(os.getpid()) not in processes
        assert len(set(processes)) == len(processes), "a judge was made twice in one process"


def _fail() -> Evaluator:
    raise PolicySetError("it is wrong", Location("set.yaml", 1, 2))


def _die() -> Evaluator:
    os.kill(os.getpid(), signal.SIGKILL)
    return _tell_process()


@pytest.mark.thorough
@pytest.mark.parametrize("count", [1, MANY * 2])
def test_what_makes_a_judge_impossible_is_said_whatever_the_number(count: int) -> None:
    with pytest.raises(PolicySetError, match=r"^set\.yaml:1:2: it is wrong$"):
        list(outcomes(_targets(count), _fail))


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core there is no worker")
def test_a_killed_process_is_an_error_and_not_silence() -> None:
    with pytest.raises(EngineError, match="a worker process was killed"):
        list(outcomes(_targets(MANY * 2), _die))


def _tell_parent() -> Evaluator:
    made_in = os.getpid()
    return lambda target: Undecided(target.source, f"{made_in} {os.getpid()}")


@pytest.mark.thorough
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core there is no worker")
@pytest.mark.parametrize("survives", [True, False])
def test_a_judge_that_survives_a_fork_is_made_once_before_the_workers(survives: bool) -> None:
    judged = list(outcomes(_targets(MANY * 2), _tell_parent, survives_fork=survives))

    pairs = [outcome.reason.split() for outcome in judged]
    own = str(os.getpid())
    assert all((made_in == own) is survives and worker != own for made_in, worker in pairs)


def test_a_judge_is_not_kept_for_the_next_targets() -> None:
    first = list(outcomes(_targets(MANY * 2), _tell_process, survives_fork=True))
    second = list(outcomes(_targets(MANY * 2), _tell_process, survives_fork=True))

    serials = [{outcome.reason.split()[1] for outcome in found} for found in (first, second)]
    assert serials[0].isdisjoint(serials[1])


def test_services_with_connections_do_not_survive_a_fork() -> None:
    assert survives_fork(Settings())
    assert not survives_fork(Settings(audit="audit.db"))
    assert not survives_fork(Settings(images="inspect"))
