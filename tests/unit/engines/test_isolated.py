"""The embedded engine in processes of its own: no policy harms the evaluation after it."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.deadline import within
from policyd.engines import EMPTY_INPUT, EngineOptions
from policyd.engines.embedded import EmbeddedEngine
from policyd.engines.isolated import EVALUATORS, IsolatedEngine, create
from policyd.errors import ConfigError, EngineError, Overloaded, ReviewTimeout
from policyd.model import Finding, Findings
from policyd.policies.policy_set import load_policy_set

MAIN = """package policyd.main

result := {"findings": findings}

findings contains {"policy": "p", "msg": "found"} if input.review.uid == "find"

findings contains {"policy": "p", "msg": "never"} if {
	input.review.uid == "endless"
	count([1 | some i in numbers.range(1, 90000); some j in numbers.range(1, 90000); i + j < 0]) > 0
}

findings contains {"policy": "p", "msg": concat("", big)} if {
	input.review.uid == "memory"
	big := [x | some i in numbers.range(1, 900000); x := sprintf("%d %s", [i, input.text])]
}

findings contains {"policy": "p", "msg": "never"} if {
	input.review.uid == "at once"
	count(numbers.range(1, 100000000)) == 0
}

findings contains {"policy": "p", "msg": "never"} if {
	input.review.uid == "panic"
	object.subset(object.get({}, input.text, [1]), object.get({}, "", []))
}

findings contains {"policy": "p", "msg": "never"} if {
	input.review.uid == "crash"
	f(1) == 2
}

f(x) := f(x + 1)
"""

NO_MEMORY = (
    "evaluating the policies needs more than 0.75 GiB of memory: let their rules build smaller "
    "collections"
)


def asking(uid: str) -> bytes:
    return b'{"review": {"uid": "%s"}, "text": "%s"}' % (uid.encode(), b"x" * 2000)


@pytest.fixture
def engine() -> Iterator[IsolatedEngine]:
    made = IsolatedEngine({"main.rego": MAIN}, {}, deadline=60)
    yield made
    made.close()


def evaluators(engine: IsolatedEngine) -> list[int]:
    return [evaluator._process.pid for evaluator in engine._idle]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.thorough
def test_findings_come_back_and_the_evaluator_is_used_again(engine) -> None:
    assert engine.findings(asking("find")) == Findings((Finding("p", "found"),))
    first = evaluators(engine)
    assert engine.findings(asking("other")) == Findings(())

    assert evaluators(engine) == first
    assert len(first) == 1


def test_an_evaluator_outlives_the_thread_that_asked_first(engine) -> None:
    thread = threading.Thread(target=lambda: engine.findings(asking("find")))
    thread.start()
    thread.join()
    first = evaluators(engine)

    for _ in range(20):
        engine.findings(asking("find"))

    assert evaluators(engine) == first
    assert is_there(first[0])


@pytest.mark.parametrize(
    ("uid", "reason"),
    [
        ("crash", "the evaluator process ended by SIGSEGV"),
        ("at once", NO_MEMORY),
        pytest.param("memory", NO_MEMORY, marks=pytest.mark.slow),
    ],
)
def test_a_policy_that_ends_its_process_harms_no_later_evaluation(uid: str, reason: str) -> None:
    engine = IsolatedEngine({"main.rego": MAIN}, {}, deadline=60, memory=768 * 1024**2)

    with pytest.raises(EngineError) as refused:
        engine.findings(asking(uid))

    assert str(refused.value) == reason
    assert engine.findings(asking("find")).findings == (Finding("p", "found"),)
    engine.close()


@pytest.mark.thorough
def test_what_panics_write_is_not_kept(engine) -> None:
    for _ in range(2):
        with pytest.raises(EngineError, match="panicked"):
            engine.findings(asking("panic"))
    engine.findings(asking("find"))
    (evaluator,) = engine._idle

    assert os.fstat(evaluator._errors.fileno()).st_size == 0


@pytest.mark.thorough
def test_an_endless_policy_is_stopped_at_the_deadline_and_its_process_is_gone() -> None:
    engine = IsolatedEngine({"main.rego": MAIN}, {}, deadline=1.5)
    engine.findings(asking("find"))
    [pid] = evaluators(engine)

    with pytest.raises(EngineError, match=r"evaluating the policies exceeded 1\.5 seconds"):
        engine.findings(asking("endless"))

    assert not is_there(pid)
    engine._deadline = 60
    assert engine.findings(asking("find")).findings == (Finding("p", "found"),)
    engine.close()


@pytest.mark.thorough
def test_an_evaluation_that_has_little_time_left_blames_no_policy() -> None:
    engine = IsolatedEngine({"main.rego": MAIN}, {}, deadline=60)
    engine.findings(asking("find"))

    with within(0.5), pytest.raises(ReviewTimeout):
        engine.findings(asking("endless"))

    assert engine.findings(asking("find")).findings == (Finding("p", "found"),)
    engine.close()


@pytest.mark.thorough
def test_neighbours_are_answered_while_an_evaluation_hangs(engine) -> None:
    hanging = threading.Thread(target=lambda: _ignored(engine, "endless"), daemon=True)
    engine.findings(asking("find"))
    [pid] = evaluators(engine)
    hanging.start()
    while evaluators(engine):
        time.sleep(0.01)

    assert engine.findings(asking("find")).findings == (Finding("p", "found"),)

    os.kill(pid, signal.SIGKILL)
    hanging.join(30)
    assert not hanging.is_alive()


@pytest.mark.slow
def test_a_review_that_finds_all_evaluators_busy_is_an_overload_and_no_denial() -> None:
    engine = IsolatedEngine({"main.rego": MAIN}, {}, deadline=6)
    hanging = [
        threading.Thread(target=lambda: _ignored(engine, "endless")) for _ in range(EVALUATORS)
    ]
    for thread in hanging:
        thread.start()
    while engine._count < EVALUATORS:
        time.sleep(0.01)

    with pytest.raises(Overloaded, match=r"^all evaluators were busy for 3 seconds; try again$"):
        engine.findings(asking("find"))

    for thread in hanging:
        thread.join()
    engine.close()


def test_a_killed_evaluator_is_an_error_and_the_next_one_works(engine) -> None:
    engine.findings(asking("find"))
    os.kill(evaluators(engine)[0], signal.SIGKILL)

    with pytest.raises(EngineError, match="the evaluator process ended unexpectedly"):
        engine.findings(asking("find"))

    assert engine.findings(asking("find")).findings == (Finding("p", "found"),)


def test_an_error_of_the_policy_is_told_with_its_place() -> None:
    engine = IsolatedEngine({"main.rego": MAIN + "\nresult := 1 if true\n"}, {})

    with pytest.raises(EngineError, match=r"main\.rego"):
        engine.findings(asking("find"))
    engine.close()


def test_an_undefined_result_is_an_error() -> None:
    engine = IsolatedEngine({"main.rego": "package policyd.main\n\nresult := 1 if false\n"}, {})

    with pytest.raises(EngineError):
        engine.findings(EMPTY_INPUT)
    engine.close()


@pytest.mark.thorough
def test_no_process_is_left_behind(engine) -> None:
    engine.findings(asking("find"))
    [pid] = evaluators(engine)
    engine.close()
    assert not is_there(pid)

    other = IsolatedEngine({"main.rego": MAIN}, {})
    other.findings(asking("find"))
    [pid] = evaluators(other)
    del other
    gc.collect()
    assert not is_there(pid)


def test_large_inputs_pass(engine) -> None:
    text = b"x" * (8 * 1024**2)

    assert engine.findings(b'{"review": {"uid": "find"}, "text": "%s"}' % text).findings


def test_secrets_of_the_environment_do_not_reach_the_evaluator(engine, monkeypatch) -> None:
    monkeypatch.setenv("POLICYD_ENGINE_TOKEN", "s3cret")
    engine.findings(asking("find"))
    [pid] = evaluators(engine)

    assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_it_finds_what_the_engine_in_process_finds() -> None:
    policy_set = load_policy_set()
    isolated = create(policy_set, EngineOptions(deadline=60))
    here = EmbeddedEngine(policy_set.modules, policy_set.data, 60)

    assert isolated.findings(EMPTY_INPUT) == here.findings(EMPTY_INPUT)
    isolated.close()
    here.close()


def test_a_server_is_not_for_it() -> None:
    with pytest.raises(ConfigError, match="engine_url is set"):
        create(load_policy_set(), EngineOptions(url="http://127.0.0.1:1"))


def _ignored(engine: IsolatedEngine, uid: str) -> None:
    try:
        engine.findings(asking(uid))
    except EngineError:
        return
