"""The embedded engine: real Rego, real regorus, real threads and forks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from policyd.deadline import within
from policyd.engines import decode
from policyd.engines.embedded import EmbeddedEngine, explain, interpreter
from policyd.errors import EngineError, ReviewTimeout
from policyd.model import Finding, Findings, Location
from tests.support.cases import cases

MAIN = """package policyd.main

result := {"findings": findings}

findings contains {"policy": "p", "msg": input.msg, "service": "web", "path": ["services", 0]}
"""

Make = Callable[..., EmbeddedEngine]


@pytest.fixture
def make() -> Iterator[Make]:
    engines: list[EmbeddedEngine] = []

    def made(text: str, **data: object) -> EmbeddedEngine:
        engines.append(EmbeddedEngine({"main.rego": text}, data))
        return engines[-1]

    yield made
    for engine in engines:
        engine.close()


def test_findings_are_what_rego_says(make: Make) -> None:
    engine = make(MAIN)

    found = engine.findings(b'{"msg": "no"}')

    assert found.findings == (Finding("p", "no", "web", ("services", 0)),)


def test_each_question_has_its_own_input(make: Make) -> None:
    engine = make(MAIN, devices=[])

    answers = [engine.findings(b'{"msg": "%d"}' % n).findings[0].msg for n in range(3)]

    assert answers == ["0", "1", "2"]


def test_undefined_result_is_an_error(make: Make) -> None:
    engine = make("package policyd.main\n\nresult := x if x := input.missing\n")

    with pytest.raises(EngineError, match=r"the result of data.policyd.main.result is malformed"):
        engine.findings(b"{}")


def test_no_rule_of_that_name_is_an_error(make: Make) -> None:
    engine = make("package policyd.main\n\nother := 1\n")

    with pytest.raises(EngineError, match="not a valid rule path"):
        engine.findings(b"{}")


def test_error_of_a_builtin_is_an_error_with_its_place(make: Make) -> None:
    engine = make('package policyd.main\n\nresult := to_number("512m")\n')

    with pytest.raises(EngineError, match=r"main\.rego:3:22: could not parse string as number"):
        engine.findings(b"{}")


def test_input_that_is_not_json_is_an_error_and_the_next_question_is_answered(make: Make) -> None:
    engine = make(MAIN, devices=[])

    with pytest.raises(EngineError):
        engine.findings(b"{")

    assert engine.findings(b'{"msg": "again"}').findings[0].msg == "again"


def test_rego_that_does_not_compile_is_an_error(make: Make) -> None:
    engine = make("package policyd.main\n\nresult := {\n")

    with pytest.raises(EngineError, match=r"main\.rego:4:1: "):
        engine.findings(b"{}")


def test_answer_after_the_deadline_is_an_error() -> None:
    engine = EmbeddedEngine({"main.rego": MAIN}, {"devices": []}, deadline=0.0)

    with pytest.raises(EngineError, match="evaluating the policies exceeded 0 seconds"):
        engine.findings(b'{"msg": ""}')

    engine.close()


def test_an_evaluation_without_time_left_blames_no_policy(make: Make) -> None:
    engine = make(MAIN, devices=[])

    with within(0.01):
        time.sleep(0.02)
        with pytest.raises(ReviewTimeout):
            engine.findings(b'{"msg": ""}')


def test_threads_share_one_engine_thread(make: Make) -> None:
    before = set(threading.enumerate())
    engine = make(MAIN, devices=[])
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = engine.findings(b'{"msg": "%d"}' % number).findings[0].msg

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: str(number) for number in range(8)}
    assert [t.name for t in set(threading.enumerate()) - before] == ["policyd-engine"]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_process_evaluates_with_a_thread_of_its_own(make: Make) -> None:
    engine = make(MAIN, devices=[])
    engine.findings(b'{"msg": "parent"}')
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os.write(writer, engine.findings(b'{"msg": "child"}').findings[0].msg.encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 100) == b"child"
    assert engine.findings(b'{"msg": "parent"}').findings[0].msg == "parent"
    os.close(reader)
    os.close(writer)


def test_closed_engine_has_no_thread(make: Make) -> None:
    before = set(threading.enumerate())
    engine = make(MAIN, devices=[])
    engine.findings(b'{"msg": ""}')

    engine.close()
    engine.close()

    assert set(threading.enumerate()) - before == set()


def test_forgotten_engine_has_no_thread_once_it_has_answered(make: Make) -> None:
    before = set(threading.enumerate())
    engine = EmbeddedEngine({"main.rego": MAIN}, {"devices": []})
    engine.findings(b'{"msg": ""}')
    (thread,) = set(threading.enumerate()) - before

    del engine
    thread.join()

    assert not thread.is_alive()


def test_panic_is_explained_without_its_backtrace() -> None:
    class Panic(BaseException):
        pass

    assert explain(Panic("it broke\n\nStack backtrace:\n   0: <unknown>")) == (
        "the Rego interpreter panicked: it broke",
        None,
    )


def test_error_of_a_parser_has_its_place() -> None:
    with pytest.raises(RuntimeError) as caught:
        interpreter({"gpu/policy.rego": "package p\n\nx := [\n"}, {})

    assert explain(caught.value)[1] == Location("gpu/policy.rego", 4, 1)


@cases(
    "answer",
    [
        '"<undefined>"',
        "{}",
        '{"findings": {}}',
        '{"findings": [{"policy": "p"}]}',
        '{"findings": [{"policy": "p", "msg": 1}]}',
        "not json",
    ],
)
def test_answer_of_another_shape_is_an_error(answer: str) -> None:
    with pytest.raises(EngineError):
        decode(answer)


def test_nothing_found_is_an_answer() -> None:
    assert decode('{"findings": []}') == Findings(())
